import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addDays } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet } from './chalets.ts';
import { untilIdle } from './until-idle.ts';

const inView = 10_000;
const longGone = 1_000;
/** More than are written together. */
const vanished = 1_200;

describe('a calendar with many events', () => {
  let system: CalendarSystem;
  let other: Awaited<ReturnType<CalendarSystem['start']>> | undefined;
  let pageRead: ((point: CrashPoint) => Promise<void>) | undefined;
  beforeAll(async () => {
    system = await startCalendarSystem();
    // Shorter than the list takes: who does not renew loses the calendar to the other replica.
    const timing = { leaseMs: 15_000, renewLeaseEveryMs: 100, lookForWorkEveryMs: 100 };
    const overrides = { timing, passing: async (point: CrashPoint) => pageRead?.(point) };
    await system.restart({}, overrides);
    other = await system.start({}, overrides);
  });
  afterAll(async () => {
    await other?.drain();
    await system.drain();
  });

  const fill = ({ calendarId }: Chalet, count: number, from: number) => {
    for (let index = 0; index < count; index += 1) {
      const date = day(from + (index % 700));
      system.google.createEvent(calendarId, {
        summary: `Famille ${index}`,
        description: 'Arrive le soir. '.repeat(20),
        start: { date },
        end: { date: addDays(date, 1) },
      });
    }
  };
  const lists = ({ calendarId }: Chalet) => {
    const calls = system.google.calls({ method: 'GET', calendarId, path: '/events' });
    const full = calls.filter(({ query }) => query?.timeMin !== undefined);
    return { full: full.map(({ status }) => status), incremental: calls.length - full.length };
  };
  const rowsOf = async ({ chaletId }: Chalet) => {
    const { rows } = await system.pool.query<{ active: number; all: number }>(
      `SELECT count(*)::int AS all, (count(*) FILTER (WHERE status = 'active'))::int AS active
         FROM external_events WHERE chalet_id = $1`,
      [chaletId],
    );
    return rows[0];
  };
  const everythingIsTold = () =>
    eventually(
      async () => (await system.pool.query('SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')).rowCount === 0,
      { timeoutMs: 120_000, describe: 'every event is told of' },
    );

  test('is read page by page, by one replica at a time; what is long over is not asked for', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    fill(chalet, inView, 0);
    fill(chalet, longGone, -800);
    system.google.clearCalls();
    system.google.addFault({ match: { method: 'GET', calendarId: chalet.calendarId }, latencyMs: 4_500, times: 0 });
    await choose(system, chalet).catch(() => undefined);
    await eventually(async () => (await rowsOf(chalet))?.all !== 0, {
      timeoutMs: 120_000,
      describe: 'the calendar is read',
    });
    expect(await rowsOf(chalet)).toEqual({ all: inView, active: inView });
    expect(lists(chalet).full).toEqual([200, 200, 200, 200]);
    system.google.clearFaults();
    await everythingIsTold();
    // What is gone from the list goes, however much it is.
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId, times: 0 });
    for (const { id } of system.google.listEvents(chalet.calendarId).slice(0, vanished))
      system.google.deleteEvent(chalet.calendarId, id ?? '');
    system.google.expireSyncTokens(chalet.calendarId);
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chalet.chaletId]);
    await eventually(async () => (await rowsOf(chalet))?.active === inView - vanished, { timeoutMs: 120_000 });
    expect((await rowsOf(chalet))?.all).toBe(inView);
    await everythingIsTold();
  }, 300_000);

  test('that changes while it is read for the first time is read once more, and then only for what changed', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    fill(chalet, 3_000, 0);
    system.google.clearCalls();
    let goOn = () => {};
    let isHeld = false;
    const released = new Promise<void>(resolve => {
      goOn = resolve;
    });
    pageRead = async point => {
      if (point !== 'between two pages of a list') return;
      isHeld = true;
      await released;
    };
    const chosen = choose(system, chalet).catch(() => undefined);
    await eventually(() => isHeld, { describe: 'the first page is read' });
    await eventually(() => system.google.channels().some(({ calendarId }) => calendarId === chalet.calendarId), {
      describe: 'a push channel for the calendar',
    });
    fill(chalet, 3, 800);
    await system.google.pushesSettled();
    goOn();
    await chosen;
    await untilIdle(system, chalet.chaletId);
    expect(lists(chalet)).toEqual({ full: [200, 200], incremental: 1 });
    expect(await rowsOf(chalet)).toEqual({ all: 3_003, active: 3_003 });
    await everythingIsTold();
  }, 300_000);
});
