import type Stripe from 'stripe';
import { z } from 'zod';
import { moveBalance } from './balance.ts';
import { noSuch, notAllowed } from './errors.ts';
import type { FormTree } from './form.ts';
import { type List, listPage } from './lists.ts';
import { listParams, parseParams } from './params.ts';
import { buildCharge, buildIntent, cardDeclined } from './payment-objects.ts';
import type { StoredSession, World } from './store.ts';

/** `card` is settled at once; `delayed` is a bank debit whose outcome comes later, see settlePayment. */
export type PaymentMethodKind = 'card' | 'delayed';

/** Who pays, as typed on the pay page. */
export interface Payer {
  name: string | null;
  email: string | null;
}

/** The customer pays on the pay page: the session completes. 400 unless it is open. */
export function paySession(world: World, stored: StoredSession, kind: PaymentMethodKind, payer: Payer): void {
  const { session } = stored;
  requireOpen(session);
  const email = session.customer_email ?? payer.email;
  const intent = openIntent(world, stored);
  const charge = attemptCharge(world, intent, { kind, name: payer.name, email });
  session.status = 'complete';
  session.url = null;
  session.customer_details = {
    address: null,
    business_name: null,
    email,
    individual_name: null,
    name: payer.name,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
  };
  if (kind === 'card') {
    succeed(world, intent, charge);
    session.payment_status = 'paid';
  } else {
    intent.status = 'processing';
    world.emit('charge.pending', charge);
    world.emit('payment_intent.processing', intent);
  }
  world.emit('checkout.session.completed', session);
}

/** The customer's card is refused: the session stays open and can be paid with another. 400 unless it is open. */
export function declineSession(world: World, stored: StoredSession, payer: Payer): void {
  requireOpen(stored.session);
  const intent = openIntent(world, stored);
  const email = stored.session.customer_email ?? payer.email;
  fail(world, intent, attemptCharge(world, intent, { kind: 'card', name: payer.name, email }));
}

/** A delayed payment comes to its end. 400 unless one is processing for this session. */
export function settlePayment(world: World, stored: StoredSession, outcome: 'succeeded' | 'failed'): void {
  const { session } = stored;
  const intent = world.state.paymentIntents[String(session.payment_intent)];
  const charge = world.state.charges[String(intent?.latest_charge)];
  if (!intent || !charge || intent.status !== 'processing') {
    throw notAllowed(`The payment of ${session.id} is not processing.`);
  }
  if (outcome === 'succeeded') {
    succeed(world, intent, charge);
    session.payment_status = 'paid';
    world.emit('checkout.session.async_payment_succeeded', session);
  } else {
    fail(world, intent, charge);
    world.emit('checkout.session.async_payment_failed', session);
  }
}

/** A session that expires takes the PaymentIntent of its failed attempts with it. */
export function cancelAbandonedIntent(world: World, session: Stripe.Checkout.Session): void {
  const intent = world.state.paymentIntents[String(session.payment_intent)];
  if (!intent || intent.status === 'canceled' || intent.status === 'succeeded') return;
  intent.status = 'canceled';
  intent.canceled_at = world.now();
  intent.cancellation_reason = 'automatic';
  world.emit('payment_intent.canceled', intent);
}

function requireOpen(session: Stripe.Checkout.Session): void {
  if (session.status !== 'open') {
    const state = session.status === 'expired' ? 'has expired' : 'has already been paid';
    throw notAllowed(`This Checkout Session ${state}.`, { code: 'payment_intent_unexpected_state' });
  }
}

// The PaymentIntent exists only from the first attempt to pay.
function openIntent(world: World, stored: StoredSession): Stripe.PaymentIntent {
  const known = world.state.paymentIntents[String(stored.session.payment_intent)];
  if (known) return known;
  const intent = buildIntent(world, stored);
  world.state.paymentIntents[intent.id] = intent;
  stored.session.payment_intent = intent.id;
  world.emit('payment_intent.created', intent);
  return intent;
}

function attemptCharge(
  world: World,
  intent: Stripe.PaymentIntent,
  o: { kind: PaymentMethodKind; name: string | null; email: string | null },
): Stripe.Charge {
  const charge = buildCharge(world, intent, o);
  world.state.charges[charge.id] = charge;
  intent.latest_charge = charge.id;
  intent.payment_method = charge.payment_method;
  intent.last_payment_error = null;
  return charge;
}

function succeed(world: World, intent: Stripe.PaymentIntent, charge: Stripe.Charge): void {
  Object.assign(charge, {
    status: 'succeeded',
    paid: true,
    captured: true,
    amount_captured: charge.amount,
    balance_transaction: moveBalance(world, 'charge', {
      amount: charge.amount,
      currency: charge.currency,
      source: charge.id,
      description: charge.description,
    }).id,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
  } satisfies Partial<Stripe.Charge>);
  Object.assign(intent, {
    status: 'succeeded',
    amount_received: intent.amount,
  } satisfies Partial<Stripe.PaymentIntent>);
  world.emit('payment_intent.succeeded', intent);
  world.emit('charge.succeeded', charge);
}

function fail(world: World, intent: Stripe.PaymentIntent, charge: Stripe.Charge): void {
  Object.assign(charge, cardDeclined.charge);
  intent.status = 'requires_payment_method';
  intent.payment_method = null;
  intent.last_payment_error = { ...cardDeclined.error, charge: charge.id };
  world.emit('charge.failed', charge);
  world.emit('payment_intent.payment_failed', intent);
}

const intentsSchema = z.strictObject({ ...listParams, customer: z.string().optional() });

export function listPaymentIntents(world: World, params: FormTree): List<Stripe.PaymentIntent> {
  const { customer, ...page } = parseParams(intentsSchema, params);
  const matches = Object.values(world.state.paymentIntents).filter(
    intent => customer === undefined || intent.customer === customer,
  );
  return listPage('/v1/payment_intents', 'payment_intent', matches, page);
}

export function findPaymentIntent(world: World, id: string, param = 'intent'): Stripe.PaymentIntent {
  const intent = world.state.paymentIntents[id];
  if (!intent) throw noSuch('payment_intent', id, param);
  return intent;
}

const chargesSchema = z.strictObject({
  ...listParams,
  payment_intent: z.string().optional(),
  customer: z.string().optional(),
});

export function listCharges(world: World, params: FormTree): List<Stripe.Charge> {
  const { payment_intent: intent, customer, ...page } = parseParams(chargesSchema, params);
  const matches = Object.values(world.state.charges).filter(
    charge =>
      (intent === undefined || charge.payment_intent === intent) &&
      (customer === undefined || charge.customer === customer),
  );
  return listPage('/v1/charges', 'charge', matches, page);
}

export function findCharge(world: World, id: string, param = 'charge'): Stripe.Charge {
  const charge = world.state.charges[id];
  if (!charge) throw noSuch('charge', id, param);
  return charge;
}
