import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addDays, type CivilDate, calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem, today } from './calendar-system.ts';
import { announceChalet, type Chalet, choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';

type Event = Parameters<CalendarSystem['google']['createEvent']>[1];

/** The next second Sunday of March and first Sunday of November: there the clocks of Toronto change. */
function changesOfClocks(): { spring: CivilDate; autumn: CivilDate } {
  const year = Number(today().slice(0, 4)) + 1;
  const sunday = (month: string, nth: number) => {
    const first = `${year}-${month}-01`;
    const weekday = new Date(`${first}T00:00:00Z`).getUTCDay();
    return addDays(first, ((7 - weekday) % 7) + 7 * (nth - 1));
  };
  return { spring: sunday('03', 2), autumn: sunday('11', 1) };
}

describe('the nights that an owner’s events take', () => {
  let system: CalendarSystem;
  let chalet: Chalet;
  beforeAll(async () => {
    system = await startCalendarSystem();
    chalet = await seedConnectedChalet(system);
  });
  afterAll(() => system.drain());

  const sync = async () =>
    granted(await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId }));
  const activeRows = async (prefix: string) => {
    const { rows } = await system.pool.query<{ stay: string }>(
      `SELECT start_date || '/' || end_date AS stay FROM external_events
        WHERE chalet_id = $1 AND status = 'active' AND google_event_id LIKE $2 ORDER BY start_date`,
      [chalet.chaletId, `${prefix}%`],
    );
    return rows.map(({ stay }) => stay);
  };
  const nightsOf = async (event: Event) => {
    const { id } = system.google.createEvent(chalet.calendarId, event);
    await sync();
    return activeRows(id ?? '');
  };
  const allDay = { start: { date: day(10) }, end: { date: day(12) } };
  const timed = (start: string, end: string, timeZone = 'America/Toronto') => ({
    start: { dateTime: start, timeZone },
    end: { dateTime: end, timeZone },
  });
  const { spring, autumn } = changesOfClocks();
  const self = (responseStatus: string) => ({
    ...allDay,
    attendees: [{ email: ownerEmail, responseStatus }, { email: 'friend@example.com' }],
  });

  const cases: [string, Event, string[]][] = [
    ['all day', allDay, [`${day(10)}/${day(12)}`]],
    ['some hours of one day', timed(`${day(10)}T14:00:00`, `${day(10)}T16:00:00`), [`${day(10)}/${day(11)}`]],
    ['two nights with times', timed(`${day(10)}T16:00:00`, `${day(12)}T11:00:00`), [`${day(10)}/${day(12)}`]],
    ['until midnight', timed(`${day(10)}T16:00:00`, `${day(12)}T00:00:00`), [`${day(10)}/${day(12)}`]],
    ['in another zone', timed(`${day(10)}T02:00:00`, `${day(11)}T02:00:00`, 'Europe/Paris'), [`${day(9)}/${day(10)}`]],
    [
      'over the change to summer time',
      timed(`${spring}T00:30:00`, `${addDays(spring, 1)}T00:00:00`),
      [`${spring}/${addDays(spring, 1)}`],
    ],
    [
      'into the change to summer time',
      timed(`${addDays(spring, -1)}T23:30:00`, `${spring}T03:30:00`),
      [`${addDays(spring, -1)}/${spring}`],
    ],
    [
      'over the change to winter time',
      timed(`${addDays(autumn, -1)}T16:00:00`, `${addDays(autumn, 1)}T11:00:00`),
      [`${addDays(autumn, -1)}/${addDays(autumn, 1)}`],
    ],
    ['tentative', { ...allDay, status: 'tentative' }, [`${day(10)}/${day(12)}`]],
    ['private', { ...allDay, visibility: 'private' }, [`${day(10)}/${day(12)}`]],
    ['under a long name', { ...allDay, summary: `${'x'.repeat(499)}😀 party` }, [`${day(10)}/${day(12)}`]],
    ['accepted', self('accepted'), [`${day(10)}/${day(12)}`]],
    ['not answered', self('needsAction'), [`${day(10)}/${day(12)}`]],
    ['out of office', { ...allDay, eventType: 'outOfOffice' }, [`${day(10)}/${day(12)}`]],
    ['focus time', { ...allDay, eventType: 'focusTime' }, [`${day(10)}/${day(12)}`]],
    ['from a mail', { ...allDay, eventType: 'fromGmail' }, [`${day(10)}/${day(12)}`]],
    ['declined', self('declined'), []],
    ['shown as free', { ...allDay, transparency: 'transparent' }, []],
    ['a birthday', { ...allDay, eventType: 'birthday' }, []],
    ['a working location', { ...allDay, eventType: 'workingLocation' }, []],
  ];
  test.each(cases)('%s', async (name, event, nights) => {
    expect(await nightsOf({ summary: name, ...event })).toEqual(nights);
  });

  test('are known from the first reading on, however long ago a stay under way began', async () => {
    const other = await seedChalet(system);
    granted((await connectGoogle(system, other)).answer);
    const stays: [string, number, number][] = [
      ['over for a season', -130, -100],
      ['over since yesterday', -3, -1],
      ['all around the months that are asked for', -200, 200],
      ['under way', -40, 1],
      ['for more than a month', 20, 60],
    ];
    for (const [summary, from, to] of stays) {
      system.google.createEvent(other.calendarId, { summary, start: { date: day(from) }, end: { date: day(to) } });
    }
    const moment = { dateTime: `${day(5)}T12:00:00`, timeZone: 'America/Toronto' };
    system.google.createEvent(other.calendarId, { summary: 'no time at all', start: moment, end: moment });
    granted(await choose(system, other));
    const read = 'SELECT FROM calendars WHERE chalet_id = $1 AND last_sync_at IS NOT NULL';
    await eventually(async () => (await system.pool.query(read, [other.chaletId])).rowCount === 1);
    const { rows } = await system.pool.query(
      `SELECT title, start_date || '/' || end_date AS stay FROM external_events WHERE chalet_id = $1 ORDER BY start_date`,
      [other.chaletId],
    );
    expect(rows).toEqual([
      { title: 'all around the months that are asked for', stay: `${day(-200)}/${day(200)}` },
      { title: 'under way', stay: `${day(-40)}/${day(1)}` },
      { title: 'over since yesterday', stay: `${day(-3)}/${day(-1)}` },
      { title: 'no time at all', stay: `${day(5)}/${day(6)}` },
      { title: 'for more than a month', stay: `${day(20)}/${day(60)}` },
    ]);
    const { busy } = granted(
      await system.ask(calendarRequests.consult, { chaletId: other.chaletId, from: day(30), to: day(31) }),
    );
    expect(busy.map(({ startDate }) => startDate)).toEqual([day(-200), day(20)]);
  });

  test('come and go as the owner answers, frees, and takes back', async () => {
    const { calendarId } = chalet;
    const { id = '' } = system.google.createEvent(calendarId, { summary: 'Perhaps', ...allDay });
    const eventId = id ?? '';
    const after = async (change: Event) => {
      system.google.patchEvent(calendarId, eventId, change);
      await sync();
      return activeRows(eventId);
    };
    expect(await after({ transparency: 'transparent' })).toEqual([]);
    expect(await after({ transparency: 'opaque' })).toHaveLength(1);
    expect(await after({ attendees: [{ email: ownerEmail, responseStatus: 'declined' }] })).toEqual([]);
    expect(await after({ attendees: [{ email: ownerEmail, responseStatus: 'accepted' }] })).toHaveLength(1);
    const { start, end } = timed(`${day(20)}T16:00:00`, `${day(21)}T11:00:00`);
    expect(await after({ start: { date: null, ...start }, end: { date: null, ...end } })).toEqual([
      `${day(20)}/${day(21)}`,
    ]);
  });

  test('of a series follow its instances, and its edits', async () => {
    const { calendarId } = chalet;
    const dates = (from: number) => ({ start: { date: day(from) }, end: { date: day(from + 1) } });
    const series = system.google.createEvent(calendarId, {
      summary: 'Every week',
      ...dates(7),
      recurrence: ['RRULE:FREQ=WEEKLY;COUNT=5'],
    });
    const id = series.id ?? '';
    const stays = async (...starts: number[]) => {
      await sync();
      expect(await activeRows(id)).toEqual(starts.map(from => `${day(from)}/${day(from + 1)}`));
    };
    await stays(7, 14, 21, 28, 35);
    const instance = (from: number) => `${id}_${day(from).replaceAll('-', '')}`;
    system.google.patchEvent(calendarId, instance(14), dates(16));
    await stays(7, 16, 21, 28, 35);
    system.google.deleteEvent(calendarId, instance(21));
    await stays(7, 16, 28, 35);
    // This and all following, from the fourth: Google ends the series and begins another.
    system.google.patchEvent(calendarId, id, {
      recurrence: [`RRULE:FREQ=WEEKLY;UNTIL=${day(27).replaceAll('-', '')}`],
    });
    await stays(7, 16);
    const next = system.google.createEvent(calendarId, {
      summary: 'Every week, a day later',
      ...dates(29),
      recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'],
    });
    await sync();
    expect(await activeRows(next.id ?? '')).toEqual([29, 36].map(from => `${day(from)}/${day(from + 1)}`));
    // All of the series, a day later; the one that was moved keeps to itself or goes with its place.
    system.google.patchEvent(calendarId, next.id ?? '', dates(30));
    await sync();
    expect(await activeRows(next.id ?? '')).toEqual([30, 37].map(from => `${day(from)}/${day(from + 1)}`));
    system.google.deleteEvent(calendarId, id);
    system.google.deleteEvent(calendarId, next.id ?? '');
    await stays();
    expect(await activeRows(next.id ?? '')).toEqual([]);
  });

  test('are others once the establishment is in another zone, also for a list that was read before', async () => {
    const other = await seedConnectedChalet(system);
    const { id = '' } = system.google.createEvent(other.calendarId, {
      summary: 'Late in Toronto',
      ...timed(`${day(40)}T22:00:00`, `${day(41)}T22:00:00`),
    });
    const staysOf = async () => {
      const { rows } = await system.pool.query<{ stay: string }>(
        `SELECT start_date || '/' || end_date AS stay FROM external_events WHERE chalet_id = $1 AND google_event_id = $2`,
        [other.chaletId, id],
      );
      return rows.map(({ stay }) => stay);
    };
    await eventually(async () => (await staysOf())[0] === `${day(40)}/${day(41)}`);
    await system.google.pushesSettled();
    let reached = () => {};
    let release = () => {};
    const isListed = new Promise<void>(resolve => {
      reached = resolve;
    });
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    await system.restart(
      {},
      {
        passing: async point => {
          if (point !== 'calendar listed, nothing applied') return;
          reached();
          await released;
        },
      },
    );
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [other.chaletId]);
    await isListed;
    await announceChalet(system, {
      ...{ id: other.chaletId, establishmentId: other.establishmentId, timezone: 'Europe/Paris', version: 2 },
    });
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT sync_token FROM calendars WHERE chalet_id = $1', [
        other.chaletId,
      ]);
      return rows[0].sync_token === null;
    });
    release();
    await eventually(async () => (await staysOf())[0] === `${day(41)}/${day(42)}`);
    await system.restart();
  });

  test('are few syncs for fifty changes told to two replicas', async () => {
    const replica = await system.start();
    await system.google.pushesSettled();
    system.google.clearCalls();
    const ids = Array.from({ length: 50 }, (_, index) => {
      const dates = { start: { date: day(100 + index) }, end: { date: day(101 + index) } };
      return system.google.createEvent(chalet.calendarId, { summary: `Burst ${index}`, ...dates }).id ?? '';
    });
    await eventually(async () => {
      const { rows } = await system.pool.query(
        'SELECT count(*)::int AS found FROM external_events WHERE chalet_id = $1 AND google_event_id = ANY($2)',
        [chalet.chaletId, ids],
      );
      return rows[0].found === 50;
    });
    await system.google.pushesSettled();
    await sync();
    expect(system.google.calls({ calendarId: chalet.calendarId }).length).toBeLessThanOrEqual(25);
    await replica.drain();
  });
});
