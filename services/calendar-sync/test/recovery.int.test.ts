import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, seedConnectedChalet } from './chalets.ts';
import { seedBlocked } from './interrupt.ts';
import { untilIdle } from './until-idle.ts';

describe('when Google wants everything listed again', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const askToSync = ({ owner: actor, chaletId }: Chalet) =>
    system.ask(calendarRequests.syncCalendar, { actor, chaletId });
  const sync = async (chalet: Chalet) => granted(await askToSync(chalet));
  const newsOf = (chalet: Chalet) =>
    system.published
      .filter(({ subject, body }) => subject.startsWith('calendar.external_event') && body.chaletId === chalet.chaletId)
      .map(({ body }) => body);
  const stay = (from: number, to: number) => ({ start: { date: day(from) }, end: { date: day(to) } });
  /** Everything that is kept of a chalet's events, but for the event of this id. */
  const kept = async ({ chaletId }: Chalet, but: string) => {
    const external = await system.pool.query(
      'SELECT * FROM external_events WHERE chalet_id = $1 AND google_event_id <> $2 ORDER BY google_event_id',
      [chaletId, but],
    );
    const mirrors = await system.pool.query('SELECT * FROM mirrors WHERE chalet_id = $1 ORDER BY booking_id', [
      chaletId,
    ]);
    return { external: external.rows, mirrors: mirrors.rows };
  };
  const writesOf = ({ calendarId }: Chalet) =>
    system.google.calls({ calendarId }).filter(({ method, eventId }) => method !== 'GET' && eventId !== undefined);

  /** A mirror of a pending, a paid and a cancelled booking, an event that stays, one in progress, one to vanish. */
  const seed = async () => {
    const chalet = await seedConnectedChalet(system);
    const bookings = [20, 25, 30].map(from => newBooking(chalet, { startDate: day(from), endDate: day(from + 2) }));
    for (const booking of bookings) {
      await announce(system, booking);
      await mirrorOf(system, chalet, booking);
    }
    const [, paid, dropped] = bookings;
    if (!paid || !dropped) throw new Error('three bookings');
    await announce(system, { ...paid, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, paid, '[CONFIRMED] Chalet 1 - John Doe');
    await announce(system, cancelled(dropped));
    await eventually(async () => (await stateOf(system, dropped.id)) === 'removed');
    for (const [summary, dates] of [
      ['Stays', stay(5, 6)],
      ['In progress', stay(-40, 2)],
    ] as const) {
      system.google.createEvent(chalet.calendarId, { summary, ...dates });
    }
    const vanishing = system.google.createEvent(chalet.calendarId, { summary: 'Vanishes', ...stay(8, 9) }).id ?? '';
    await eventually(() => newsOf(chalet).length === 3);
    await settled(system, chalet);
    await untilIdle(system, chalet.chaletId);
    return { chalet, vanishing };
  };
  /** The owner deletes an event, nobody hears of it, and Google forgets deletions and tokens. */
  const loseDeletion = (chalet: Chalet, eventId: string) => {
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.deleteEvent(chalet.calendarId, eventId);
    system.google.expireSyncTokens(chalet.calendarId);
  };

  test.each(['fullSyncRequired', 'updatedMinTooLongAgo', 'deleted'])(
    'for the reason %s, what vanished goes by absence, and nothing else changes',
    async reason => {
      const { chalet, vanishing } = await seed();
      const before = await kept(chalet, vanishing);
      loseDeletion(chalet, vanishing);
      system.google.clearCalls();
      const match = { method: 'GET', calendarId: chalet.calendarId, path: 'events$' };
      system.google.addFault({ match, status: 410, reason });
      expect(await sync(chalet)).toMatchObject({ full: true, changed: 0, removed: 1 });
      await eventually(() => newsOf(chalet).length === 4);
      expect(newsOf(chalet).at(-1)).toMatchObject({ kind: 'removed', googleEventId: vanishing });
      await settled(system, chalet);
      expect(await kept(chalet, vanishing)).toEqual(before);
      expect(writesOf(chalet)).toEqual([]);
      expect(await sync(chalet)).toMatchObject({ full: false, changed: 0, removed: 0 });
      expect(eventsOf(system, chalet)).toHaveLength(4);
    },
  );

  test('between two pages of what changed, the pages before it are not half taken over', async () => {
    const { chalet } = await seed();
    system.google.configure({ maxPageSize: 2 });
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId, times: 0 });
    for (let index = 0; index < 5; index += 1) {
      system.google.createEvent(chalet.calendarId, { summary: `New ${index}`, ...stay(50 + index, 51 + index) });
    }
    const match = { method: 'GET', calendarId: chalet.calendarId, path: 'events$' };
    // The first page comes, then the token is spent.
    system.google.addFault({ match, skip: 1, status: 410, reason: 'fullSyncRequired' });
    expect(await sync(chalet)).toMatchObject({ full: true, changed: 5, removed: 0 });
    system.google.configure({ maxPageSize: 2500 });
    system.google.clearFaults();
  });

  test('and a page of it fails, nothing is taken over, nothing is removed, and the next try lists it all', async () => {
    const { chalet, vanishing } = await seed();
    loseDeletion(chalet, vanishing);
    const before = await kept(chalet, '');
    system.google.configure({ maxPageSize: 2 });
    const match = { method: 'GET', calendarId: chalet.calendarId, path: 'events$' };
    // The incremental list and the first page are answered, the token of the second page has expired.
    system.google.addFault({ match, skip: 2, status: 400, reason: 'invalid', message: 'Invalid page token value.' });
    await expect(askToSync(chalet)).rejects.toMatchObject({ name: 'UnavailableError' });
    expect(await kept(chalet, '')).toEqual(before);
    expect(await sync(chalet)).toMatchObject({ full: true, changed: 0, removed: 1 });
    system.google.configure({ maxPageSize: 2500 });
  });

  test('once a week of itself: an endless series goes on where Google had stopped to expand it', async () => {
    system.google.configure({ expandDays: 30 });
    const chalet = await seedConnectedChalet(system);
    const recurrence = ['RRULE:FREQ=WEEKLY'];
    system.google.createEvent(chalet.calendarId, { summary: 'Cleaning', ...stay(1, 2), recurrence });
    const { chaletId } = chalet;
    const known = async () =>
      (await system.pool.query('SELECT FROM external_events WHERE chalet_id = $1', [chaletId])).rowCount;
    await eventually(async () => newsOf(chalet).length > 0 && newsOf(chalet).length === (await known()));
    const inView = newsOf(chalet).length;
    // Time passes, as Google sees it.
    system.google.configure({ expandDays: 60 });
    expect(await sync(chalet)).toMatchObject({ full: false, changed: 0 });
    await system.pool.query(`UPDATE calendars SET last_full_sync_at = now() - interval '8 days' WHERE chalet_id = $1`, [
      chalet.chaletId,
    ]);
    const report = await sync(chalet);
    expect(report).toMatchObject({ full: true, removed: 0 });
    expect(report.changed).toBeGreaterThanOrEqual(4);
    await eventually(() => newsOf(chalet).length === inView + report.changed);
    expect(await sync(chalet)).toMatchObject({ full: false, changed: 0, removed: 0 });
    system.google.configure({ expandDays: 730 });
  });

  test('a calendar that was out of reach heals by itself when it is back', async () => {
    const { chalet, booking } = await seedBlocked(system);
    const { calendarId, chaletId } = chalet;
    await expect(askToSync(chalet)).resolves.toMatchObject({ ok: false, refusal: { code: 'not_found' } });
    const { rows } = await system.pool.query('SELECT status, reason, since FROM calendars WHERE chalet_id = $1', [
      chaletId,
    ]);
    expect(rows).toMatchObject([{ status: 'blocked', reason: expect.stringContaining('404') }]);
    system.google.shareCalendar(calendarId, ownerEmail, 'owner');
    // The next periodic sync.
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chaletId]);
    await mirrorOf(system, chalet, booking);
    const healed = await system.pool.query('SELECT status, reason FROM calendars WHERE chalet_id = $1', [chaletId]);
    expect(healed.rows).toEqual([{ status: 'ok', reason: null }]);
    granted(await choose(system, chalet, null));
  });
});
