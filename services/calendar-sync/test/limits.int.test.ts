import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, endPause, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('how much Google is asked', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const bookingsOf = (chalet: Chalet, count: number) =>
    Array.from({ length: count }, (_, index) =>
      newBooking(chalet, { startDate: day(10 + index), endDate: day(11 + index) }),
    );
  const insertsOf = (calendarId?: string) =>
    system.google.calls({ method: 'POST', calendarId }).filter(({ eventId }) => eventId !== undefined);
  /** More chalets of the same establishment, each with its calendar. */
  const seedSiblings = async (first: Chalet, count: number) => {
    const siblings = [first];
    while (siblings.length < count) {
      const chalet = await seedChalet(system, first.establishmentId);
      granted(await choose(system, chalet));
      siblings.push(chalet);
    }
    return siblings;
  };

  test('one establishment’s backlog does not hold up another’s booking', async () => {
    const small = await seedConnectedChalet(system);
    const big = await seedSiblings(await seedConnectedChalet(system), 12);
    await system.google.pushesSettled();
    const ofBig = new Set(big.map(({ calendarId }) => calendarId));
    for (const { calendarId } of big) {
      system.google.addFault({ match: { method: 'POST', calendarId }, latencyMs: 1_000, times: 0 });
    }
    system.google.clearCalls();
    const backlog = big.flatMap(chalet => bookingsOf(chalet, 12));
    await Promise.all(backlog.map(booking => announce(system, booking)));
    await eventually(() => insertsOf().length >= 8, { describe: 'the backlog is being written' });
    const before = insertsOf().length;
    const booking = newBooking(small);
    await announce(system, booking);
    await eventually(() => eventsOf(system, small).length === 1, { describe: 'the other booking’s event' });
    const between = insertsOf()
      .slice(before)
      .filter(({ calendarId = '' }) => ofBig.has(calendarId));
    expect(before + between.length).toBeLessThan(backlog.length / 2);
    system.google.clearFaults();
    for (const chalet of big) {
      await eventually(() => eventsOf(system, chalet).length === 12, { timeoutMs: 120_000 });
    }
  }, 300_000);

  test('a calendar has one writer, however many replicas there are', async () => {
    const chalet = await seedConnectedChalet(system);
    await settled(system, chalet);
    const replica = await system.start();
    const { calendarId } = chalet;
    const latencyMs = 120;
    system.google.addFault({ match: { method: 'POST', calendarId }, latencyMs, times: 0 });
    const bookings = bookingsOf(chalet, 12);
    await Promise.all(bookings.map(booking => announce(system, booking)));
    await eventually(() => eventsOf(system, chalet).length === 12);
    const starts = insertsOf(calendarId).map(({ at }) => Date.parse(at));
    expect(starts).toHaveLength(12);
    // Each answer takes that long: none began before the one before it had ended.
    const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(latencyMs - 2);
    system.google.clearFaults();
    await replica.drain();
  });

  test('an access token that is not accepted is refreshed once a try, and costs nobody the connection', async () => {
    const chalet = await seedConnectedChalet(system);
    await settled(system, chalet);
    await system.google.pushesSettled();
    const { calendarId, establishmentId } = chalet;
    system.google.addFault({ match: { method: 'POST', calendarId }, status: 401, times: 2 });
    system.google.clearCalls();
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    expect(insertsOf(calendarId).map(({ status }) => status)).toEqual([401, 401, 200]);
    // One for the second try of the first attempt; the third finds that token still good.
    expect(system.google.calls({ path: '/token' }).length).toBeLessThanOrEqual(2);
    const { rows } = await system.pool.query('SELECT status FROM connections WHERE establishment_id = $1', [
      establishmentId,
    ]);
    expect(rows).toEqual([{ status: 'active' }]);
  });

  test.each([
    { status: 503, retryAfter: 3_600, said: 'seconds' },
    { status: 429, retryAfter: new Date(Date.now() + 3_600_000).toUTCString(), said: 'a date' },
    { status: 403, retryAfter: 3_600, said: 'seconds' },
  ])(
    'a $status that asks to wait, in $said, is heeded by writes and reads until the time is over',
    async ({ status, retryAfter }) => {
      const chalet = await seedConnectedChalet(system);
      await settled(system, chalet);
      await system.google.pushesSettled();
      const { calendarId, chaletId, establishmentId, owner: actor } = chalet;
      system.google.addFault({ match: { method: 'POST', calendarId }, status, retryAfter });
      const [first, second] = bookingsOf(chalet, 2);
      if (!first || !second) throw new Error('two bookings');
      await announce(system, first);
      const pausedUntil = await eventually(async () => {
        const { rows } = await system.pool.query<{ paused_until: Date | null }>(
          'SELECT paused_until FROM connections WHERE establishment_id = $1',
          [establishmentId],
        );
        return rows[0]?.paused_until ?? undefined;
      });
      const callsUntil = system.google.calls({ calendarId }).length;
      await announce(system, second);
      await eventually(async () => {
        const { rows } = await system.pool.query('SELECT last_error FROM mirrors WHERE booking_id = $1', [second.id]);
        return rows[0]?.last_error;
      });
      await expect(system.ask(calendarRequests.syncCalendar, { actor, chaletId })).rejects.toMatchObject({
        name: 'UnavailableError',
      });
      expect(pausedUntil.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
      expect(pausedUntil.getTime()).toBeLessThan(Date.now() + 3_700_000);
      expect(system.google.calls({ calendarId })).toHaveLength(callsUntil);
      await endPause(system, chalet);
      await mirrorOf(system, chalet, first);
      await mirrorOf(system, chalet, second);
    },
  );
});

describe('a connection that was revoked', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  test('is called no more, whatever happens, until its owner connects again', async () => {
    const chalet = await seedConnectedChalet(system);
    const { chaletId, owner: actor, establishmentId } = chalet;
    const bookingOn = (from: number) => newBooking(chalet, { startDate: day(from), endDate: day(from + 1) });
    const [kept, dropped, added] = [bookingOn(20), bookingOn(30), bookingOn(35)];
    if (!kept || !dropped || !added) throw new Error('three bookings');
    for (const booking of [kept, dropped]) {
      await announce(system, booking);
      await mirrorOf(system, chalet, booking);
    }
    await system.google.pushesSettled();
    system.google.revokeAccount(ownerEmail);
    await announce(system, { ...kept, status: 'confirmed', version: 2 });
    await eventually(async () => (await stateOf(system, kept.id)) === 'blocked');
    await settled(system, chalet);

    system.google.clearCalls();
    await announce(system, cancelled(dropped));
    await announce(system, added);
    // The channels of a grant that ended may still push.
    system.google.createEvent(chalet.calendarId, {
      summary: 'Owner',
      start: { date: day(40) },
      end: { date: day(41) },
    });
    await system.google.pushesSettled();
    expect(refusalOf(await system.ask(calendarRequests.syncCalendar, { actor, chaletId }))).toBe(
      'google_not_connected',
    );
    expect(granted(await system.ask(calendarRequests.consult, { chaletId, from: day(1), to: day(9) }))).toMatchObject({
      status: 'unreachable',
    });
    await system.pool.query(`UPDATE calendars SET next_sync_at = now(), watch_at = NULL WHERE chalet_id = $1`, [
      chaletId,
    ]);
    await system.restart();
    for (const { id } of [kept, dropped, added]) {
      await eventually(async () => (await stateOf(system, id)) === 'blocked');
    }
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT FROM calendars WHERE chalet_id = $1 AND next_sync_at > now()', [
        chaletId,
      ]);
      return rows.length === 1;
    });
    expect(system.google.calls()).toEqual([]);

    granted((await connectGoogle(system, { owner: actor, establishmentId })).answer);
    await mirrorOf(system, chalet, kept, '[CONFIRMED] Chalet 1 - John Doe');
    await mirrorOf(system, chalet, added);
    await eventually(() => eventsOf(system, chalet).length === 3, { describe: 'two mirrors and the owner’s event' });
  });
});
