import { describe, expect, it } from '@jest/globals';
import { bookingOf, knownPaymentOf, paidBookingOf, paymentOf } from '../test/builders.ts';
import { applyPaymentNews, applySuccessfulPayment } from './payments.ts';

const later = { at: new Date('2027-01-10T12:20:00.000Z'), today: '2027-01-10', nightsFree: true };
const otherPayment = { paymentId: '0197a3a0-0000-7000-8000-000000000009' };
const expired = () =>
  bookingOf({
    status: 'cancelled',
    cancelReason: 'hold_expired',
    holdExpiresAt: null,
    cancelledAt: later.at.toISOString(),
  });

describe('a successful payment', () => {
  it('confirms a pending booking', () => {
    expect(applySuccessfulPayment(bookingOf(), paymentOf(), later)).toMatchObject({
      kind: 'changed',
      change: {
        event: 'confirmed',
        booking: { status: 'confirmed', holdExpiresAt: null, confirmedAt: later.at.toISOString(), version: 2 },
      },
    });
  });

  it('changes nothing the second time', () => {
    expect(applySuccessfulPayment(paidBookingOf(), paymentOf(), later)).toEqual({ kind: 'unchanged' });
  });

  it('confirms with the newest amounts when a partial refund was heard of first', () => {
    const refund = applyPaymentNews(
      bookingOf(),
      paymentOf({ status: 'partially_refunded', amountRefunded: 1_000, version: 3 }),
      later,
    );
    expect(refund).toMatchObject({ kind: 'changed', change: { booking: { status: 'pending' } } });
    const booking = refund.kind === 'changed' ? refund.change.booking : bookingOf();
    expect(applySuccessfulPayment(booking, paymentOf(), later)).toMatchObject({
      change: { booking: { status: 'confirmed', payment: { amountRefunded: 1_000 } } },
    });
  });

  it('does not confirm with money that went back already', () => {
    const booking = bookingOf({
      payments: [knownPaymentOf({ status: 'refunded', amountRefunded: 45_000, version: 4 })],
    });
    expect(applySuccessfulPayment(booking, paymentOf(), later)).toEqual({ kind: 'unchanged' });
  });

  it('on top of another is put before a person', () => {
    expect(applySuccessfulPayment(paidBookingOf(), paymentOf(otherPayment), later)).toMatchObject({
      kind: 'noted',
      action: 'second_payment',
    });
  });

  it('after the hold ended brings the booking back while its nights are free', () => {
    expect(applySuccessfulPayment(expired(), paymentOf(), later)).toMatchObject({
      change: {
        event: 'confirmed',
        booking: { status: 'confirmed', cancelReason: null, cancelledAt: null, refundPercentage: null },
      },
    });
  });

  it.each([
    ['the nights are taken', { nightsFree: false }],
    ['the stay has begun', { today: '2027-02-11' }],
  ])('after the hold ended is due back in full when %s', (_, circumstance) => {
    const decision = applySuccessfulPayment(expired(), paymentOf(), { ...later, ...circumstance });
    expect(decision).toMatchObject({
      change: { event: 'cancelled', booking: { cancelReason: 'payment_refused', refundPercentage: 100 } },
    });
    const refused = decision.kind === 'changed' ? decision.change.booking : expired();
    expect(applySuccessfulPayment(refused, paymentOf(), later)).toEqual({ kind: 'unchanged' });
  });

  it('for a booking that its guest cancelled is recorded and nothing else', () => {
    const cancelled = bookingOf({ status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
    expect(applySuccessfulPayment(cancelled, paymentOf(), later)).toMatchObject({
      change: { event: 'updated', booking: { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 } },
    });
  });
});

describe('other news of a payment', () => {
  it.each(['failed', 'expired'] as const)('leaves the hold running when it %s', status => {
    expect(applyPaymentNews(bookingOf(), paymentOf({ status, amountPaid: 0 }), later)).toMatchObject({
      change: {
        event: 'updated',
        booking: { status: 'pending', holdExpiresAt: bookingOf().holdExpiresAt, payment: { status } },
      },
    });
  });

  it('is ignored when it is older than what is known, or about a payment that did not pay', () => {
    expect(applyPaymentNews(paidBookingOf(), paymentOf({ status: 'open', version: 1 }), later)).toEqual({
      kind: 'unchanged',
    });
    const other = paymentOf({ ...otherPayment, status: 'expired', version: 9 });
    expect(applyPaymentNews(paidBookingOf(), other, later)).toEqual({ kind: 'unchanged' });
  });
});
