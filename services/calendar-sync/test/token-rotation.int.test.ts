import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import type { Timing } from '../src/timing.ts';
import { announce, mirrorOf, newBooking } from './bookings.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedConnectedChalet } from './chalets.ts';

/** Does nothing unless it is asked. */
const rarely = { lookForWorkEveryMs: 3_600_000, lookForChannelsEveryMs: 3_600_000 };
const beforeStoring: CrashPoint = 'token refreshed, the new one not stored';

describe('refresh tokens that Google rotates while two replicas run', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterEach(async () => {
    release();
    await other?.drain();
    other = undefined;
    // What another test left is not read in this one, and needs no account.
    for (const table of ['mirrors', 'channels', 'calendars', 'connections']) {
      // Again when it and a service wait for each other's locks.
      await eventually(() => system.pool.query(`DELETE FROM ${table}`));
    }
    system.google.clearFaults();
    system.google.configure({ rotateRefreshTokens: false, olderRefreshTokensLast: false });
  });
  afterAll(() => system.drain());

  let other: Awaited<ReturnType<CalendarSystem['start']>> | undefined;
  let release = () => {};

  const connectionOf = async ({ establishmentId }: Chalet): Promise<string> => {
    const { rows } = await system.pool.query<{ status: string }>(
      'SELECT status FROM connections WHERE establishment_id = $1',
      [establishmentId],
    );
    return rows[0]?.status ?? 'none';
  };
  const newsOf = ({ establishmentId }: Chalet) =>
    system.published
      .filter(({ subject, body }) => subject.includes('connection') && body.establishmentId === establishmentId)
      .map(({ body }) => body.status);
  const refreshes = () => system.google.calls({ path: '/token' }).map(({ status }) => status);

  /** One replica holds the token it got, not stored yet; another one is there, and looks for work every moment. */
  async function holdRefreshed(
    chalet: Chalet,
    timing: Pick<Timing, 'refreshLeaseMs' | 'renewLeaseEveryMs'>,
  ): Promise<{ asked: Promise<unknown> }> {
    let reached = () => {};
    const isHeld = new Promise<void>(resolve => {
      reached = resolve;
    });
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    await system.restart(
      {},
      {
        timing: { ...rarely, ...timing },
        passing: async point => {
          if (point !== beforeStoring) return;
          reached();
          await released;
        },
      },
    );
    await eventually(async () => (await dueCalendars()) === 0, { describe: 'the start is over' });
    system.google.configure({ rotateRefreshTokens: true });
    system.google.expireAccessTokens();
    system.google.clearCalls();
    const asked = listCalendars(chalet).catch(() => undefined);
    await isHeld;
    other = await system.start({}, { timing: { ...timing, lookForWorkEveryMs: 50 } });
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chalet.chaletId]);
    return { asked };
  }

  /** A replica that does nothing unless it is asked, once the access token it had has ended. */
  async function startIdle(timing: Partial<Timing> = {}): Promise<Chalet> {
    await system.restart();
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    await system.restart({}, { timing: { ...rarely, ...timing } });
    await eventually(async () => (await dueCalendars()) === 0, { describe: 'the start is over' });
    system.google.configure({ rotateRefreshTokens: true });
    system.google.expireAccessTokens();
    system.google.clearCalls();
    return chalet;
  }
  const listCalendars = ({ owner: actor, establishmentId }: Chalet) =>
    system.ask(calendarRequests.listCalendars, { actor, establishmentId });

  const dueCalendars = async () => {
    const { rowCount } = await system.pool.query(
      `SELECT FROM calendars WHERE next_sync_at < now() + interval '10 seconds' OR lease_owner IS NOT NULL`,
    );
    return rowCount;
  };

  test('only one refreshes a connection at a time: the other waits for the new token, and nothing is revoked', async () => {
    const chalet = await seedConnectedChalet(system);
    const { asked } = await holdRefreshed(chalet, { refreshLeaseMs: 60_000, renewLeaseEveryMs: 1_000 });
    await eventually(
      async () => {
        const { rowCount } = await system.pool.query(
          'SELECT FROM calendars WHERE chalet_id = $1 AND lease_owner IS NOT NULL',
          [chalet.chaletId],
        );
        return rowCount === 1;
      },
      { describe: 'the other replica reads the calendar' },
    );
    release();
    await asked;
    await eventually(async () => (await dueCalendars()) === 0);
    expect(refreshes()).toEqual([200, 200]);
    expect(await connectionOf(chalet)).toBe('active');
    expect(newsOf(chalet)).toEqual(['active']);
  });

  test('who refreshes and gives no sign of life for longer than its lease brings back what was revoked for the older token', async () => {
    await system.restart();
    const chalet = await seedConnectedChalet(system);
    const { asked } = await holdRefreshed(chalet, { refreshLeaseMs: 300, renewLeaseEveryMs: 3_600_000 });
    await eventually(async () => (await connectionOf(chalet)) === 'revoked', { describe: 'the old token is refused' });
    const booking = newBooking(chalet, { startDate: day(30), endDate: day(31) });
    await announce(system, booking);
    release();
    await asked;
    await eventually(async () => (await connectionOf(chalet)) === 'active', { describe: 'the connection is back' });
    await mirrorOf(system, chalet, booking);
    await eventually(() => newsOf(chalet).length === 3);
    expect(newsOf(chalet)).toEqual(['active', 'revoked', 'active']);
    const { rows } = await system.pool.query('SELECT status, problem FROM calendars WHERE chalet_id = $1', [
      chalet.chaletId,
    ]);
    expect(rows).toEqual([{ status: 'ok', problem: null }]);
  });

  test('an answer for which nobody waits any more is kept: the token in it is the only one that is good', async () => {
    const chalet = await startIdle({ refreshPatienceMs: 20, refreshLeaseMs: 10_000 });
    // Longer than Google is waited for by whoever calls, and longer than a lease that is not renewed.
    system.google.addFault({ match: { path: '^/token$' }, answerLatencyMs: 20_000 });
    await expect(listCalendars(chalet)).rejects.toBeInstanceOf(UnavailableError);
    other = await system.start({}, { timing: { lookForWorkEveryMs: 50 } });
    await eventually(() => refreshes().includes(200), { describe: 'Google answers' });
    await eventually(() => listCalendars(chalet).then(granted), { describe: 'access' });
    expect(refreshes()).not.toContain(400);
    expect(await connectionOf(chalet)).toBe('active');
    expect(newsOf(chalet)).toEqual(['active']);
  });

  test('a service that is told to stop stores the token that is on its way first', async () => {
    const chalet = await startIdle({ refreshPatienceMs: 20 });
    system.google.addFault({ match: { path: '^/token$' }, answerLatencyMs: 500 });
    await expect(listCalendars(chalet)).rejects.toBeInstanceOf(UnavailableError);
    await system.restart();
    await eventually(() => listCalendars(chalet).then(granted), { describe: 'access' });
    expect(refreshes()).not.toContain(400);
    expect(newsOf(chalet)).toEqual(['active']);
  });

  test('an answer that is lost costs nothing where the token before is still good', async () => {
    const chalet = await startIdle();
    system.google.configure({ olderRefreshTokensLast: true });
    system.google.addFault({ match: { path: '^/token$' }, loseResponse: 'after' });
    await expect(listCalendars(chalet)).rejects.toBeInstanceOf(UnavailableError);
    expect(granted(await listCalendars(chalet)).items).not.toHaveLength(0);
    expect(newsOf(chalet)).toEqual(['active']);
  });

  test('calls that are refused one after the other refresh once', async () => {
    const chalet = await startIdle();
    granted(await listCalendars(chalet));
    system.google.expireAccessTokens();
    system.google.clearCalls();
    system.google.addFault({ match: { path: 'calendarList' }, latencyMs: 1_000 });
    const late = listCalendars(chalet);
    await eventually(() => system.google.calls({ path: '/users/me/calendarList' }).length === 1, {
      describe: 'a call with the token that ended',
    });
    granted(await listCalendars(chalet));
    granted(await late);
    expect(refreshes()).toEqual([200]);
  });

  test('a token that comes after the owner has disconnected is revoked', async () => {
    await system.restart();
    const chalet = await seedConnectedChalet(system);
    const { asked } = await holdRefreshed(chalet, { refreshLeaseMs: 60_000, renewLeaseEveryMs: 1_000 });
    const { owner: actor, establishmentId } = chalet;
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: false }));
    const revoked = () => system.google.calls({ path: '/revoke' }).filter(({ status }) => status === 200).length;
    const before = revoked();
    release();
    await asked;
    await eventually(() => revoked() === before + 1, { describe: 'the token is revoked' });
  });
});
