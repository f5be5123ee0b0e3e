import { type CivilDate, type PaymentSnapshot, scheduleOf } from '@monde-sauvage/contracts';
import { advance, type BookingPatch, type BookingRecord, type Cause, type Decision, unchanged } from './booking.ts';
import { holdsMoney, isPaidTwice, withPayment } from './money.ts';

/** A decision about a payment; `noted` goes to the audit trail only, because a person has to look at it. */
export type PaymentDecision = Decision | { kind: 'noted'; action: string; reason: string };

/** A payment that arrived after its hold was released: what becomes of it depends on whether the nights are free. */
export const isLatePayment = (booking: BookingRecord): boolean =>
  booking.status === 'cancelled' && booking.cancelReason === 'hold_expired';

/**
 * Decides what a successful payment does to a booking. Safe to apply again, late, or after later news of the same
 * payment: a booking is confirmed once, by its deposit or all of its price, and not by money that went back already.
 * @param o.today on the establishment's calendar
 * @param o.nightsFree whether they could still be booked; only asked of a late payment
 */
export function applySuccessfulPayment(
  booking: BookingRecord,
  payment: PaymentSnapshot,
  o: { at: Date; today: CivilDate; nightsFree: boolean },
): PaymentDecision {
  const patch = paymentPatch(booking, payment);
  const hasMoney = (patch?.payments ?? booking.payments).some(holdsMoney);
  const isSecond = isPaidTwice(booking.payments, payment);
  const cause = { at: o.at, by: 'payment' } as const;
  switch (booking.status) {
    case 'pending':
      if (!hasMoney) return recordPayment(booking, payment, patch, cause);
      return changed(
        booking,
        { ...patch, status: 'confirmed', confirmedAt: o.at.toISOString(), holdExpiresAt: null },
        { ...cause, action: 'confirmed', reason: 'payment received', event: 'confirmed' },
      );
    case 'confirmed':
      return isSecond ? secondPayment(booking, payment, o.at) : recordPayment(booking, payment, patch, cause);
    case 'cancelled':
      if (isSecond) return secondPayment(booking, payment, o.at);
      if (!isLatePayment(booking) || !hasMoney) return recordPayment(booking, payment, patch, cause);
      if (o.nightsFree && booking.startDate >= o.today) {
        return changed(
          booking,
          {
            ...patch,
            status: 'confirmed',
            confirmedAt: o.at.toISOString(),
            cancelledAt: null,
            cancelReason: null,
            refundPercentage: null,
            refundBase: null,
          },
          { ...cause, action: 'reinstated', reason: 'paid after the hold ended; still free', event: 'confirmed' },
        );
      }
      return changed(
        booking,
        { ...patch, cancelReason: 'payment_refused', refundPercentage: 100 },
        {
          ...cause,
          action: 'payment_refused',
          reason: 'paid after the hold ended; no longer free',
          event: 'cancelled',
        },
      );
    default:
      return booking.status satisfies never;
  }
}

/** Failed, expired, refunded and disputed payments are recorded; they never change where the booking stands. */
export const applyPaymentNews = (booking: BookingRecord, payment: PaymentSnapshot, o: { at: Date }): Decision =>
  recordPayment(booking, payment, paymentPatch(booking, payment), { at: o.at, by: 'payment' });

type PaymentPatch = Pick<BookingRecord, 'payments' | 'sums'>;

/** What the booking should say of this payment; undefined when it knows newer, or another payment brought its money. */
function paymentPatch(booking: BookingRecord, payment: PaymentSnapshot): PaymentPatch | undefined {
  const { paymentId, version, status, amountPaid, amountRefunded, purpose = 'full', bookingMoney } = payment;
  const payments = withPayment(booking.payments, { paymentId, purpose, version, status, amountPaid, amountRefunded });
  const hasNewerSums = bookingMoney !== undefined && bookingMoney.version > (booking.sums?.version ?? 0);
  if (payments === undefined && !hasNewerSums) return undefined;
  // A version of payment that announces no sums leaves them to be counted here.
  const sums = bookingMoney === undefined ? null : booking.sums;
  return { payments: payments ?? booking.payments, sums: hasNewerSums ? bookingMoney : sums };
}

/**
 * What the booking should say once a payment's Checkout Session is open; undefined when it knows better: another
 * payment brought the money or is newer, or this one's outcome was heard of already.
 */
export function openPayment(booking: BookingRecord, paymentId: string): Pick<BookingRecord, 'payments'> | undefined {
  const [first] = booking.price ? scheduleOf(booking.price) : [];
  const opened = { status: 'open', amountPaid: 0, amountRefunded: 0, version: 0 } as const;
  const payments = withPayment(booking.payments, { ...opened, paymentId, purpose: first?.purpose ?? 'full' });
  return payments && { payments };
}

/** Whether it is noted only or makes a version depends on what the booking says of its money after it. */
function secondPayment(booking: BookingRecord, payment: PaymentSnapshot, at: Date): PaymentDecision {
  const action = 'second_payment';
  const reason = `payment ${payment.paymentId} came on top of the one that paid this booking; a person should look at it`;
  if (payment.bookingMoney === undefined) return { kind: 'noted', action, reason };
  const patch = paymentPatch(booking, payment);
  return patch ? changed(booking, patch, { at, by: 'payment', action, reason, event: 'updated' }) : unchanged;
}

function recordPayment(
  booking: BookingRecord,
  payment: PaymentSnapshot,
  patch: PaymentPatch | undefined,
  cause: Pick<Cause, 'at' | 'by'>,
): Decision {
  if (!patch) return unchanged;
  const about = payment.purpose === 'balance' ? 'balance' : 'payment';
  return changed(booking, patch, { ...cause, action: `${about}_${payment.status}`, event: 'updated' });
}

const changed = (booking: BookingRecord, patch: BookingPatch, cause: Cause): Decision => ({
  kind: 'changed',
  change: advance(booking, patch, cause),
});
