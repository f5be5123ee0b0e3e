import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BookingSnapshot, bookingRequests, calendarRequests, ok, refuse } from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import { announce, cancelled, eventsOf, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose } from './chalets.ts';
import { listDecisions, seedAskingOwner } from './questions.ts';

describe('what an owner decided about a change in Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const listed = (chalet: Chalet) => listDecisions(system, chalet);
  const decide = ({ owner: actor, establishmentId }: Chalet, decisionId: string, decision: 'restore' | 'cancel') =>
    system.ask(calendarRequests.decideDrift, { actor, establishmentId, decisionId, decision });
  const newsOf = (booking: BookingSnapshot) =>
    system.published
      .filter(({ subject, body }) => subject === 'calendar.drift_decided' && body.bookingId === booking.id)
      .map(({ body }) => `${body.outcome} by ${body.by}`);

  /** A question that waits about a booking whose event was moved. */
  async function asked() {
    const { chalet, booking, eventId } = await seedAskingOwner(system);
    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(11) }, end: { date: day(13) } });
    const { id } = await eventually(async () => (await listed(chalet))[0], { describe: 'a decision that waits' });
    return { chalet, booking, id };
  }

  /** The booking service, which cancels for owners, counts how often, and says so or (`silent`) not yet. */
  async function startBooking(booking: BookingSnapshot, o: { silent?: boolean } = {}) {
    const asks: string[] = [];
    const server = await system.asBooking([
      handle(bookingRequests.cancel, async ({ bookingId, actor }) => {
        asks.push(`${bookingId} by ${actor.kind}`);
        const done = { ...cancelled(booking), cancelReason: 'owner' as const };
        if (!o.silent) await announce(system, done);
        return ok(done);
      }),
    ]);
    return { asks, drain: () => server.drain() };
  }

  /** A service that ends there: nothing that passes goes on, and its leases are not renewed. */
  async function crashAt(at: CrashPoint): Promise<() => number> {
    let struck = 0;
    const passing = async (point: CrashPoint) => {
      if (point !== at) return;
      struck += 1;
      await new Promise(() => undefined);
    };
    await system.restart({}, { passing, timing: { renewLeaseEveryMs: 3_600_000 } });
    return () => struck;
  }

  /** What was claimed by the service that ended is free, as it is after a while. */
  const claimsEnd = () => system.pool.query('UPDATE drift_decisions SET next_attempt_at = now()');

  test('to cancel while the booking service is away is kept, told, and done when it is back', async () => {
    const { chalet, booking, id } = await asked();
    expect(granted(await decide(chalet, id, 'cancel'))).toMatchObject({
      status: 'waiting',
      underWay: 'cancel',
      problem: expect.stringContaining('tried again by itself'),
      decidedAt: expect.any(String),
    });
    expect(refusalOf(await decide(chalet, id, 'restore'))).toBe('already_decided');
    expect(granted(await decide(chalet, id, 'cancel'))).toMatchObject({ underWay: 'cancel' });
    expect(await listed(chalet)).toMatchObject([{ id, underWay: 'cancel' }]);
    // Also in another calendar by now, and after a restart.
    const other = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 1);
    await system.restart();
    expect(newsOf(booking)).toEqual([]);
    const server = await startBooking(booking);
    await eventually(() => newsOf(booking).length > 0, { describe: 'the decision is carried out' });
    // Asked again when the answer was slow: booking cancels once, however often it is asked.
    expect(new Set(server.asks)).toEqual(new Set([`${booking.id} by owner`]));
    await eventually(() => eventsOf(system, chalet, other).length === 0);
    expect(await listed(chalet)).toEqual([]);
    expect(granted(await decide(chalet, id, 'cancel'))).toMatchObject({ status: 'cancelled', problem: null });
    expect(newsOf(booking)).toEqual(['cancel by owner']);
    await server.drain();
  });

  test('to cancel is given back with the reason when the booking service refuses', async () => {
    const { chalet, booking, id } = await asked();
    granted(await decide(chalet, id, 'cancel'));
    const server = await system.asBooking([
      handle(bookingRequests.cancel, async () => refuse('forbidden', 'This stay has begun.')),
    ]);
    await eventually(async () => (await listed(chalet))[0]?.underWay === null, { describe: 'it waits again' });
    expect(await listed(chalet)).toMatchObject([
      { id, status: 'waiting', decidedAt: null, problem: 'The booking was not cancelled: This stay has begun.' },
    ]);
    // Under way, once more, where booking's answer is slow; it is given back again then.
    await eventually(async () => refusalOf(await decide(chalet, id, 'cancel')) === 'forbidden');
    granted(await decide(chalet, id, 'restore'));
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate);
    await server.drain();
  });

  test.each<CrashPoint>(['decided to cancel, booking not asked', 'booking cancelled as decided, not noted'])(
    'to cancel is done once, although the service ends at: %s',
    async point => {
      const { chalet, booking, id } = await asked();
      // What was cancelled is not told yet, so that nothing but the decision itself can end it.
      const server = await startBooking(booking, { silent: true });
      const struck = await crashAt(point);
      // It is never answered.
      decide(chalet, id, 'cancel').catch(() => undefined);
      await eventually(() => struck() > 0, { describe: 'the service ends there' });
      expect(newsOf(booking)).toEqual([]);
      await system.restart();
      await claimsEnd();
      await eventually(() => newsOf(booking).length > 0, { describe: 'the decision is carried out' });
      expect(await listed(chalet)).toEqual([]);
      expect(granted(await decide(chalet, id, 'cancel')).status).toBe('cancelled');
      await announce(system, { ...cancelled(booking), cancelReason: 'owner' });
      await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
      expect(newsOf(booking)).toEqual(['cancel by owner']);
      expect(new Set(server.asks)).toEqual(new Set([`${booking.id} by owner`]));
      await server.drain();
    },
  );

  test('to restore is done although the service ends before anybody is woken, and Google is away for a while', async () => {
    const { chalet, booking, id } = await asked();
    const struck = await crashAt('decided to restore, nobody woken');
    system.google.setDown(true);
    // It is never answered.
    decide(chalet, id, 'restore').catch(() => undefined);
    await eventually(() => struck() > 0, { describe: 'the service ends there' });
    await system.restart();
    expect(granted(await decide(chalet, id, 'restore'))).toMatchObject({ status: 'restored', underWay: 'restore' });
    system.google.setDown(false);
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate);
    await eventually(async () => granted(await decide(chalet, id, 'restore')).underWay === null);
    expect(newsOf(booking)).toEqual(['restore by owner']);
  });
});
