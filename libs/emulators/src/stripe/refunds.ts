import type Stripe from 'stripe';
import { z } from 'zod';
import { moveBalance } from './balance.ts';
import { invalidParam, noSuch, notAllowed } from './errors.ts';
import type { FormTree } from './form.ts';
import { type List, listPage } from './lists.ts';
import { formatMoney } from './money.ts';
import { integer, listParams, metadata, parseParams } from './params.ts';
import { findCharge, findPaymentIntent } from './payments.ts';
import type { World } from './store.ts';

const createSchema = z.strictObject({
  charge: z.string().optional(),
  payment_intent: z.string().optional(),
  amount: integer.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata: metadata.optional(),
});

/** `POST /v1/refunds`: all that remains unless an amount is given; never more than remains. */
export function createRefund(world: World, params: FormTree): Stripe.Refund {
  const input = parseParams(createSchema, params);
  const charge = chargeToRefund(world, input);
  const remaining = charge.amount_captured - charge.amount_refunded;
  if (input.amount !== undefined && input.amount < 1) {
    throw invalidParam('amount', 'Invalid positive integer', 'parameter_invalid_integer');
  }
  if (charge.disputed && hasOpenOrLostDispute(world, charge.id)) {
    throw notAllowed(`Charge ${charge.id} has been charged back; cannot issue a refund.`, { code: 'charge_disputed' });
  }
  if (remaining === 0) {
    throw notAllowed(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  }
  const amount = input.amount ?? remaining;
  if (amount > remaining) {
    const asked = formatMoney(amount, charge.currency);
    const left = formatMoney(remaining, charge.currency);
    throw notAllowed(`Refund amount (${asked}) is greater than unrefunded amount on charge (${left})`, {
      param: 'amount',
    });
  }
  return issueRefund(world, charge, { amount, reason: input.reason ?? null, metadata: input.metadata ?? {} });
}

function issueRefund(
  world: World,
  charge: Stripe.Charge,
  o: { amount: number; reason: Stripe.Refund.Reason | null; metadata: Record<string, string> },
): Stripe.Refund {
  const pending = world.pendingRefunds > 0;
  if (pending) world.pendingRefunds -= 1;
  const refund: Stripe.Refund = {
    id: world.newId('re'),
    object: 'refund',
    amount: o.amount,
    balance_transaction: null,
    charge: charge.id,
    created: world.now(),
    currency: charge.currency,
    customer: null,
    customer_account: null,
    destination_details: {
      type: 'card',
      card: { type: 'refund', reference_status: 'pending', reference_type: 'acquirer_reference_number' },
    },
    metadata: o.metadata,
    payment_intent: charge.payment_intent,
    payment_method: null,
    ...(pending ? { pending_reason: 'processing' as const } : {}),
    reason: o.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: pending ? 'pending' : 'succeeded',
    transfer_reversal: null,
  };
  refund.balance_transaction = moveBalance(world, 'refund', {
    amount: -refund.amount,
    currency: refund.currency,
    source: refund.id,
  }).id;
  world.state.refunds[refund.id] = refund;
  countRefund(charge, refund.amount);
  world.emit('refund.created', refund);
  world.emit('charge.refunded', charge);
  if (!pending) {
    // The bank's reference follows; Stripe reports it as an update of its own.
    giveReference(refund);
    emitUpdate(world, refund);
  }
  return refund;
}

/** A pending refund ends; a refund that had succeeded can still fail when the bank returns it. 400 for any other change. */
export function settleRefund(
  world: World,
  id: string,
  outcome: 'succeeded' | 'failed',
  reason?: string,
): Stripe.Refund {
  const refund = findRefund(world, id);
  const allowed = refund.status === 'pending' || (refund.status === 'succeeded' && outcome === 'failed');
  if (!allowed) throw notAllowed(`Refund ${id} has a status of ${refund.status} and cannot become ${outcome}.`);
  delete refund.pending_reason;
  refund.status = outcome;
  if (outcome === 'succeeded') {
    giveReference(refund);
    emitUpdate(world, refund);
    return refund;
  }
  refund.failure_reason = reason ?? 'expired_or_canceled_card';
  // The money is back with the merchant, so it can be refunded again.
  const charge = findCharge(world, String(refund.charge));
  countRefund(charge, -refund.amount);
  refund.failure_balance_transaction = moveBalance(world, 'refund_failure', {
    amount: refund.amount,
    currency: refund.currency,
    source: refund.id,
  }).id;
  world.emit('refund.failed', refund);
  emitUpdate(world, refund);
  world.emit('charge.updated', charge);
  return refund;
}

const updateSchema = z.strictObject({ metadata: metadata.optional() });

/** `POST /v1/refunds/{id}`: metadata only; an empty value removes a key. */
export function updateRefund(world: World, id: string, params: FormTree): Stripe.Refund {
  const input = parseParams(updateSchema, params);
  const refund = findRefund(world, id);
  const merged = { ...refund.metadata, ...input.metadata };
  refund.metadata = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
  emitUpdate(world, refund);
  return refund;
}

export function findRefund(world: World, id: string): Stripe.Refund {
  const refund = world.state.refunds[id];
  if (!refund) throw noSuch('refund', id);
  return refund;
}

const listSchema = z.strictObject({
  ...listParams,
  charge: z.string().optional(),
  payment_intent: z.string().optional(),
});

export function listRefunds(world: World, params: FormTree): List<Stripe.Refund> {
  const { charge, payment_intent: intent, ...page } = parseParams(listSchema, params);
  const matches = Object.values(world.state.refunds).filter(
    refund =>
      (charge === undefined || refund.charge === charge) && (intent === undefined || refund.payment_intent === intent),
  );
  return listPage('/v1/refunds', 'refund', matches, page);
}

function chargeToRefund(
  world: World,
  o: { charge?: string | undefined; payment_intent?: string | undefined },
): Stripe.Charge {
  if (o.payment_intent !== undefined) {
    const intent = findPaymentIntent(world, o.payment_intent, 'payment_intent');
    const charge = world.state.charges[String(intent.latest_charge)];
    if (intent.status !== 'succeeded' || !charge) {
      throw notAllowed(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
    }
    return charge;
  }
  if (o.charge === undefined) {
    throw invalidParam(
      'charge',
      'One of the following params should be provided for this request: payment_intent or charge.',
      'parameter_missing',
    );
  }
  const charge = findCharge(world, o.charge);
  if (charge.status !== 'succeeded') throw notAllowed(`Charge ${charge.id} is not successful and cannot be refunded.`);
  return charge;
}

/** An inquiry (`warning_…`) leaves the charge refundable. */
const hasOpenOrLostDispute = (world: World, charge: string): boolean =>
  Object.values(world.state.disputes).some(
    dispute => dispute.charge === charge && !dispute.is_charge_refundable && dispute.status !== 'won',
  );

function countRefund(charge: Stripe.Charge, amount: number): void {
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount_captured;
}

function giveReference(refund: Stripe.Refund): void {
  const card = refund.destination_details?.card;
  if (card)
    Object.assign(card, { reference: '7520005283', reference_status: 'available' } satisfies Partial<typeof card>);
}

function emitUpdate(world: World, refund: Stripe.Refund): void {
  world.emit('refund.updated', refund);
  world.emit('charge.refund.updated', refund);
}
