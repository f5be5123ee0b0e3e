import type { PaymentContext } from '../context.ts';
import type { StripeDisputeState } from '../dispute.ts';
import type { Stripe } from '../stripe-client.ts';
import { describeDispute, describeRefund } from '../stripe-state.ts';

/** Which of the objects on a page of Stripe's lists our rows do not know, or know otherwise: one question to the database each. */

/** Something at Stripe that our rows do not say. */
export interface Suspicion {
  kind: string;
  stripeId: string;
  problem: string;
  paymentIntentId: string | null;
  sessionId: string | null;
  hint: string | null;
}

const idOf = (value: string | { id: string } | null | undefined): string | null =>
  typeof value === 'string' ? value : (value?.id ?? null);

export async function judgeSessions({ db }: PaymentContext, page: Stripe.Checkout.Session[]): Promise<Suspicion[]> {
  const rows = await db.payment.findMany({ where: { checkoutSessionId: { in: page.map(one => one.id) } } });
  const known = new Map(rows.map(row => [row.checkoutSessionId, row]));
  return page.flatMap(session => {
    const row = known.get(session.id);
    const isPaid = session.payment_status === 'paid';
    const ours = row && (row.amountPaid > 0 || row.needsReview || row.status === 'failed');
    if (row ? row.sessionStatus === session.status && (!isPaid || ours) : !isPaid) return [];
    const hint = session.metadata?.paymentId ?? null;
    const problem = row ? `is ${session.status}, ${session.payment_status}` : 'is paid and not known here';
    return { kind: 'session', stripeId: session.id, problem, paymentIntentId: null, sessionId: session.id, hint };
  });
}

export async function judgeCharges({ db }: PaymentContext, page: Stripe.Charge[]): Promise<Suspicion[]> {
  const rows = await db.ledgerEntry.findMany({ where: { entryKey: { in: page.map(one => one.id) } } });
  const known = new Set(rows.map(row => row.entryKey));
  return page
    .filter(charge => charge.paid && !known.has(charge.id))
    .map(charge => suspect('charge', charge, 'is not in the ledger', charge.metadata?.paymentId));
}

export async function judgeRefunds({ db }: PaymentContext, page: Stripe.Refund[]): Promise<Suspicion[]> {
  const rows = await db.refund.findMany({ where: { stripeRefundId: { in: page.map(one => one.id) } } });
  const known = new Map(rows.map(row => [row.stripeRefundId, row.status]));
  return page
    .filter(refund => known.get(refund.id) !== describeRefund(refund).status)
    .map(refund =>
      suspect(
        'refund',
        refund,
        `is ${refund.status}, here ${known.get(refund.id) ?? 'unknown'}`,
        refund.metadata?.paymentId,
      ),
    );
}

export async function judgeDisputes({ db }: PaymentContext, page: Stripe.Dispute[]): Promise<Suspicion[]> {
  const rows = await db.dispute.findMany({ where: { id: { in: page.map(one => one.id) } } });
  const known = new Map(rows.map(row => [row.id, standing(row)]));
  return page.flatMap(dispute => {
    const [there, here] = [standing(describeDispute(dispute)), known.get(dispute.id) ?? 'unknown'];
    return there === here ? [] : suspect('dispute', dispute, `is ${there}, here ${here}`);
  });
}

/** What an owner acts on. */
const standing = ({ status, amount, dueBy }: Pick<StripeDisputeState, 'status' | 'amount' | 'dueBy'>): string =>
  `${status} over ${amount}${dueBy ? `, due ${dueBy.toISOString()}` : ''}`;

const suspect = (
  kind: string,
  object: { id: string; payment_intent: string | { id: string } | null },
  problem: string,
  hint: string | null = null,
): Suspicion => ({
  kind,
  stripeId: object.id,
  problem,
  paymentIntentId: idOf(object.payment_intent),
  sessionId: null,
  hint,
});
