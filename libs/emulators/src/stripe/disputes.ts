import type Stripe from 'stripe';
import { z } from 'zod';
import { moveBalance } from './balance.ts';
import { noSuch, notAllowed } from './errors.ts';
import type { FormTree } from './form.ts';
import { type List, listPage } from './lists.ts';
import { listParams, parseParams } from './params.ts';
import type { World } from './store.ts';

/** How a dispute begins: with the money taken, or as a mere question of the bank (an inquiry), which takes none. */
export type DisputeKind = 'chargeback' | 'inquiry';

/** The cardholder's bank takes a payment back, or asks about it; the owner has until `due_by` to answer. */
export function openDispute(
  world: World,
  charge: Stripe.Charge,
  o: {
    amount?: number | undefined;
    reason?: string | undefined;
    dueInDays?: number | undefined;
    kind?: DisputeKind | undefined;
  },
): Stripe.Dispute {
  if (charge.status !== 'succeeded') throw notAllowed(`Charge ${charge.id} is not successful and cannot be disputed.`);
  const inquiry = o.kind === 'inquiry';
  const dispute: Stripe.Dispute = {
    id: world.newId('dp'),
    object: 'dispute',
    amount: o.amount ?? charge.amount - charge.amount_refunded,
    balance_transactions: [],
    charge: charge.id,
    created: world.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: emptyEvidence(),
    evidence_details: {
      due_by: world.now() + (o.dueInDays ?? 7) * 24 * 60 * 60,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: inquiry,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: o.reason ?? 'fraudulent',
    status: inquiry ? 'warning_needs_response' : 'needs_response',
  };
  world.state.disputes[dispute.id] = dispute;
  charge.disputed = true;
  if (!inquiry) withdraw(world, dispute);
  world.emit('charge.dispute.created', dispute);
  if (!inquiry) world.emit('charge.dispute.funds_withdrawn', dispute);
  return dispute;
}

/** The bank makes a chargeback of an inquiry. 400 for anything else. */
export function escalateDispute(world: World, id: string): Stripe.Dispute {
  const dispute = findDispute(world, id);
  if (!dispute.status.startsWith('warning_') || dispute.status === 'warning_closed')
    throw notAllowed(`This dispute is not an inquiry that is open: ${dispute.status}.`);
  dispute.status = 'needs_response';
  dispute.is_charge_refundable = false;
  withdraw(world, dispute);
  world.emit('charge.dispute.updated', dispute);
  world.emit('charge.dispute.funds_withdrawn', dispute);
  return dispute;
}

/** The owner's evidence was sent, in Stripe's dashboard; the bank looks at it. 400 when nothing is waited for. */
export function submitEvidence(world: World, id: string): Stripe.Dispute {
  const dispute = findDispute(world, id);
  if (!dispute.status.endsWith('needs_response'))
    throw notAllowed(`This dispute does not wait for evidence: ${dispute.status}.`);
  dispute.status = dispute.status === 'needs_response' ? 'under_review' : 'warning_under_review';
  Object.assign(dispute.evidence_details, { has_evidence: true, submission_count: 1, submission_method: 'manual' });
  world.emit('charge.dispute.updated', dispute);
  return dispute;
}

const closed = ['won', 'lost', 'warning_closed'];

/** The bank decides. A dispute that was won gives the money back. 400 when it is already decided. */
export function closeDispute(world: World, id: string, outcome: 'won' | 'lost' | 'warning_closed'): Stripe.Dispute {
  const dispute = findDispute(world, id);
  if (closed.includes(dispute.status)) throw notAllowed(`This dispute is already closed: ${dispute.status}.`);
  if (dispute.status.startsWith('warning_') !== (outcome === 'warning_closed'))
    throw notAllowed(`A dispute that is ${dispute.status} cannot become ${outcome}.`);
  dispute.status = outcome;
  if (outcome === 'won') reinstate(world, dispute);
  world.emit('charge.dispute.closed', dispute);
  if (outcome === 'won') world.emit('charge.dispute.funds_reinstated', dispute);
  return dispute;
}

function withdraw(world: World, dispute: Stripe.Dispute): void {
  const { amount, currency, id } = dispute;
  dispute.balance_transactions.push(moveBalance(world, 'dispute', { amount: -amount, currency, source: id }));
}

function reinstate(world: World, dispute: Stripe.Dispute): void {
  const { amount, currency, id } = dispute;
  dispute.balance_transactions.push(moveBalance(world, 'dispute_reversal', { amount, currency, source: id }));
}

export function findDispute(world: World, id: string): Stripe.Dispute {
  const dispute = world.state.disputes[id];
  if (!dispute) throw noSuch('dispute', id);
  return dispute;
}

const listSchema = z.strictObject({
  ...listParams,
  charge: z.string().optional(),
  payment_intent: z.string().optional(),
});

export function listDisputes(world: World, params: FormTree): List<Stripe.Dispute> {
  const { charge, payment_intent: intent, ...page } = parseParams(listSchema, params);
  const matches = Object.values(world.state.disputes).filter(
    dispute =>
      (charge === undefined || dispute.charge === charge) &&
      (intent === undefined || dispute.payment_intent === intent),
  );
  return listPage('/v1/disputes', 'dispute', matches, page);
}

const emptyEvidence = (): Stripe.Dispute.Evidence => ({
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
});
