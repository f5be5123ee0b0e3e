import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedConnectedChalet } from './chalets.ts';

describe('how soon and how often Google is asked', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const stay = (from: number, to: number) => ({ start: { date: day(from) }, end: { date: day(to) } });
  const cameIn = async (chalet: Chalet, summary: string) => {
    await eventually(
      () =>
        system.published.some(
          ({ subject, body }) =>
            subject === 'calendar.external_event_changed' &&
            body.chaletId === chalet.chaletId &&
            body.title === summary,
        ),
      { describe: `the event ${summary}` },
    );
  };
  const listsOf = (chalet: Chalet) => system.google.calls({ calendarId: chalet.calendarId, method: 'GET' }).length;
  const change = (chalet: Chalet, assignments: string) =>
    system.pool.query(`UPDATE calendars SET ${assignments} WHERE chalet_id = $1`, [chalet.chaletId]);
  const consult = async (chalet: Chalet) =>
    granted(await system.ask(calendarRequests.consult, { chaletId: chalet.chaletId, from: day(1), to: day(9) }));
  const syncedAtOf = async (chalet: Chalet) => {
    const { rows } = await system.pool.query('SELECT last_sync_at FROM calendars WHERE chalet_id = $1', [
      chalet.chaletId,
    ]);
    return rows[0].last_sync_at.toISOString();
  };

  test('what was pushed while no replica ran comes in at the start', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.createEvent(chalet.calendarId, { summary: 'Unheard of', ...stay(30, 31) });
    await change(chalet, `last_sync_at = now() - interval '1 minute'`);
    await system.restart();
    await cameIn(chalet, 'Unheard of');
  });

  test('periodic readings are spread over the interval, so that calendars chosen together do not stay together', async () => {
    const chalets = [];
    for (let count = 0; count < 6; count += 1) chalets.push(await seedConnectedChalet(system));
    await Promise.all(
      chalets.map(async ({ owner: actor, chaletId }) =>
        granted(await system.ask(calendarRequests.syncCalendar, { actor, chaletId })),
      ),
    );
    const { rows } = await system.pool.query<{ seconds: number }>(
      `SELECT extract(epoch FROM next_sync_at - last_sync_at)::float8 AS seconds FROM calendars
        WHERE chalet_id = ANY ($1)`,
      [chalets.map(({ chaletId }) => chaletId)],
    );
    const pauses = rows.map(({ seconds }) => seconds);
    expect(pauses).toHaveLength(6);
    // A fifth earlier or later than the 300 s they are set to, less what a busy machine takes.
    expect(Math.min(...pauses)).toBeGreaterThan(230);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(360);
    expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(5);
  });

  test('a replica that starts beside another does not read again what was just read', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    // Just read, however long the other takes to start.
    await change(chalet, `last_sync_at = now() + interval '1 minute', next_sync_at = now() + interval '5 minutes'`);
    const replica = await system.start();
    const { rows } = await system.pool.query(
      `SELECT next_sync_at > now() + interval '1 minute' AS later FROM calendars WHERE chalet_id = $1`,
      [chalet.chaletId],
    );
    expect(rows).toEqual([{ later: true }]);
    await replica.drain();
  });

  test('a writer’s lease is short, so that a killed one is soon followed, and kept for as long as Google takes', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const match = { method: 'POST', calendarId: chalet.calendarId };
    system.google.addFault({ match, latencyMs: 9_000 });
    system.google.addFault({ match, status: 503, times: 0 });
    await announce(system, booking);
    const leaseOf = async () => {
      const { rows } = await system.pool.query<{ until: number; seconds: number }>(
        `SELECT extract(epoch FROM lease_until)::float8 AS until, extract(epoch FROM lease_until - now())::float8 AS seconds
           FROM lanes WHERE chalet_id = $1 AND lease_until IS NOT NULL`,
        [chalet.chaletId],
      );
      return rows[0];
    };
    const attempts = async () => {
      const { rows } = await system.pool.query('SELECT attempts FROM mirrors WHERE booking_id = $1', [booking.id]);
      return rows[0].attempts;
    };
    const first = await eventually(leaseOf, { describe: 'a lease' });
    expect(first.seconds).toBeLessThan(7);
    const renewed = async () => ((await leaseOf())?.until ?? 0) > first.until && (await attempts()) === 0;
    await eventually(renewed, { describe: 'the lease is renewed during the first try' });
    // It is given up after 8 seconds.
    await eventually(async () => (await attempts()) > 0, { describe: 'the first try is given up' });
    system.google.clearFaults();
    await mirrorOf(system, chalet, booking);
    expect(eventsOf(system, chalet)).toHaveLength(1);
  });

  test('checks during an outage say unreachable at once, and try no more often than planned', async () => {
    const chalet = await seedConnectedChalet(system);
    await settled(system, chalet);
    await system.google.pushesSettled();
    await change(chalet, `last_sync_at = now() - interval '1 hour'`);
    const match = { calendarId: chalet.calendarId, path: 'events$' };
    system.google.addFault({ match, status: 503, retryAfter: 30, times: 0 });
    const before = listsOf(chalet);
    for (let index = 0; index < 5; index += 1) expect((await consult(chalet)).status).toBe('unreachable');
    expect(listsOf(chalet) - before).toBe(1);
    system.google.clearFaults();
  });

  test('a copy whose last sync failed is not fresh, however young it is, until one succeeds', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    expect((await consult(chalet)).status).toBe('fresh');
    const match = { calendarId: chalet.calendarId, path: 'events$' };
    system.google.addFault({ match, status: 503, retryAfter: 30 });
    const sync = () => system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId });
    const syncedAt = await syncedAtOf(chalet);
    await expect(sync()).rejects.toMatchObject({ name: 'UnavailableError', service: 'google' });
    expect(await consult(chalet)).toMatchObject({ status: 'unreachable', syncedAt });
    // The pause that Google asked for is over.
    await system.pool.query('UPDATE connections SET paused_until = NULL WHERE establishment_id = $1', [
      chalet.establishmentId,
    ]);
    granted(await sync());
    expect((await consult(chalet)).status).toBe('fresh');
  });

  test('a calendar that Google does not find any more is said to be gone, not Google', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.deleteCalendar(chalet.calendarId);
    const answer = await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId });
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: 'not_found', message: expect.stringContaining('Google') },
    });
    expect((await consult(chalet)).status).toBe('unreachable');
  });

  test('a copy without a connection that works is unreachable, since its last good sync', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    const syncedAt = await syncedAtOf(chalet);
    // As when a sync that was under way ends after the connection was revoked.
    await system.pool.query(`UPDATE connections SET status = 'revoked', reason = 'test' WHERE establishment_id = $1`, [
      chalet.establishmentId,
    ]);
    expect(await consult(chalet)).toMatchObject({ status: 'unreachable', syncedAt });
  });
});
