import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import {
  announce,
  type CalendarSystem,
  type Chalet,
  day,
  mirrorOf,
  newBooking,
  seedConnectedChalet,
  startCalendarSystem,
} from './calendar-system.ts';

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
    system.google.configure({ rotateRefreshTokens: false });
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
  async function holdRefreshed(chalet: Chalet, refreshLeaseMs: number): Promise<{ asked: Promise<unknown> }> {
    let reached = () => {};
    const isHeld = new Promise<void>(resolve => {
      reached = resolve;
    });
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    // Does nothing unless it is asked, so that the other one does what is due.
    const rarely = { lookForWorkEveryMs: 3_600_000, lookForChannelsEveryMs: 3_600_000 };
    await system.restart(
      {},
      {
        timing: { ...rarely, refreshLeaseMs },
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
    const { owner: actor, establishmentId } = chalet;
    const asked = system.ask(calendarRequests.listCalendars, { actor, establishmentId }).catch(() => undefined);
    await isHeld;
    other = await system.start({}, { timing: { lookForWorkEveryMs: 50, refreshLeaseMs } });
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chalet.chaletId]);
    return { asked };
  }

  const dueCalendars = async () => {
    const { rowCount } = await system.pool.query(
      `SELECT FROM calendars WHERE next_sync_at < now() + interval '10 seconds' OR lease_owner IS NOT NULL`,
    );
    return rowCount;
  };

  test('only one refreshes a connection at a time: the other waits for the new token, and nothing is revoked', async () => {
    const chalet = await seedConnectedChalet(system);
    const { asked } = await holdRefreshed(chalet, 60_000);
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

  test('who refreshes for longer than its lease brings back what was revoked for the older token', async () => {
    await system.restart();
    const chalet = await seedConnectedChalet(system);
    const { asked } = await holdRefreshed(chalet, 1);
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
});
