import type Stripe from 'stripe';
import type { StoredSession, World } from './store.ts';

/** A PaymentIntent as it is before its first attempt. */
export function buildIntent(world: World, stored: StoredSession): Stripe.PaymentIntent {
  const { session, intent } = stored;
  const id = world.newId('pi');
  return {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount: session.amount_total ?? 0,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${id.slice(-12)}`,
    confirmation_method: 'automatic',
    created: world.now(),
    currency: session.currency ?? '',
    customer: null,
    customer_account: null,
    description: intent.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: { ...intent.metadata },
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: [...session.payment_method_types],
    payment_record: null,
    processing: null,
    receipt_email: intent.receiptEmail,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'requires_payment_method',
    transfer_group: null,
  };
}

/** A charge that is under way; the PaymentIntent's metadata is copied to it, as Stripe does. */
export function buildCharge(
  world: World,
  intent: Stripe.PaymentIntent,
  o: { kind: 'card' | 'delayed'; name: string | null; email: string | null },
): Stripe.Charge {
  const id = world.newId('ch');
  return {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: o.email, name: o.name, phone: null, tax_id: null },
    calculated_statement_descriptor: null,
    captured: false,
    created: world.now(),
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: null,
    paid: false,
    payment_intent: intent.id,
    payment_method: world.newId('pm'),
    payment_method_details: o.kind === 'card' ? card : bankDebit,
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'pending',
    transfer_data: null,
    transfer_group: null,
  };
}

const card: Stripe.Charge.PaymentMethodDetails = {
  type: 'card',
  card: {
    amount_authorized: null,
    authorization_code: null,
    brand: 'visa',
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'CA',
    electronic_commerce_indicator: null,
    exp_month: 12,
    exp_year: 2034,
    funding: 'credit',
    installments: null,
    last4: '4242',
    mandate: null,
    network: 'visa',
    network_transaction_id: null,
    regulated_status: null,
    three_d_secure: null,
    transaction_link_id: null,
    wallet: null,
  },
};

const bankDebit: Stripe.Charge.PaymentMethodDetails = {
  type: 'acss_debit',
  acss_debit: {
    bank_name: 'STRIPE TEST BANK',
    fingerprint: null,
    institution_number: '000',
    last4: '6789',
    transit_number: '11000',
  },
};

const refusal = 'Your card was declined.';

/** What a refused attempt looks like on the charge and on the PaymentIntent. */
export const cardDeclined = {
  charge: {
    status: 'failed',
    paid: false,
    failure_code: 'card_declined',
    failure_message: refusal,
    outcome: {
      advice_code: 'try_again_later',
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'declined_by_network',
      reason: 'generic_decline',
      risk_level: 'normal',
      seller_message: 'The bank did not return any further details with this decline.',
      type: 'issuer_declined',
    },
  } satisfies Partial<Stripe.Charge>,
  error: {
    type: 'card_error',
    code: 'card_declined',
    decline_code: 'generic_decline',
    message: refusal,
  } satisfies Stripe.PaymentIntent.LastPaymentError,
};
