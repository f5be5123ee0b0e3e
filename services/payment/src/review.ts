import { isContested, isUnderDispute } from './dispute.ts';
import type { Payment, StripeRefundState } from './payment.ts';

/** When a person must look at a payment, pure. */

/** How reasons begin that are looked for again. */
export const refundFailed = 'refund_failed';
export const refundRefused = 'refund_refused';
const paidTooLate = 'booking_cancelled';
/** …of a payment about which the booking service has not decided, see undecided.ts. */
export const bookingUndecided = 'booking_undecided';

/** Whether a person must look at the refunds of a payment: a failed one waits until it is made good by a newer one. */
export function judgeRefunds(
  payment: Payment,
  o: { refunds: StripeRefundState[]; amountRefunded: number; refused: number },
): Pick<Payment, 'reason' | 'needsReview'> {
  const failed = o.refunds.find(
    (refund, index) => refund.status === 'failed' && sumOfMade(o.refunds.slice(0, index)) < refund.amount,
  );
  if (failed) {
    const reason = `${refundFailed}: ${failed.failureReason ?? 'unknown'} (${failed.id})`;
    // Known already: whether it is before a person was decided then, and a dispute may have brought it there since.
    return { reason, needsReview: reason === payment.reason ? payment.needsReview : reason !== payment.resolvedReason };
  }
  const isMadeGood =
    payment.reason?.startsWith(refundFailed) ||
    (payment.reason?.startsWith(refundRefused) &&
      o.amountRefunded > payment.amountRefunded &&
      (o.amountRefunded - payment.amountRefunded >= o.refused || o.amountRefunded >= payment.amountPaid));
  if (isMadeGood) {
    // What hid behind it comes to the fore.
    const reason = isContested(payment.disputeStatus) ? `dispute_${payment.disputeStatus}` : null;
    return { reason, needsReview: reason !== null && reason !== payment.resolvedReason };
  }
  const isOver = payment.reason?.startsWith(paidTooLate) && o.amountRefunded >= payment.amountPaid;
  return { reason: payment.reason, needsReview: payment.needsReview && !isOver };
}

/** Newest first, as Stripe lists them. */
const sumOfMade = (refunds: StripeRefundState[]): number =>
  refunds.reduce((sum, refund) => sum + (refund.status === 'failed' ? 0 : refund.amount), 0);

/**
 * A payment for a booking that was cancelled for good: it goes back by itself, but a person should know of the guest who
 * paid for nothing. The flag goes once the money is back.
 */
export const flagPaidTooLate = (payment: Payment): Payment => ({
  ...payment,
  needsReview: true,
  reason: `${paidTooLate}: paid after the booking was cancelled`,
});

/**
 * What a person must look at before any of it is given back. A payment that came too late is not, nor one about which
 * booking had not decided: they go back as they are.
 */
export const blocksRefunds = (payment: Payment): boolean =>
  isUnderDispute(payment) ||
  (payment.needsReview && ![paidTooLate, bookingUndecided].some(reason => payment.reason?.startsWith(reason)));

/** Whether a person must hear of a change who has not yet; a dispute is a fact of its own. */
export const needsReviewAnew = (before: Payment, after: Payment): boolean =>
  after.needsReview && after.status !== 'disputed' && !(before.needsReview && before.reason === after.reason);
