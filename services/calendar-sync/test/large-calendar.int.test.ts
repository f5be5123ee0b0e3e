import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addDays } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import {
  type CalendarSystem,
  type Chalet,
  choose,
  connectGoogle,
  day,
  granted,
  seedChalet,
  startCalendarSystem,
} from './calendar-system.ts';

const inView = 10_000;
const longGone = 1_000;

describe('a calendar with many events', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
    // Shorter than the list takes: who does not renew loses the calendar to the other replica.
    const timing = { leaseMs: 800, renewLeaseEveryMs: 100, lookForWorkEveryMs: 100 };
    await system.restart({}, { timing });
    other = await system.start({}, { timing });
  });
  afterAll(async () => {
    await other?.drain();
    await system.drain();
  });
  let other: Awaited<ReturnType<CalendarSystem['start']>> | undefined;

  const fill = ({ calendarId }: Chalet, count: number, from: number) => {
    for (let index = 0; index < count; index += 1) {
      const date = day(from + (index % 700));
      system.google.createEvent(calendarId, {
        summary: `Famille ${index}`,
        start: { date },
        end: { date: addDays(date, 1) },
      });
    }
  };
  const fullLists = ({ calendarId }: Chalet) =>
    system.google
      .calls({ method: 'GET', calendarId, path: '/events' })
      .filter(({ query }) => query?.timeMin !== undefined);

  test('is read page by page, by one replica at a time; what is long over is not asked for', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    fill(chalet, inView, 0);
    fill(chalet, longGone, -800);
    system.google.clearCalls();
    system.google.addFault({ match: { method: 'GET', calendarId: chalet.calendarId }, latencyMs: 400, times: 0 });
    granted(await choose(system, chalet));
    const rows = async () => {
      const { rowCount } = await system.pool.query('SELECT FROM external_events WHERE chalet_id = $1', [
        chalet.chaletId,
      ]);
      return rowCount;
    };
    await eventually(async () => (await rows()) !== 0, { timeoutMs: 120_000, describe: 'the calendar is read' });
    expect(await rows()).toBe(inView);
    // Four pages; on a machine so busy that the short lease could not be renewed, some of them again, by one who took over.
    const pages = fullLists(chalet).map(({ status }) => status);
    expect(new Set(pages)).toEqual(new Set([200]));
    expect(pages.length).toBeGreaterThanOrEqual(4);
    expect(pages.length).toBeLessThan(4 * 3);
    await eventually(
      async () => (await system.pool.query('SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')).rowCount === 0,
      { timeoutMs: 120_000, describe: 'every event is told of' },
    );
  }, 300_000);
});
