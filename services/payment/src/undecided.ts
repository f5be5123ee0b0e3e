import { holdsMoney, type Payment } from './payment.ts';
import type { BookingMoney } from './refund.ts';
import { bookingUndecided } from './review.ts';

/** Money that is here while the booking service has not said what becomes of it, pure. */

type Decision = Pick<BookingMoney, 'status' | 'refundPercentage'>;

const minuteMs = 60_000;
/** Booking decides in a moment, and what it has not heard of is told again meanwhile: a guest without an answer for longer is a matter for a person. */
const patienceMs = 20 * minuteMs;
const againMs = 60 * minuteMs;
const reason = `${bookingUndecided}: paid, and the booking was neither confirmed nor cancelled with a decision`;

/** Paid for a booking that is neither confirmed nor cancelled with what goes back of it. */
export const isUndecided = (booking: Decision, payment: Payment): boolean =>
  holdsMoney(payment) &&
  (booking.status === 'pending' || (booking.status === 'cancelled' && booking.refundPercentage === null));

/**
 * Puts a payment before a person whose booking stays undecided (once: what somebody resolved stays resolved), and takes
 * the flag back once booking has decided.
 * @param o.since when we learned of the payment
 */
export function followUndecided(booking: Decision, payment: Payment, o: { since: Date; at: Date }): Payment {
  const isFlagged = payment.reason?.startsWith(bookingUndecided) === true;
  const version = payment.version + 1;
  if (!isUndecided(booking, payment)) {
    return isFlagged ? { ...payment, reason: null, needsReview: false, version } : payment;
  }
  const isOverdue = o.at.getTime() - o.since.getTime() >= patienceMs;
  // Another reason comes first.
  if (!isOverdue || isFlagged || payment.needsReview || payment.resolvedReason === reason) return payment;
  return { ...payment, reason, needsReview: true, version };
}

/** When to look at an undecided payment again. */
export const nextLookAtUndecided = ({ since, at }: { since: Date; at: Date }): Date => {
  const first = since.getTime() + patienceMs;
  return new Date(first > at.getTime() ? first : at.getTime() + againMs);
};
