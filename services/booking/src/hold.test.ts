import { describe, expect, it } from '@jest/globals';
import type { PaymentSnapshot } from '@monde-sauvage/contracts';
import { bookingOf, ids, paidBookingOf, paymentOf } from '../test/builders.ts';
import type { BookingRecord } from './booking.ts';
import { extendHold, releaseHold } from './hold.ts';
import { applyPaymentNews } from './payments.ts';

const over = new Date('2027-01-10T12:30:00.000Z');

describe('a hold', () => {
  it('is released at its end and not before', () => {
    expect(releaseHold(bookingOf(), { at: new Date(over.getTime() - 1) })).toEqual({ kind: 'unchanged' });
    expect(releaseHold(bookingOf(), { at: over })).toMatchObject({
      change: { event: 'cancelled', booking: { cancelReason: 'hold_expired', refundPercentage: null } },
    });
  });

  it('is not released once it is paid', () => {
    expect(releaseHold(paidBookingOf(), { at: over })).toEqual({ kind: 'unchanged' });
  });

  it('is extended to the end of Checkout and never shortened', () => {
    const until = new Date('2027-01-10T13:00:00.000Z');
    expect(extendHold(bookingOf(), { until, at: over, maxMinutes: 120 })).toMatchObject({
      change: { booking: { holdExpiresAt: until.toISOString(), checkoutOpenUntil: until.toISOString(), version: 2 } },
    });
    const long = bookingOf({ holdExpiresAt: '2027-01-10T14:00:00.000Z' });
    expect(extendHold(long, { until, at: over, maxMinutes: 120 })).toMatchObject({
      change: { booking: { holdExpiresAt: '2027-01-10T14:00:00.000Z', checkoutOpenUntil: until.toISOString() } },
    });
  });

  it('lasts no longer than any hold, however often Checkout is opened', () => {
    const minutes = (n: number) => new Date(Date.parse('2027-01-10T12:00:00.000Z') + n * 60_000);
    const open = (booking: BookingRecord, until: number) =>
      extendHold(booking, { until: minutes(until), at: over, maxMinutes: 120 });
    const first = open(bookingOf(), 63);
    const booking = first.kind === 'changed' ? first.change.booking : bookingOf();
    expect(open(booking, 120)).toMatchObject({ change: { booking: { holdExpiresAt: minutes(120).toISOString() } } });
    expect(open(booking, 121)).toMatchObject({ kind: 'refused', refusal: { code: 'not_pending' } });
    // The same page again is no extension.
    expect(open(booking, 63)).toEqual({ kind: 'unchanged' });
  });

  describe('when a payment opens Checkout', () => {
    const until = new Date('2027-01-10T13:00:00.000Z');
    const opened = (booking: BookingRecord, paymentId = ids.payment) => {
      const decision = extendHold(booking, { until, at: over, maxMinutes: 120, paymentId });
      return decision.kind === 'changed' ? decision.change.booking : booking;
    };
    const news = (booking: BookingRecord, payment: Partial<PaymentSnapshot>) => {
      const decision = applyPaymentNews(booking, paymentOf({ amountPaid: 0, ...payment }), { at: over });
      return decision.kind === 'changed' ? decision.change.booking : booking;
    };
    const second = '0197a3a0-0000-7000-8000-000000000009';

    it('says that its payment is open, until that one expires', () => {
      const booking = opened(bookingOf());
      expect(booking).toMatchObject({ version: 2, payment: { status: 'open' } });
      expect(extendHold(booking, { until, at: over, maxMinutes: 120, paymentId: ids.payment })).toEqual({
        kind: 'unchanged',
      });
      expect(news(booking, { status: 'expired' }).payment.status).toBe('expired');
    });

    it('is not misled by news of an earlier attempt, or a late repeat of the request', () => {
      const expired = news(opened(bookingOf()), { status: 'expired' });
      expect(opened(expired).payment.status).toBe('expired');
      const again = opened(expired, second);
      expect(again.payment.status).toBe('open');
      expect(news(again, { status: 'expired', version: 9 }).payment.status).toBe('open');
      expect(opened(again).payments).toMatchObject([{ paymentId: second }]);
    });

    it('does not hide money that came in', () => {
      const paid = bookingOf({ payments: paidBookingOf().payments });
      expect(opened(paid, second).payment.status).toBe('succeeded');
    });
  });

  it('cannot be extended once the booking is no longer pending', () => {
    expect(extendHold(paidBookingOf(), { until: over, at: over, maxMinutes: 120 })).toMatchObject({
      refusal: { code: 'not_pending' },
    });
  });
});
