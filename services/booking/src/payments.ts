import type { CivilDate, PaymentSnapshot } from '@monde-sauvage/contracts';
import { advance, type BookingRecord, type Cause, type Decision, unchanged } from './booking.ts';

/** A decision about a payment; `noted` goes to the audit trail only, because a person has to look at it. */
export type PaymentDecision = Decision | { kind: 'noted'; action: string; reason: string };

const holdsMoney = (status: BookingRecord['payment']['status']): boolean =>
  status === 'succeeded' || status === 'partially_refunded' || status === 'disputed';

/** A payment that arrived after its hold was released: what becomes of it depends on whether the nights are free. */
export const isLatePayment = (booking: BookingRecord): boolean =>
  booking.status === 'cancelled' && booking.cancelReason === 'hold_expired';

/**
 * Decides what a successful payment does to a booking. Safe to apply again, late, or after later news of the same
 * payment: a booking is confirmed once, and not by money that went back already.
 * @param o.today on the establishment's calendar
 * @param o.nightsFree only asked of a late payment
 */
export function applySuccessfulPayment(
  booking: BookingRecord,
  payment: PaymentSnapshot,
  o: { at: Date; today: CivilDate; nightsFree: boolean },
): PaymentDecision {
  const patch = paymentPatch(booking, payment);
  const newest = patch?.payment ?? booking.payment;
  const cause = { at: o.at, by: 'payment' } as const;
  switch (booking.status) {
    case 'pending':
      if (!holdsMoney(newest.status)) return recordPayment(booking, patch, cause);
      return changed(
        booking,
        { ...patch, status: 'confirmed', confirmedAt: o.at.toISOString(), holdExpiresAt: null },
        { ...cause, action: 'confirmed', reason: 'payment received', event: 'confirmed' },
      );
    case 'confirmed':
      return isSecondPayment(booking, payment) ? secondPayment(payment) : recordPayment(booking, patch, cause);
    case 'cancelled':
      if (isSecondPayment(booking, payment)) return secondPayment(payment);
      if (!isLatePayment(booking) || !holdsMoney(newest.status)) return recordPayment(booking, patch, cause);
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
  recordPayment(booking, paymentPatch(booking, payment), { at: o.at, by: 'payment' });

type PaymentPatch = Pick<BookingRecord, 'payment' | 'paymentId' | 'paymentVersion'>;

/** What the booking should say of this payment; undefined when it knows newer, or another payment holds the money. */
function paymentPatch(booking: BookingRecord, payment: PaymentSnapshot): PaymentPatch | undefined {
  if (booking.paymentId === payment.paymentId) {
    if (payment.version <= booking.paymentVersion) return undefined;
  } else if (booking.paymentId !== null) {
    if (holdsMoney(booking.payment.status)) return undefined;
    // Ids grow with time: an older attempt does not hide a newer one, unless it was the one that got paid.
    if (!holdsMoney(payment.status) && payment.paymentId < booking.paymentId) return undefined;
  }
  const { status, amountPaid, amountRefunded } = payment;
  return {
    payment: { ...booking.payment, status, amountPaid, amountRefunded },
    paymentId: payment.paymentId,
    paymentVersion: payment.version,
  };
}

/**
 * What the booking should say once a payment's Checkout Session is open; undefined when it knows better: another
 * payment holds the money or is newer, or this one's outcome was heard of already.
 */
export function openPayment(booking: BookingRecord, paymentId: string): PaymentPatch | undefined {
  if (holdsMoney(booking.payment.status)) return undefined;
  if (booking.paymentId !== null && paymentId <= booking.paymentId) return undefined;
  return {
    payment: { ...booking.payment, status: 'open', amountPaid: 0, amountRefunded: 0 },
    paymentId,
    paymentVersion: 0,
  };
}

const isSecondPayment = (booking: BookingRecord, payment: PaymentSnapshot): boolean =>
  booking.paymentId !== null && booking.paymentId !== payment.paymentId && holdsMoney(booking.payment.status);

const secondPayment = (payment: PaymentSnapshot): PaymentDecision => ({
  kind: 'noted',
  action: 'second_payment',
  reason: `payment ${payment.paymentId} came on top of the one that paid this booking; a person should look at it`,
});

function recordPayment(
  booking: BookingRecord,
  patch: PaymentPatch | undefined,
  cause: Pick<Cause, 'at' | 'by'>,
): Decision {
  if (!patch) return unchanged;
  return changed(booking, patch, { ...cause, action: `payment_${patch.payment.status}`, event: 'updated' });
}

const changed = (booking: BookingRecord, patch: Partial<BookingRecord>, cause: Cause): Decision => ({
  kind: 'changed',
  change: advance(booking, patch, cause),
});
