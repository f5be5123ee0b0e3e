import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import type { StripeEmulator } from './stripe-emulator.ts';
import { checkout, refusalOf, startWithClient } from './test-support.ts';

let emulator: StripeEmulator;
let stripe: Stripe;
let intent: string;

beforeEach(async () => {
  ({ emulator, stripe } = await startWithClient());
  const { id } = await stripe.checkout.sessions.create(checkout);
  emulator.admin.sessions.pay(id);
  intent = String((await stripe.checkout.sessions.retrieve(id)).payment_intent);
});
afterEach(() => emulator.close());

const movements = async () => {
  const { data } = await stripe.balanceTransactions.list({ limit: 100 });
  return data.toReversed().map(({ amount, reporting_category: category }) => [category, amount]);
};

test('every movement of money is a balance transaction', async () => {
  emulator.admin.refunds.holdNext(1);
  const refund = await stripe.refunds.create({ payment_intent: intent, amount: 2_000 });
  emulator.admin.refunds.settle(refund.id, 'failed');
  const dispute = emulator.admin.disputes.create({ payment_intent: intent });
  emulator.admin.disputes.close(dispute.id, 'won');
  expect(await movements()).toEqual([
    ['charge', 12_000],
    ['refund', -2_000],
    ['refund_failure', 2_000],
    ['dispute', -12_000],
    ['dispute_reversal', 12_000],
  ]);
  const decided = await stripe.disputes.retrieve(dispute.id);
  expect(decided.balance_transactions.map(one => one.amount)).toEqual([-12_000, 12_000]);
  const charge = await stripe.charges.list({ payment_intent: intent, expand: ['data.balance_transaction'] });
  expect(charge.data[0]?.balance_transaction).toMatchObject({ amount: 12_000, fee: 378, net: 11_622 });
});

test('an inquiry takes nothing and leaves the payment refundable, until it becomes a chargeback', async () => {
  const { id } = emulator.admin.disputes.create({ payment_intent: intent, kind: 'inquiry' });
  expect(await stripe.disputes.retrieve(id)).toMatchObject({
    status: 'warning_needs_response',
    balance_transactions: [],
  });
  await stripe.refunds.create({ payment_intent: intent, amount: 1_000 });
  emulator.admin.disputes.escalate(id);
  expect(await stripe.disputes.retrieve(id)).toMatchObject({ status: 'needs_response', is_charge_refundable: false });
  expect((await refusalOf(stripe.refunds.create({ payment_intent: intent }))).code).toBe('charge_disputed');
});

test('evidence puts a dispute under review, and is taken once', () => {
  const { id } = emulator.admin.disputes.create({ payment_intent: intent });
  expect(emulator.admin.disputes.submitEvidence(id)).toMatchObject({
    status: 'under_review',
    evidence_details: { submission_count: 1 },
  });
  expect(() => emulator.admin.disputes.submitEvidence(id)).toThrow('does not wait for evidence');
});
