import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedChalet, seedConnectedChalet } from './chalets.ts';
import { untilIdle } from './until-idle.ts';

describe("an availability check's question about Google", () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const consult = async ({ chaletId }: Pick<Chalet, 'chaletId'>) =>
    granted(await system.ask(calendarRequests.consult, { chaletId, from: day(1), to: day(60) }));
  /** Asks again for as long as the reading that it began takes longer than anybody is kept waiting. */
  const consultInTime = (chalet: Chalet) =>
    eventually(async () => {
      const answer = await consult(chalet);
      return answer.status === 'fresh' && answer;
    });
  const age = ({ chaletId }: Chalet) =>
    system.pool.query(`UPDATE calendars SET last_sync_at = now() - interval '1 hour' WHERE chalet_id = $1`, [chaletId]);
  const listings = ({ calendarId }: Chalet) =>
    system.google.calls({ method: 'GET', calendarId }).filter(({ path }) => path.endsWith('/events'));

  test('is answered from a copy that is young enough, without a call', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.clearCalls();
    expect(await consult(chalet)).toMatchObject({ status: 'fresh', busy: [] });
    expect(listings(chalet)).toEqual([]);
  });

  test('brings an old copy up to date first, with what came in meanwhile', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    const dates = { start: { date: day(5) }, end: { date: day(7) } };
    const { id } = system.google.createEvent(chalet.calendarId, { summary: 'Famille', ...dates });
    await age(chalet);
    expect(await consultInTime(chalet)).toMatchObject({
      status: 'fresh',
      busy: [{ googleEventId: id, startDate: day(5), endDate: day(7) }],
    });
  });

  test('that many ask at once, at two replicas, costs one listing', async () => {
    const chalet = await seedConnectedChalet(system);
    const replica = await system.start();
    // What a replica reads when it starts is read.
    await untilIdle(system, chalet.chaletId);
    system.google.addFault({ match: { calendarId: chalet.calendarId, method: 'GET' }, latencyMs: 300 });
    await age(chalet);
    system.google.clearCalls();
    const answers = await Promise.all(Array.from({ length: 20 }, () => consult(chalet)));
    // Whoever waited longer than the deadline was told so.
    expect(answers.every(({ status }) => status === 'fresh' || status === 'unreachable')).toBe(true);
    expect(listings(chalet)).toHaveLength(1);
    system.google.clearFaults();
    await replica.drain();
  });

  test('is answered in time by the last copy when Google hangs, is down, or says no', async () => {
    const chalet = await seedConnectedChalet(system);
    const { syncedAt } = await consult(chalet);
    expect(syncedAt).not.toBeNull();
    const hangs = { match: { calendarId: chalet.calendarId, method: 'GET' }, latencyMs: 30_000, times: 0 };
    system.google.addFault(hangs);
    await age(chalet);
    expect(await consult(chalet)).toMatchObject({ status: 'unreachable', syncedAt: expect.any(String) });
    system.google.clearFaults();

    const other = await seedConnectedChalet(system);
    await age(other);
    system.google.shareCalendar(other.calendarId, ownerEmail, null);
    expect(await consult(other)).toMatchObject({ status: 'unreachable' });
    const isBlocked = "SELECT FROM calendars WHERE chalet_id = $1 AND status = 'blocked'";
    await eventually(async () => (await system.pool.query(isBlocked, [other.chaletId])).rowCount === 1);
    system.google.clearCalls();
    expect(await consult(other)).toMatchObject({ status: 'unreachable' });
    expect(listings(other)).toEqual([]);
  });

  test('says unreachable at once for an account that was taken back, however young the copy is', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.pool.query(`UPDATE connections SET status = 'revoked', reason = 'x' WHERE establishment_id = $1`, [
      chalet.establishmentId,
    ]);
    system.google.clearCalls();
    expect(await consult(chalet)).toMatchObject({ status: 'unreachable' });
    expect(system.google.calls({ calendarId: chalet.calendarId })).toEqual([]);
  });

  test('says not connected for a chalet without a calendar, and for one nobody knows', async () => {
    const none = { status: 'not_connected', syncedAt: null, busy: [] };
    expect(await consult(await seedChalet(system))).toEqual(none);
    expect(await consult({ chaletId: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11' })).toEqual(none);
  });
});
