import { z } from 'zod';
import type { StripeDisputeState } from './dispute.ts';
import type { StripeRefundState, StripeState } from './payment.ts';
import { fromUnix, type Patience, type Stripe } from './stripe-client.ts';

// A value that Stripe adds one day must not be taken for money, nor for an end.
const sessionStatus = z.enum(['open', 'complete', 'expired']).catch('open');
const paymentStatus = z.enum(['paid', 'unpaid', 'no_payment_required']).catch('unpaid');

/**
 * Reads all that Stripe knows of one Checkout Session, in the words of our domain: what its answer names but does not
 * hold is fetched too, since money must not be overlooked because an answer was short.
 * @throws the SDK's error when any of it cannot be read; half a state is none
 */
export async function readStripeState(
  stripe: Stripe,
  sessionId: string,
  patience: Patience = {},
): Promise<{ state: StripeState; url: string | null }> {
  const expand = ['payment_intent.latest_charge'];
  const session = await stripe.checkout.sessions.retrieve(sessionId, { expand }, patience);
  const intent = await whole(session.payment_intent, id =>
    stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] }, patience),
  );
  const charge = await whole(intent?.latest_charge, id => stripe.charges.retrieve(id, {}, patience));
  const [refunds, disputes] = await Promise.all([
    charge?.paid ? listRefunds(stripe, charge.id, patience) : [],
    charge?.disputed ? listDisputes(stripe, charge.id, patience) : [],
  ]);
  return {
    url: session.url,
    state: {
      sessionId: session.id,
      sessionStatus: sessionStatus.parse(session.status),
      paymentStatus: paymentStatus.parse(session.payment_status),
      amountTotal: session.amount_total,
      currency: session.currency?.toUpperCase() ?? null,
      paymentIntentId: intent?.id ?? null,
      processing: intent === undefined || !['requires_payment_method', 'canceled'].includes(intent.status),
      chargeId: charge?.id ?? null,
      charge: charge?.paid ? describeCharge(charge) : null,
      // Not the charge's own sum: it was read a moment earlier and may not fit the list.
      amountRefunded: refunds.reduce((sum, refund) => sum + (refund.status === 'failed' ? 0 : refund.amount), 0),
      declineReason: intent?.last_payment_error?.code ?? null,
      refunds,
      disputes,
    },
  };
}

async function listRefunds(stripe: Stripe, charge: string, patience: Patience): Promise<StripeRefundState[]> {
  const refunds = await stripe.refunds.list({ charge, limit: 100 }, patience).autoPagingToArray({ limit: 1_000 });
  return refunds.map(describeRefund);
}

/** `requires_action` waits like `pending`; a cancelled refund gave nothing back, like a failed one. */
export function describeRefund(refund: Stripe.Refund): StripeRefundState {
  const failed = refund.status === 'failed' || refund.status === 'canceled';
  return {
    id: refund.id,
    refundId: refund.metadata?.refundId ?? null,
    amount: refund.amount,
    status: failed ? 'failed' : refund.status === 'succeeded' ? 'succeeded' : 'pending',
    failureReason: failed ? (refund.failure_reason ?? refund.status) : null,
    at: fromUnix(refund.created),
  };
}

const describeCharge = (charge: Stripe.Charge): NonNullable<StripeState['charge']> => ({
  id: charge.id,
  // Captured by itself with Checkout; what was not captured was not taken.
  amount: charge.amount_captured,
  currency: charge.currency.toUpperCase(),
  at: fromUnix(charge.created),
});

/** Newest first: a charge can be disputed more than once. */
async function listDisputes(stripe: Stripe, charge: string, patience: Patience): Promise<StripeDisputeState[]> {
  const { data } = await stripe.disputes.list({ charge, limit: 100 }, patience);
  return data.map(describeDispute);
}

/**
 * The movements are in the currency of our balance; where that is another than the guest paid in, only their direction
 * is ours to use and the amount is the dispute's. (Stripe: disputes, `balance_transactions`.)
 */
export function describeDispute(dispute: Stripe.Dispute): StripeDisputeState {
  return {
    id: dispute.id,
    amount: dispute.amount,
    currency: dispute.currency.toUpperCase(),
    reason: dispute.reason,
    status: dispute.status,
    dueBy: dispute.evidence_details.due_by ? fromUnix(dispute.evidence_details.due_by) : null,
    openedAt: fromUnix(dispute.created),
    movements: dispute.balance_transactions.map(({ id, amount, currency, created }) => ({
      id,
      amount: currency === dispute.currency ? amount : Math.sign(amount) * dispute.amount,
      at: fromUnix(created),
    })),
  };
}

/** The Checkout Session behind a PaymentIntent; undefined when it was not made by Checkout. */
export async function findSessionOfIntent(stripe: Stripe, paymentIntent: string): Promise<string | undefined> {
  const { data } = await stripe.checkout.sessions.list({ payment_intent: paymentIntent, limit: 1 });
  return data[0]?.id;
}

/** Our id of the payment that a session was made for; undefined when it was not made by us. */
export async function findPaymentIdOfSession(stripe: Stripe, sessionId: string): Promise<string | undefined> {
  const { metadata } = await stripe.checkout.sessions.retrieve(sessionId);
  return metadata?.paymentId;
}

/** An object that was asked to be expanded: fetched when only its id came. */
const whole = async <T extends object>(
  value: string | T | null | undefined,
  fetch: (id: string) => Promise<T>,
): Promise<T | undefined> => (typeof value === 'string' ? fetch(value) : (value ?? undefined));
