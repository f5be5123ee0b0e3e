import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addDays,
  bookingRequests,
  calendarEvents,
  establishmentRequests,
  ok,
  paymentEvents,
  paymentRequests,
} from '@monde-sauvage/contracts';
import { handle, serveRequests } from '@monde-sauvage/messaging';
import { createMetrics } from '@monde-sauvage/service-kit';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import {
  admin,
  awaitVersion,
  type BookingSystem,
  book,
  bookInTheEnd,
  granted,
  paymentFor,
  readActions,
  readSnapshot,
  refusalOf,
  seedChalet,
  startBookingSystem,
} from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

const snapshotOf = (bookingId: string) => readSnapshot(system, bookingId);
const untilVersion = (bookingId: string, version: number) => awaitVersion(system, bookingId, version);
const actionsOf = (bookingId: string) => readActions(system, bookingId);

const extend = (bookingId: string, minutes: number) =>
  system.ask(bookingRequests.extendHold, {
    bookingId,
    until: new Date(system.now().getTime() + minutes * 60_000).toISOString(),
  });

/** Plays the payment service for as long as `use` takes. */
async function withPayment(
  outcome: 'released' | 'paid' | 'processing',
  use: (asked: string[]) => Promise<void>,
  beforeAnswer: (bookingId: string) => Promise<unknown> = async () => undefined,
) {
  const asked: string[] = [];
  const server = await serveRequests({
    nc: system.nc,
    service: 'payment',
    handlers: [
      handle(paymentRequests.settleHold, async ({ bookingId }) => {
        await beforeAnswer(bookingId);
        asked.push(bookingId);
        return ok({ outcome });
      }),
    ],
    logger: silentLogger,
    metrics: createMetrics('payment'),
  });
  await system.nc.flush();
  try {
    await use(asked);
  } finally {
    await server.drain();
  }
}

describe('a hold', () => {
  it('is released by the worker once it is over', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    system.travel(31);
    system.service.nudgeHolds();
    expect(await untilVersion(booking.id, 2)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'hold_expired',
      refundPercentage: null,
    });
  });

  it('that is over does not block the next guest, even before the worker comes', async () => {
    const { chalet } = await seedChalet(system);
    const first = granted(await book(system, chalet.id, 10));
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    // Another replica has claimed it and is slow: only the new guest can release it.
    await system.pool.query(`UPDATE bookings SET hold_lease_until = 'infinity' WHERE id = $1`, [first.id]);
    system.travel(31);
    const overlaps = await system.ask(bookingRequests.findOverlaps, {
      chaletId: chalet.id,
      from: first.startDate,
      to: first.endDate,
    });
    expect(granted(overlaps).items).toEqual([]);
    granted(await book(system, chalet.id, 10));
    expect((await snapshotOf(first.id)).cancelReason).toBe('hold_expired');
  });

  it('lasts as long as Checkout and is settled with payment before it is released', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    const extended = granted(await extend(booking.id, 45));
    expect(extended.version).toBe(2);
    expect(granted(await extend(booking.id, 40))).toEqual(extended);
    system.travel(31);
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    system.travel(15);
    await withPayment('paid', async asked => {
      // Again when the worker had asked just before there was anybody to answer.
      await eventually(async () => {
        expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
        return asked.includes(booking.id);
      });
    });
    await withPayment('released', async () => {
      await bookInTheEnd(system, chalet.id, 10);
    });
    expect(refusalOf(await extend(booking.id, 60))).toBe('not_pending');
  });

  it('is kept when Checkout is opened again while payment is being asked about it', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    granted(await extend(booking.id, 31));
    system.travel(32);
    const openAgain = (bookingId: string) => extend(bookingId, 33);
    await withPayment(
      'released',
      async () => expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable'),
      openAgain,
    );
    expect(await snapshotOf(booking.id)).toMatchObject({ status: 'pending' });
  });

  it('is confirmed and not released when its payment is heard of while payment is being asked', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    granted(await extend(booking.id, 31));
    system.travel(32);
    const pay = async (bookingId: string) => {
      const { version } = await snapshotOf(bookingId);
      if (version > 2) return;
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      await untilVersion(bookingId, 3);
    };
    // Payment answers what was true when it looked; what is true at commit counts.
    await withPayment(
      'released',
      async () => expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable'),
      pay,
    );
    expect(await snapshotOf(booking.id)).toMatchObject({ status: 'confirmed', version: 3 });
  });

  it('is released once, by whichever of two replicas and a guest comes first', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    granted(await extend(booking.id, 31));
    const replica = await system.startReplica();
    try {
      system.travel(32);
      await withPayment('released', async () => {
        system.service.nudgeHolds();
        replica.nudgeHolds();
        await bookInTheEnd(system, chalet.id, 10);
        await untilVersion(booking.id, 3);
      });
      expect(await actionsOf(booking.id)).toEqual(['placed', 'hold_extended', 'hold_expired']);
    } finally {
      await replica.drain();
    }
  });

  it('is kept while payment is away, but not for ever', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    granted(await extend(booking.id, 31));
    system.travel(32);
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    system.travel(15);
    granted(await book(system, chalet.id, 10));
  });
});

describe('a hold that Checkout extends again and again', () => {
  it('ends two hours after the booking was made', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    for (const minutes of [33, 63, 93]) granted(await extend(booking.id, minutes));
    expect(refusalOf(await extend(booking.id, 121))).toBe('not_pending');
    system.travel(94);
    await withPayment('released', async () => {
      await bookInTheEnd(system, chalet.id, 10);
    });
  });
});

describe('a payment', () => {
  it('is open from Checkout on, and says so until it expires', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    const payment = paymentFor(booking, { status: 'expired', amountPaid: 0, paidAt: null });
    const until = new Date(system.now().getTime() + 40 * 60_000).toISOString();
    const { paymentId } = payment;
    granted(await system.ask(bookingRequests.extendHold, { bookingId: booking.id, until, paymentId }));
    expect((await snapshotOf(booking.id)).payment.status).toBe('open');
    await system.publish(paymentEvents.paymentExpired, payment);
    expect((await untilVersion(booking.id, 3)).payment.status).toBe('expired');
  });

  it('confirms its booking, once', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    const payment = paymentFor(booking);
    await system.publish(paymentEvents.paymentSucceeded, payment);
    const confirmed = await untilVersion(booking.id, 2);
    expect(confirmed).toMatchObject({
      status: 'confirmed',
      holdExpiresAt: null,
      payment: { status: 'succeeded', amountPaid: 45_000, amountRefunded: 0 },
    });
    await system.publish(paymentEvents.paymentSucceeded, payment);
    const refunded = { ...payment, status: 'partially_refunded' as const, amountRefunded: 1_000, version: 3 };
    await system.publish(paymentEvents.paymentRefunded, refunded);
    expect(await untilVersion(booking.id, 3)).toMatchObject({
      status: 'confirmed',
      payment: { amountRefunded: 1_000 },
    });
    expect(await actionsOf(booking.id)).toEqual(['placed', 'confirmed', 'payment_partially_refunded']);
  });

  it('that comes on top of another is put before a person', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
    await untilVersion(booking.id, 2);
    await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
    await eventually(async () => (await actionsOf(booking.id)).includes('second_payment'));
    expect((await snapshotOf(booking.id)).version).toBe(2);
  });

  it('that a person must look at is noted with the reason and changes nothing', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    const reason = 'amount_mismatch: Stripe took 44999 CAD, we asked for 45000 CAD';
    const payment = paymentFor(booking, { status: 'open', amountPaid: 0, paidAt: null, reason });
    await system.publish(paymentEvents.paymentNeedsReview, payment);
    const noted = await eventually(async () => {
      const { items } = granted(
        await system.ask(bookingRequests.history, { actor: admin, bookingId: booking.id, limit: 100 }),
      );
      return items.find(entry => entry.action === 'payment_needs_review');
    });
    expect(noted).toMatchObject({ by: 'payment', reason, version: 1, changes: {} });
    expect(await snapshotOf(booking.id)).toEqual(expect.objectContaining({ status: 'pending', version: 1 }));
  });

  describe('after the hold ended', () => {
    const expired = async () => {
      const { chalet } = await seedChalet(system);
      const booking = granted(await book(system, chalet.id, 10));
      system.travel(31);
      system.service.nudgeHolds();
      await untilVersion(booking.id, 2);
      return { chalet, booking };
    };

    it('brings the booking back when its nights are still free', async () => {
      const { chalet, booking } = await expired();
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      expect(await untilVersion(booking.id, 3)).toMatchObject({
        status: 'confirmed',
        cancelReason: null,
        cancelledAt: null,
      });
      expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    });

    it('brings the booking back when only a hold that is over is in its way', async () => {
      const { chalet, booking } = await expired();
      const rival = granted(await book(system, chalet.id, 10));
      // Nobody releases it in time: another replica has claimed it and is slow.
      await system.pool.query(`UPDATE bookings SET hold_lease_until = 'infinity' WHERE id = $1`, [rival.id]);
      system.travel(31);
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      expect(await untilVersion(booking.id, 3)).toMatchObject({ status: 'confirmed', cancelReason: null });
      expect(await snapshotOf(rival.id)).toMatchObject({ status: 'cancelled', cancelReason: 'hold_expired' });
    });

    it('is refused when the hold in its way is over and paid', async () => {
      const { chalet, booking } = await expired();
      const rival = granted(await book(system, chalet.id, 10));
      granted(await extend(rival.id, 31));
      await system.pool.query(`UPDATE bookings SET hold_lease_until = 'infinity' WHERE id = $1`, [rival.id]);
      system.travel(32);
      await withPayment('paid', async () => {
        await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
        expect((await untilVersion(booking.id, 3)).cancelReason).toBe('payment_refused');
      });
      expect(await snapshotOf(rival.id)).toMatchObject({ status: 'pending' });
    });

    it('is refused when the owner blocked one of its nights meanwhile', async () => {
      const { chalet, booking } = await expired();
      await system.publish(calendarEvents.externalEventChanged, {
        kind: 'changed',
        chaletId: chalet.id,
        establishmentId: booking.establishmentId,
        calendarId: 'calendar',
        googleEventId: 'family',
        startDate: addDays(booking.startDate, 1),
        endDate: addDays(booking.startDate, 4),
        title: 'Famille Tremblay',
        etag: '"1"',
        revision: 1,
      });
      await eventually(async () => {
        const range = { chaletId: chalet.id, from: booking.startDate, to: addDays(booking.startDate, 4) };
        return granted(await system.ask(bookingRequests.findOverlaps, range)).items.length === 1;
      });
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      expect(await untilVersion(booking.id, 3)).toMatchObject({
        cancelReason: 'payment_refused',
        refundPercentage: 100,
      });
    });

    it('is refused when the chalet is no longer offered', async () => {
      const { chalet, booking } = await expired();
      const archive = { actor: admin, chaletId: chalet.id, patch: { archived: true } };
      granted(await system.ask(establishmentRequests.updateChalet, archive));
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      expect((await untilVersion(booking.id, 3)).cancelReason).toBe('payment_refused');
    });

    it('is refused when the stay has begun, or is over', async () => {
      const { booking } = await expired();
      const days = 11 * 24 * 60;
      system.travel(days);
      await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
      expect((await untilVersion(booking.id, 3)).cancelReason).toBe('payment_refused');
    });

    it('is the first of two to bring the booking back; the second is put before a person', async () => {
      const { booking } = await expired();
      const [first, second] = [paymentFor(booking), paymentFor(booking)];
      await system.publish(paymentEvents.paymentSucceeded, first);
      await untilVersion(booking.id, 3);
      await system.publish(paymentEvents.paymentSucceeded, second);
      await eventually(async () => (await actionsOf(booking.id)).includes('second_payment'));
      expect(await snapshotOf(booking.id)).toMatchObject({ status: 'confirmed', version: 3 });
    });

    it('is refused once, also when a second one comes and the first is told of again', async () => {
      const { chalet, booking } = await expired();
      granted(await book(system, chalet.id, 10));
      const payments = [paymentFor(booking), paymentFor(booking)];
      for (const payment of [...payments, ...payments]) {
        await system.publish(paymentEvents.paymentSucceeded, payment);
      }
      await eventually(async () => (await actionsOf(booking.id)).filter(it => it === 'second_payment').length === 2);
      expect(await snapshotOf(booking.id)).toMatchObject({
        status: 'cancelled',
        cancelReason: 'payment_refused',
        refundPercentage: 100,
        version: 3,
      });
    });

    it('is refused, to be refunded in full, when somebody else has them', async () => {
      const { chalet, booking } = await expired();
      granted(await book(system, chalet.id, 10));
      const payment = paymentFor(booking);
      await system.publish(paymentEvents.paymentSucceeded, payment);
      expect(await untilVersion(booking.id, 3)).toMatchObject({
        status: 'cancelled',
        cancelReason: 'payment_refused',
        refundPercentage: 100,
        payment: { status: 'succeeded' },
      });
    });
  });
});
