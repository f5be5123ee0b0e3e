import type { PaymentPurpose } from '@monde-sauvage/contracts';

/**
 * A payment, pure: what Stripe says of its session in, the steps our row takes and the facts they announce out.
 * Amounts are whole minor units.
 */

export type PaymentStatus =
  | 'open'
  | 'succeeded'
  | 'partially_refunded'
  | 'refunded'
  | 'failed'
  | 'expired'
  | 'disputed';

/** `opening`: our row exists, the session at Stripe perhaps not yet. */
export type SessionStatus = 'opening' | 'open' | 'complete' | 'expired';

export interface Payment {
  id: string;
  bookingId: string;
  establishmentId: string;
  attempt: number;
  purpose: PaymentPurpose;
  status: PaymentStatus;
  sessionStatus: SessionStatus;
  amount: number;
  currency: string;
  checkoutSessionId: string | null;
  paymentIntentId: string | null;
  chargeId: string | null;
  expiresAt: Date;
  amountPaid: number;
  amountRefunded: number;
  paidAt: Date | null;
  disputeStatus: string | null;
  /** What disputes took and did not give back. */
  amountDisputed: number;
  reason: string | null;
  needsReview: boolean;
  /** What a person has dealt with. */
  resolvedReason: string | null;
  version: number;
}

/** A refund as Stripe tells it; `refundId` is our own id from its metadata. */
export interface StripeRefundState {
  id: string;
  refundId: string | null;
  amount: number;
  status: 'pending' | 'succeeded' | 'failed';
  failureReason: string | null;
  at: Date;
}

/** A dispute as Stripe tells it, with the money that it moved: negative when it was taken. */
export interface StripeDisputeState {
  id: string;
  amount: number;
  currency: string;
  reason: string;
  status: string;
  dueBy: Date | null;
  openedAt: Date;
  movements: { id: string; amount: number; at: Date }[];
}

/** What Stripe says now of one Checkout Session and all that hangs on it. Events are only hints to read this. */
export interface StripeState {
  sessionId: string;
  sessionStatus: 'open' | 'complete' | 'expired';
  paymentStatus: 'paid' | 'unpaid' | 'no_payment_required';
  amountTotal: number | null;
  /** ISO 4217, upper case. */
  currency: string | null;
  paymentIntentId: string | null;
  /** True while a slow method (bank debit) has not ended either way. */
  processing: boolean;
  chargeId: string | null;
  /** What was taken, once it was; null before and after a decline. */
  charge: { id: string; amount: number; currency: string; at: Date } | null;
  amountRefunded: number;
  declineReason: string | null;
  refunds: StripeRefundState[];
  /** Newest first. */
  disputes: StripeDisputeState[];
}

export type PaymentFact = 'succeeded' | 'failed' | 'expired' | 'refunded' | 'disputed' | 'needs_review';

/** One change of the row, one version, and the fact it announces, if it is one. */
interface PaymentStep {
  payment: Payment;
  fact: PaymentFact | null;
}

/** Money came in, whatever became of it since. */
export const isPaid = (payment: Payment): boolean => payment.amountPaid > 0;

/** Money came in and has not all gone back. */
export const holdsMoney = (payment: Payment): boolean => isPaid(payment) && payment.status !== 'refunded';

/**
 * The steps from our row to what Stripe says, each with the next version; none when they agree already, so that doing
 * it twice changes nothing. A payment that turns out paid and refunded at once is announced as both, in that order.
 * @param o.refused the refund that Stripe refused last, if it did
 */
export function decidePayment(payment: Payment, state: StripeState, o: { refused?: number } = {}): PaymentStep[] {
  const steps: PaymentStep[] = [];
  let current = payment;
  // Every step removes one difference and there are only a few kinds of them.
  const next = () => nextStep(current, state, o.refused ?? 0);
  for (let step = next(); step && steps.length < 10; step = next()) {
    current = { ...current, ...step.changes, version: current.version + 1 };
    steps.push({ payment: current, fact: step.fact });
  }
  return steps;
}

/** Whether a person must hear of a change who has not yet; a dispute is a fact of its own. */
export const needsReviewAnew = (before: Payment, after: Payment): boolean =>
  after.needsReview && after.status !== 'disputed' && !(before.needsReview && before.reason === after.reason);

type Step = { changes: Partial<Payment>; fact: PaymentFact | null } | undefined;

function nextStep(payment: Payment, state: StripeState, refused: number): Step {
  if (isPaid(payment)) return refundStep(payment, state, refused) ?? disputeStep(payment, state);
  if (state.paymentStatus !== 'unpaid') return paidStep(payment, state);
  return payment.status === 'open' ? unpaidStep(payment, state) : changed(payment, seenAtStripe(state));
}

function paidStep(payment: Payment, state: StripeState): Step {
  const seen = seenAtStripe(state);
  const mismatch = findMismatch(payment, state);
  if (mismatch !== undefined) return mismatchStep(payment, state, mismatch);
  return {
    changes: {
      ...seen,
      status: 'succeeded',
      amountPaid: payment.amount,
      paidAt: state.charge?.at ?? null,
      reason: null,
      needsReview: false,
    },
    fact: 'succeeded',
  };
}

/**
 * A person looks at it; once all of it went back, in Stripe's dashboard or because a bank took it for good, nothing was
 * paid and nobody has to.
 */
function mismatchStep(payment: Payment, state: StripeState, mismatch: string): Step {
  const lost = withdrawnBy(state.disputes.filter(({ status }) => status === 'lost'));
  const isGivenBack = state.charge !== null && state.amountRefunded + lost >= state.charge.amount;
  if (!isGivenBack) {
    const needsReview = mismatch !== payment.resolvedReason;
    return changed(payment, { ...seenAtStripe(state), needsReview, reason: mismatch });
  }
  const changes = {
    ...seenAtStripe(state),
    status: 'failed' as const,
    needsReview: false,
    reason: `${mismatch}; it was given back`,
  };
  if (same(payment, changes)) return undefined;
  return { changes, fact: payment.status === 'failed' ? null : 'failed' };
}

/** Never accept silently what differs from what we asked for. */
function findMismatch(payment: Payment, state: StripeState): string | undefined {
  const asked = `${payment.amount} ${payment.currency}`;
  if (state.paymentStatus === 'no_payment_required')
    return `amount_mismatch: Stripe asked for nothing, we for ${asked}`;
  if (state.amountTotal === payment.amount && state.currency === payment.currency) return undefined;
  return `amount_mismatch: Stripe took ${state.amountTotal ?? 'nothing'} ${state.currency ?? ''}, we asked for ${asked}`;
}

function unpaidStep(payment: Payment, state: StripeState): Step {
  const seen = seenAtStripe(state);
  if (state.sessionStatus === 'expired') {
    return { changes: { ...seen, status: 'expired', reason: payment.reason ?? 'session_expired' }, fact: 'expired' };
  }
  if (state.sessionStatus === 'complete' && !state.processing) {
    return { changes: { ...seen, status: 'failed', reason: state.declineReason ?? 'payment_failed' }, fact: 'failed' };
  }
  // Open: a declined card may be tried again in the same session. Complete: a slow method is under way.
  return changed(payment, { ...seen, reason: state.declineReason });
}

function refundStep(payment: Payment, state: StripeState, refused: number): Step {
  const amountRefunded = Math.min(state.amountRefunded, payment.amountPaid);
  const changes = {
    amountRefunded,
    status: paidStatus({ ...payment, amountRefunded }),
    ...judgeRefunds(payment, { refunds: state.refunds, amountRefunded, refused }),
  };
  if (same(payment, changes)) return undefined;
  return { changes, fact: amountRefunded === payment.amountRefunded ? null : 'refunded' };
}

/** Whether a person must look at the refunds of a payment: a failed one waits until it is made good by a newer one. */
function judgeRefunds(
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

/** How reasons begin that are looked for again. */
const refundFailed = 'refund_failed';
export const refundRefused = 'refund_refused';
const paidTooLate = 'booking_cancelled';
/** …of a payment about which the booking service has not decided, see undecided.ts. */
export const bookingUndecided = 'booking_undecided';

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

function disputeStep(payment: Payment, state: StripeState): Step {
  const disputeStatus = sumUpDisputes(state.disputes);
  const amountDisputed = withdrawnBy(state.disputes);
  if (disputeStatus === payment.disputeStatus) {
    return changed(payment, { amountDisputed });
  }
  const after = { ...payment, disputeStatus };
  return {
    changes: {
      disputeStatus,
      amountDisputed,
      status: paidStatus(after),
      // A refund that failed needs somebody to act, so it stays in sight.
      reason: [refundFailed, refundRefused].some(one => payment.reason?.startsWith(one))
        ? payment.reason
        : `dispute_${disputeStatus ?? 'gone'}`,
      // Only what the dispute itself put before a person is over with it.
      needsReview: isContested(disputeStatus) || (payment.needsReview && !payment.reason?.startsWith('dispute_')),
    },
    fact: 'disputed',
  };
}

/** A charge can be disputed more than once: what is still contested comes first, else the newest decides. */
const sumUpDisputes = (disputes: StripeDisputeState[]): string | null =>
  (
    disputes.find(({ status }) => isUndecided(status)) ??
    disputes.find(({ status }) => isContested(status)) ??
    disputes[0]
  )?.status ?? null;

const withdrawnBy = (disputes: StripeDisputeState[]): number =>
  Math.max(0, -disputes.flatMap(dispute => dispute.movements).reduce((sum, movement) => sum + movement.amount, 0));

/** The ends that a dispute can come to (Stripe: disputes, `status`). */
export const decidedStatuses = ['won', 'lost', 'warning_closed', 'prevented'] as const;

/** Open or lost: the money is the bank's, or may become it. */
const isContested = (disputeStatus: string | null): boolean =>
  disputeStatus === 'lost' || (disputeStatus !== null && !decidedStatuses.some(status => status === disputeStatus));

/** Open: nobody knows yet whose the money is. */
const isUndecided = (disputeStatus: string | null): boolean => isContested(disputeStatus) && disputeStatus !== 'lost';

/** While a bank contests a payment, nothing of it is given back by us: the guest would get it twice. */
export const isUnderDispute = (payment: Payment): boolean => isUndecided(payment.disputeStatus);

function paidStatus(payment: Payment): PaymentStatus {
  if (isContested(payment.disputeStatus)) return 'disputed';
  if (payment.amountRefunded >= payment.amountPaid) return 'refunded';
  return payment.amountRefunded > 0 ? 'partially_refunded' : 'succeeded';
}

const seenAtStripe = (state: StripeState) => ({
  checkoutSessionId: state.sessionId,
  sessionStatus: state.sessionStatus,
  paymentIntentId: state.paymentIntentId,
  chargeId: state.chargeId,
});

const changed = (payment: Payment, changes: Partial<Payment>): Step =>
  same(payment, changes) ? undefined : { changes, fact: null };

const same = (payment: Payment, changes: Partial<Payment>): boolean => {
  const known: Record<string, unknown> = { ...payment };
  return Object.entries(changes).every(([name, value]) => known[name] === value);
};
