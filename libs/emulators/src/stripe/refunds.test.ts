import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import type { StripeEmulator } from './stripe-emulator.ts';
import { checkout, press, refusalOf, startWithClient } from './test-support.ts';

describe('refunds and disputes', () => {
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

  const eventTypes = (): string[] => Object.values(emulator.admin.state().events).map(({ event }) => event.type);
  const charge = async (): Promise<Stripe.Charge> => {
    const [only] = (await stripe.charges.list({ payment_intent: intent })).data;
    if (!only) throw new Error('There is no charge.');
    return only;
  };

  test('gives back all that remains unless told how much', async () => {
    const first = await stripe.refunds.create({
      payment_intent: intent,
      amount: 5000,
      reason: 'requested_by_customer',
      metadata: { bookingId: 'booking-1' },
    });
    expect(first).toMatchObject({ status: 'succeeded', amount: 5000, metadata: { bookingId: 'booking-1' } });
    expect(await charge()).toMatchObject({ amount_refunded: 5000, refunded: false });
    const rest = await stripe.refunds.create({ charge: (await charge()).id });
    expect(rest.amount).toBe(7000);
    expect(await charge()).toMatchObject({ amount_refunded: 12_000, refunded: true });
    expect(eventTypes().slice(4)).toEqual([
      ...['refund.created', 'charge.refunded', 'refund.updated', 'charge.refund.updated'],
      ...['refund.created', 'charge.refunded', 'refund.updated', 'charge.refund.updated'],
    ]);
    const listed = await stripe.refunds.list({ payment_intent: intent });
    expect(listed.data.map(refund => refund.id)).toEqual([rest.id, first.id]);
  });

  test('refuses more than remains', async () => {
    await stripe.refunds.create({ payment_intent: intent, amount: 10_000 });
    const tooMuch = await refusalOf(stripe.refunds.create({ payment_intent: intent, amount: 2001 }));
    expect([tooMuch.statusCode, tooMuch.param]).toEqual([400, 'amount']);
    expect(tooMuch.message).toBe('Refund amount ($20.01) is greater than unrefunded amount on charge ($20.00)');
    await stripe.refunds.create({ payment_intent: intent });
    const nothingLeft = await refusalOf(stripe.refunds.create({ payment_intent: intent }));
    expect(nothingLeft.code).toBe('charge_already_refunded');
  });

  test('of two refunds of everything at once, one is refused', async () => {
    const results = await Promise.allSettled([
      stripe.refunds.create({ payment_intent: intent }),
      stripe.refunds.create({ payment_intent: intent }),
    ]);
    expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('refuses a refund of what was not paid', async () => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    await press(emulator, id, 'delay');
    const unpaid = String((await stripe.checkout.sessions.retrieve(id)).payment_intent);
    const refusal = await refusalOf(stripe.refunds.create({ payment_intent: unpaid }));
    expect(refusal.message).toContain('does not have a successful charge to refund');
    expect((await refusalOf(stripe.refunds.create({}))).code).toBe('parameter_missing');
  });

  test('follows a pending refund to success', async () => {
    emulator.admin.refunds.holdNext(1);
    const refund = await stripe.refunds.create({ payment_intent: intent });
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    emulator.admin.refunds.settle(refund.id, 'succeeded');
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'succeeded' });
    expect(eventTypes().slice(-2)).toEqual(['refund.updated', 'charge.refund.updated']);
  });

  test('a refund that fails can be made again', async () => {
    emulator.admin.refunds.holdNext(1);
    const refund = await stripe.refunds.create({ payment_intent: intent });
    emulator.admin.refunds.settle(refund.id, 'failed', 'lost_or_stolen_card');
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'lost_or_stolen_card',
    });
    expect(eventTypes()).toContain('refund.failed');
    expect(await charge()).toMatchObject({ amount_refunded: 0, refunded: false });
    expect(await stripe.refunds.create({ payment_intent: intent })).toMatchObject({ amount: 12_000 });
  });

  test('a refund made in the dashboard is seen through the API', async () => {
    const made = emulator.admin.refunds.create({ payment_intent: intent, amount: 100 });
    expect((await stripe.refunds.list()).data.map(refund => refund.id)).toEqual([made.id]);
    const expanded = await stripe.refunds.retrieve(made.id, { expand: ['charge', 'payment_intent'] });
    expect(expanded).toMatchObject({ charge: { object: 'charge' }, payment_intent: { id: intent } });
  });

  test('a disputed payment cannot be refunded until the dispute is won', async () => {
    const dispute = emulator.admin.disputes.create({ payment_intent: intent, reason: 'product_not_received' });
    expect(await stripe.disputes.retrieve(dispute.id)).toMatchObject({
      status: 'needs_response',
      amount: 12_000,
      reason: 'product_not_received',
    });
    const refusal = await refusalOf(stripe.refunds.create({ payment_intent: intent }));
    expect(refusal.code).toBe('charge_disputed');
    emulator.admin.disputes.close(dispute.id, 'won');
    expect((await stripe.disputes.list({ payment_intent: intent })).data[0]?.status).toBe('won');
    expect(await stripe.refunds.create({ payment_intent: intent })).toMatchObject({ status: 'succeeded' });
    expect(eventTypes()).toEqual(expect.arrayContaining(['charge.dispute.created', 'charge.dispute.closed']));
  });
});
