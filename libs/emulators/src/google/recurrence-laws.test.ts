import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expandRecurrence } from './recurrence.ts';

const dayMs = 86_400_000;
const days = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const epoch = Date.UTC(2026, 0, 5); // a Monday
const dateOf = (day: number): string => new Date(epoch + day * dayMs).toISOString().slice(0, 10);
const compact = (day: number): string => dateOf(day).replaceAll('-', '');
const weekdayOf = (day: number): number => ((day % 7) + 7) % 7;

const series = fc
  .record({
    first: fc.integer({ min: 0, max: 400 }),
    nights: fc.integer({ min: 1, max: 4 }),
    weekly: fc.boolean(),
    interval: fc.integer({ min: 1, max: 4 }),
    others: fc.uniqueArray(fc.nat(6), { maxLength: 3 }),
    end: fc.oneof(
      fc.record({ count: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ until: fc.integer({ min: 0, max: 90 }) }),
    ),
    excluded: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }),
  })
  // The first instance is of the series by its own rule.
  .map(one => ({ ...one, weekdays: [...new Set([weekdayOf(one.first), ...one.others])].sort((a, b) => a - b) }));
type Series = typeof series extends fc.Arbitrary<infer T> ? T : never;

function ruleOf(one: Series): string[] {
  const end = 'count' in one.end ? `COUNT=${one.end.count}` : `UNTIL=${compact(one.first + one.end.until)}`;
  const byDay = one.weekly ? `;BYDAY=${one.weekdays.map(day => days[day]).join(',')}` : '';
  const rule = `RRULE:FREQ=${one.weekly ? 'WEEKLY' : 'DAILY'};INTERVAL=${one.interval}${byDay};${end}`;
  const excluded = one.excluded.map(day => `EXDATE;VALUE=DATE:${compact(one.first + day)}`);
  return [rule, ...excluded];
}

/** Day by day, asking of each whether the rule means it. */
function naiveDays(one: Series): number[] {
  const found: number[] = [];
  const monday = one.first - weekdayOf(one.first);
  for (let day = one.first; day < one.first + 600; day += 1) {
    if ('count' in one.end && found.length === one.end.count) break;
    if ('until' in one.end && day > one.first + one.end.until) break;
    const isMeant = one.weekly
      ? Math.floor((day - monday) / 7) % one.interval === 0 && one.weekdays.includes(weekdayOf(day))
      : (day - one.first) % one.interval === 0;
    if (isMeant) found.push(day);
  }
  return found.filter(day => !one.excluded.includes(day - one.first));
}

test('a series of whole days has the instances that a look at every day of the calendar finds', () => {
  fc.assert(
    fc.property(series, one => {
      const master = {
        id: 'series',
        start: { date: dateOf(one.first) },
        end: { date: dateOf(one.first + one.nights) },
        recurrence: ruleOf(one),
      };
      const found = expandRecurrence(master, 'America/Toronto', {});
      expect(found.map(({ start, end }) => [start.date, end.date])).toEqual(
        naiveDays(one).map(day => [dateOf(day), dateOf(day + one.nights)]),
      );
    }),
    { numRuns: 300 },
  );
});

/** As events are stored: with the offset that this zone has then. */
const instantOf = (wall: string, zone: string): string =>
  Temporal.PlainDateTime.from(wall).toZonedDateTime(zone).toString({ timeZoneName: 'never' });

test('a timed series keeps its hour on the wall through every change of the clocks', () => {
  const hour = fc.constantFrom('04:30:00', '09:00:00', '16:00:00', '23:30:00');
  fc.assert(
    fc.property(series, hour, fc.constantFrom('America/Toronto', 'Europe/Paris'), (one, time, timeZone) => {
      const at = (day: number) => ({ dateTime: instantOf(`${dateOf(day)}T${time}`, timeZone), timeZone });
      const master = {
        id: 'series',
        start: at(one.first),
        end: at(one.first + one.nights),
        recurrence: ruleOf({ ...one, excluded: [] }),
      };
      const wall = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
      const starts = expandRecurrence(master, timeZone, {}).map(({ start }) =>
        wall.format(new Date(start.dateTime ?? '')).replace(' ', 'T'),
      );
      expect(starts).toEqual(naiveDays({ ...one, excluded: [] }).map(day => `${dateOf(day)}T${time}`));
    }),
    { numRuns: 100 },
  );
});
