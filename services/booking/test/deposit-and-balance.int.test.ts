import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, balanceEvents, establishmentRequests, paymentEvents } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import {
  admin,
  awaitVersion,
  type BookingSystem,
  book,
  granted,
  paymentFor,
  readActions,
  readSnapshot,
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

describe('deposit and balance', () => {
  const terms = { percentage: 40, balanceDaysBefore: 20, reminderDays: 5, graceDays: 2 };
  const booked = async (unpaidBalance: 'keep' | 'cancel', fromDay = 60) => {
    const { chalet, establishment } = await seedChalet(system);
    const patch = { deposit: { ...terms, unpaidBalance } };
    const input = { actor: admin, establishmentId: establishment.id, patch };
    granted(await system.ask(establishmentRequests.updateEstablishment, input));
    return granted(await book(system, chalet.id, fromDay));
  };
  const depositFor = (booking: { id: string; establishmentId: string }) =>
    paymentFor(booking, { purpose: 'deposit', amount: 18_000, amountPaid: 18_000 });
  const balanceFor = (booking: { id: string; establishmentId: string }) =>
    paymentFor(booking, { purpose: 'balance', amount: 27_000, amountPaid: 27_000 });
  const noticeFor = (booking: { id: string; establishmentId: string }) => ({
    bookingId: booking.id,
    establishmentId: booking.establishmentId,
    amount: 27_000,
    currency: 'CAD',
    dueOn: addDays(system.today(), 40),
    occurredAt: system.now().toISOString(),
  });

  it('are two payments of one booking, which the first confirms', async () => {
    const booking = await booked('keep');
    expect(booking.payment).toMatchObject({ amountDue: 45_000, balanceStatus: 'due' });
    await system.publish(paymentEvents.paymentSucceeded, depositFor(booking));
    expect(await untilVersion(booking.id, 2)).toMatchObject({
      status: 'confirmed',
      payment: { status: 'succeeded', amountPaid: 18_000, amountDue: 27_000, balanceStatus: 'due' },
    });
    await system.publish(paymentEvents.paymentSucceeded, balanceFor(booking));
    expect(await untilVersion(booking.id, 3)).toMatchObject({
      payment: { status: 'succeeded', amountPaid: 45_000, amountDue: 0, balanceStatus: 'paid' },
    });
    expect(await actionsOf(booking.id)).toEqual(['placed', 'confirmed', 'balance_succeeded']);
  });

  it('are known apart when their news comes late, twice and in the wrong order', async () => {
    const booking = await booked('keep');
    const [deposit, balance] = [depositFor(booking), balanceFor(booking)];
    const refunded = { ...deposit, status: 'partially_refunded' as const, amountRefunded: 500, version: 3 };
    await system.publish(paymentEvents.paymentRefunded, refunded);
    await untilVersion(booking.id, 2);
    await system.publish(paymentEvents.paymentSucceeded, balance);
    await untilVersion(booking.id, 3);
    await system.publish(paymentEvents.paymentSucceeded, deposit);
    await system.publish(paymentEvents.paymentSucceeded, balance);
    await system.publish(paymentEvents.paymentRefunded, {
      ...balance,
      status: 'refunded',
      amountRefunded: 27_000,
      version: 3,
    });
    expect(await untilVersion(booking.id, 4)).toMatchObject({
      status: 'confirmed',
      version: 4,
      payment: { status: 'partially_refunded', amountPaid: 45_000, amountRefunded: 27_500, balanceStatus: 'paid' },
    });
  });

  it('the guest is reminded of the balance, and the trail says so', async () => {
    const booking = await booked('keep');
    await system.publish(paymentEvents.paymentSucceeded, depositFor(booking));
    await untilVersion(booking.id, 2);
    await system.publish(balanceEvents.balanceDue, { ...noticeFor(booking), stage: 'upcoming' });
    await eventually(async () => (await actionsOf(booking.id)).includes('balance_upcoming'));
    await system.publish(balanceEvents.balanceOverdue, { ...noticeFor(booking), cancel: false });
    expect(await untilVersion(booking.id, 3)).toMatchObject({
      status: 'confirmed',
      payment: { balanceStatus: 'overdue', amountDue: 27_000 },
    });
    await system.publish(paymentEvents.paymentSucceeded, balanceFor(booking));
    expect((await untilVersion(booking.id, 4)).payment.balanceStatus).toBe('paid');
  });

  it('a balance that is not paid cancels the booking where the owner wants that, and its nights are free again', async () => {
    const booking = await booked('cancel', 30);
    await system.publish(paymentEvents.paymentSucceeded, depositFor(booking));
    await untilVersion(booking.id, 2);
    system.travel(13 * 24 * 60);
    const overdue = { ...noticeFor(booking), cancel: true };
    await system.publish(balanceEvents.balanceOverdue, overdue);
    await system.publish(balanceEvents.balanceOverdue, overdue);
    expect(await untilVersion(booking.id, 3)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'payment_refused',
      refundPercentage: 100,
      payment: { amountPaid: 18_000, amountDue: 0, balanceStatus: 'none' },
    });
    granted(await book(system, booking.chaletId, 17));
    expect((await snapshotOf(booking.id)).version).toBe(3);
    // Too late: the money is recorded, and goes back as it came after the cancellation.
    await system.publish(paymentEvents.paymentSucceeded, balanceFor(booking));
    expect(await untilVersion(booking.id, 4)).toMatchObject({ status: 'cancelled', payment: { amountPaid: 45_000 } });
  });
});
