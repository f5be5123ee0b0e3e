import { bookingUndecided, holdsMoney, type Payment } from './payment.ts';
import type { BookingMoney } from './refund.ts';

/** Money that is here while the booking service has not said what it is for, pure. */

const minuteMs = 60_000;
/** Booking decides in a moment: by then its news, or ours, was lost on the way. */
const announceAgainMs = 5 * minuteMs;
/** A guest without an answer for longer than this is a matter for a person. */
const patienceMs = 15 * minuteMs;
const laterMs = 60 * minuteMs;

const reason = `${bookingUndecided}: paid, and the booking was neither confirmed nor cancelled with a decision`;

/** Paid for a booking that is neither confirmed nor cancelled with what goes back of it. */
export const isUndecided = (booking: Pick<BookingMoney, 'status' | 'refundPercentage'>, payment: Payment): boolean =>
  holdsMoney(payment) &&
  (booking.status === 'pending' || (booking.status === 'cancelled' && booking.refundPercentage === null));

/**
 * What to do about a payment by how long its booking is undecided: tell booking again, later put it before a person too
 * (once: what somebody resolved stays resolved). The flag goes by itself once booking has decided.
 * @returns the payment as it is then, and whether its success is to be announced again
 */
export function followUndecided(
  booking: Pick<BookingMoney, 'status' | 'refundPercentage'>,
  payment: Payment,
  at: Date,
): { payment: Payment; tellAgain: boolean } {
  const isFlagged = payment.reason?.startsWith(bookingUndecided) === true;
  if (!isUndecided(booking, payment)) {
    if (!isFlagged) return { payment, tellAgain: false };
    return {
      payment: { ...payment, reason: null, needsReview: false, version: payment.version + 1 },
      tellAgain: false,
    };
  }
  const waitingMs = at.getTime() - (payment.paidAt ?? at).getTime();
  const tellAgain = waitingMs >= announceAgainMs;
  // Another reason comes first.
  if (waitingMs < patienceMs || isFlagged || payment.needsReview || payment.resolvedReason === reason) {
    return { payment, tellAgain };
  }
  return { payment: { ...payment, reason, needsReview: true, version: payment.version + 1 }, tellAgain };
}

/** When to look at an undecided payment again. */
export const nextLookAtUndecided = (payment: Payment, at: Date): Date => {
  const isLong = at.getTime() - (payment.paidAt ?? at).getTime() >= patienceMs;
  return new Date(at.getTime() + (isLong ? laterMs : announceAgainMs));
};
