import type { PaymentPurpose } from '@monde-sauvage/contracts';
import { isContested, type StripeDisputeState, sumUpDisputes, withdrawnBy } from './dispute.ts';
import { judgeRefunds, refundFailed, refundRefused } from './review.ts';

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
