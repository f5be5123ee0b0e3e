import { describe, expect, test } from '@jest/globals';
import { GoogleApiError } from './errors.ts';
import type { GoogleEvent } from './event-schema.ts';
import { expandRecurrence, findOccurrence } from './recurrence.ts';

const zone = 'America/Toronto';
const year = { from: Date.parse('2026-01-01T00:00:00Z'), to: Date.parse('2027-01-01T00:00:00Z') };

const allDay = (start: string, end: string, ...recurrence: string[]): GoogleEvent => ({
  id: 'series',
  start: { date: start },
  end: { date: end },
  recurrence,
});

const timed = (start: string, end: string, ...recurrence: string[]): GoogleEvent => ({
  id: 'series',
  start: { dateTime: start, timeZone: zone },
  end: { dateTime: end, timeZone: zone },
  recurrence,
});

const dates = (event: GoogleEvent, window = year) => expandRecurrence(event, zone, window).map(each => each.start.date);

describe('expanding a series', () => {
  test('repeats every few days, as often as COUNT says', () => {
    const event = allDay('2026-02-27', '2026-02-28', 'RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3');
    expect(dates(event)).toEqual(['2026-02-27', '2026-03-01', '2026-03-03']);
  });

  test('includes the day that UNTIL names', () => {
    const event = allDay('2026-02-01', '2026-02-02', 'RRULE:FREQ=DAILY;UNTIL=20260203');
    expect(dates(event)).toEqual(['2026-02-01', '2026-02-02', '2026-02-03']);
  });

  test('takes the weekdays of BYDAY from the start on, in every second week', () => {
    const event = allDay('2026-02-04', '2026-02-05', 'RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=4');
    expect(dates(event)).toEqual(['2026-02-06', '2026-02-16', '2026-02-20', '2026-03-02']);
  });

  test('leaves out EXDATE, which still counts', () => {
    const event = allDay('2026-02-01', '2026-02-03', 'RRULE:FREQ=WEEKLY;COUNT=3', 'EXDATE;VALUE=DATE:20260208');
    expect(dates(event)).toEqual(['2026-02-01', '2026-02-15']);
  });

  test('skips months that lack the day', () => {
    const event = allDay('2026-01-31', '2026-02-01', 'RRULE:FREQ=MONTHLY;COUNT=3');
    expect(dates(event)).toEqual(['2026-01-31', '2026-03-31', '2026-05-31']);
  });

  test('keeps its wall-clock time when the clocks change', () => {
    const event = timed('2026-03-07T15:00:00-05:00', '2026-03-07T16:00:00-05:00', 'RRULE:FREQ=DAILY;COUNT=2');
    const occurrences = expandRecurrence(event, zone, year);
    expect(occurrences.map(each => each.start.dateTime)).toEqual([
      '2026-03-07T15:00:00-05:00',
      '2026-03-08T15:00:00-04:00',
    ]);
    expect(occurrences.map(each => each.id)).toEqual(['series_20260307T200000Z', 'series_20260308T190000Z']);
  });

  test('excludes a timed instance by its local time', () => {
    const event = timed(
      '2026-03-07T15:00:00-05:00',
      '2026-03-07T16:00:00-05:00',
      'RRULE:FREQ=DAILY;COUNT=3',
      'EXDATE;TZID=America/Toronto:20260308T150000',
    );
    expect(expandRecurrence(event, zone, year)).toHaveLength(2);
  });

  test('shows what overlaps the window, the window ends themselves excluded', () => {
    const event = allDay('2026-02-01', '2026-02-03', 'RRULE:FREQ=WEEKLY');
    const window = { from: Date.parse('2026-02-09T12:00:00Z'), to: Date.parse('2026-02-22T05:00:00Z') };
    expect(dates(event, window)).toEqual(['2026-02-08', '2026-02-15']);
  });

  test('finds an instance by its id, and only one the series has', () => {
    const event = allDay('2026-02-01', '2026-02-03', 'RRULE:FREQ=WEEKLY;COUNT=2');
    expect(findOccurrence(event, 'series_20260208', zone)?.end).toEqual({ date: '2026-02-10' });
    expect(findOccurrence(event, 'series_20260209', zone)).toBeUndefined();
    expect(findOccurrence(event, 'series_20260215', zone)).toBeUndefined();
  });

  test.each([
    'RRULE:FREQ=HOURLY',
    'RRULE:COUNT=2',
    'RRULE:FREQ=DAILY;COUNT=0',
    'RRULE:FREQ=MONTHLY;BYDAY=1MO',
    'nonsense',
  ])('refuses %s', rule => {
    expect(() => dates(allDay('2026-02-01', '2026-02-02', rule))).toThrow(GoogleApiError);
  });
});
