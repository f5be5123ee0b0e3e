import { describe, expect, it } from '@jest/globals';
import type { PaymentSnapshot } from '@monde-sauvage/contracts';
import fc from 'fast-check';
import { bookingOf, depositBookingOf, paymentOf } from '../test/builders.ts';
import type { BookingRecord } from './booking.ts';
import { applyPaymentNews, applySuccessfulPayment } from './payments.ts';

const at = new Date('2027-01-10T12:20:00.000Z');
const second = '0197a3a0-0000-7000-8000-000000000009';
const deposit = (fields: Partial<PaymentSnapshot> = {}) =>
  paymentOf({ purpose: 'deposit', amount: 15_000, amountPaid: 15_000, ...fields });
const balance = (fields: Partial<PaymentSnapshot> = {}) =>
  paymentOf({ paymentId: second, purpose: 'balance', amount: 30_000, amountPaid: 30_000, ...fields });

/** As the handlers of `payment.*` do: success is its own event, all else is news. */
function apply(booking: BookingRecord, payment: PaymentSnapshot): BookingRecord {
  const decision =
    payment.status === 'succeeded'
      ? applySuccessfulPayment(booking, payment, { at, today: '2027-01-10', nightsFree: true })
      : applyPaymentNews(booking, payment, { at });
  return decision.kind === 'changed' ? decision.change.booking : booking;
}
const applyAll = (booking: BookingRecord, payments: PaymentSnapshot[]) => payments.reduce(apply, booking);

describe('the money of a booking', () => {
  it('is due in full until something is paid', () => {
    expect(bookingOf().payment).toEqual({
      status: 'unpaid',
      amountPaid: 0,
      amountRefunded: 0,
      amountDue: 45_000,
      balanceStatus: 'none',
      balanceDueDate: null,
    });
  });

  it('confirms with the deposit, and owes the balance until that is paid too', () => {
    const confirmed = apply(depositBookingOf(), deposit());
    expect(confirmed).toMatchObject({
      status: 'confirmed',
      payment: { status: 'succeeded', amountPaid: 15_000, amountDue: 30_000, balanceStatus: 'due' },
    });
    expect(confirmed.payment.balanceDueDate).toBe('2027-01-27');
    const paid = apply(confirmed, balance());
    expect(paid).toMatchObject({
      status: 'confirmed',
      version: confirmed.version + 1,
      payment: { status: 'succeeded', amountPaid: 45_000, amountDue: 0, balanceStatus: 'paid' },
    });
  });

  it('does not say that it is unpaid while Checkout for the balance is open, or after it expired', () => {
    const expired = balance({ status: 'expired', amountPaid: 0 });
    const booking = applyAll(depositBookingOf(), [deposit(), expired]);
    expect(booking.payment).toMatchObject({ status: 'succeeded', amountPaid: 15_000, balanceStatus: 'due' });
  });

  it.each([
    ['one of two payments in part', [balance({ status: 'partially_refunded', amountRefunded: 500, version: 3 })], 500],
    ['one of two payments', [balance({ status: 'refunded', amountRefunded: 30_000, version: 3 })], 30_000],
  ])('is partially refunded when %s went back', (_, news, amountRefunded) => {
    const { payment } = applyAll(depositBookingOf(), [deposit(), balance(), ...news]);
    expect(payment).toMatchObject({ status: 'partially_refunded', amountPaid: 45_000, amountRefunded, amountDue: 0 });
  });

  it('is refunded when both went back, and disputed while one is', () => {
    const both = [
      balance({ status: 'refunded', amountRefunded: 30_000, version: 3 }),
      deposit({ status: 'refunded', amountRefunded: 15_000, version: 3 }),
    ];
    expect(applyAll(depositBookingOf(), [deposit(), balance(), ...both]).payment.status).toBe('refunded');
    const disputed = applyAll(depositBookingOf(), [deposit(), balance(), deposit({ status: 'disputed', version: 3 })]);
    expect(disputed.payment.status).toBe('disputed');
  });

  it('owes nothing once it is cancelled', () => {
    const { payment } = bookingOf({ status: 'cancelled', cancelReason: 'guest' });
    expect(payment).toMatchObject({ amountDue: 0, balanceStatus: 'none' });
  });

  it('shows the sums that payment announces, the newest of them, and owes by the payments that count', () => {
    const sums = (version: number, amountPaid: number, amountRefunded = 0) => ({
      bookingMoney: { version, amountPaid, amountRefunded },
    });
    const once = apply(depositBookingOf(), deposit(sums(2, 15_000)));
    const twice = apply(once, deposit({ paymentId: second, ...sums(4, 30_000, 15_000) }));
    expect(twice.payment).toMatchObject({ amountPaid: 30_000, amountRefunded: 15_000, amountDue: 30_000 });
    expect(apply(twice, deposit({ paymentId: second, ...sums(3, 30_000) }))).toBe(twice);
  });

  it('ends the same in whatever order and however often its news comes', () => {
    const opened = [deposit({ status: 'open', amountPaid: 0, version: 1 })];
    const news = [
      ...opened,
      deposit(),
      deposit({ status: 'partially_refunded', amountRefunded: 1_000, version: 3 }),
      deposit({ status: 'partially_refunded', amountRefunded: 2_500, version: 4 }),
      balance({ status: 'failed', amountPaid: 0, version: 1 }),
      balance({ version: 2 }),
      balance({ status: 'disputed', version: 3 }),
    ];
    const expected = applyAll(depositBookingOf(), news).payment;
    expect(expected).toMatchObject({ status: 'disputed', amountPaid: 45_000, amountRefunded: 2_500, amountDue: 0 });
    const order = fc.shuffledSubarray([...news, ...news], { minLength: 2 * news.length });
    fc.assert(
      fc.property(order, shuffled => {
        const booking = applyAll(depositBookingOf(), shuffled);
        expect(booking.payment).toEqual(expected);
        expect(booking.status).toBe('confirmed');
        expect(booking.payments).toHaveLength(2);
      }),
    );
  });

  it('remembers no more attempts than it needs, and is not misled by those it forgot', () => {
    const attempt = (n: number) => `0197a3a0-0000-7000-8000-00000000000${n}`;
    const expired = [1, 2, 3, 5].map(n =>
      deposit({ paymentId: attempt(n), status: 'expired', amountPaid: 0, version: 2 }),
    );
    const booking = applyAll(depositBookingOf(), expired);
    expect(booking.payments).toMatchObject([{ paymentId: attempt(5) }]);
    expect(applyAll(booking, expired).payment).toEqual(booking.payment);
    // The one that was paid counts, newest or not.
    expect(apply(booking, deposit({ paymentId: attempt(2), version: 3 }))).toMatchObject({
      status: 'confirmed',
      payment: { status: 'succeeded', amountPaid: 15_000 },
    });
  });
});

it('payments that come in one another’s way are put before a person', () => {
  const paid = apply(bookingOf(), paymentOf());
  const onTop = [paymentOf({ paymentId: second }), balance(), deposit({ paymentId: second })];
  for (const payment of onTop) {
    expect(applySuccessfulPayment(paid, payment, { at, today: '2027-01-10', nightsFree: true })).toMatchObject({
      kind: 'noted',
      action: 'second_payment',
    });
  }
});
