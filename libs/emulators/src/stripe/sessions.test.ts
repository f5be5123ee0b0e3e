import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import type { StripeEmulator } from './stripe-emulator.ts';
import { checkout, clientOf, press, refusalOf, startWithClient } from './test-support.ts';

describe('the life of a checkout session', () => {
  let emulator: StripeEmulator;
  let stripe: Stripe;

  beforeEach(async () => {
    ({ emulator, stripe } = await startWithClient());
  });
  afterEach(() => emulator.close());

  const eventTypes = (): string[] => Object.values(emulator.admin.state().events).map(({ event }) => event.type);
  const secondsAhead = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

  test('opens with the sum of its lines, a page, and no payment intent yet', async () => {
    const session = await stripe.checkout.sessions.create(checkout);
    expect(session).toMatchObject({
      object: 'checkout.session',
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 12_000,
      currency: 'cad',
      client_reference_id: 'booking-1',
      metadata: { bookingId: 'booking-1' },
      payment_intent: null,
      url: `${emulator.url}/c/pay/${session.id}`,
    });
    expect(session.lastResponse.requestId).toMatch(/^req_/);
    const items = await stripe.checkout.sessions.listLineItems(session.id);
    expect(items.data.map(item => [item.description, item.amount_total])).toEqual([
      ['Chalet 1, <2 nights>', 10_000],
      ['Cleaning', 2000],
    ]);
    expect(items.data[0]?.price?.unit_amount_decimal?.toString()).toBe('5000');
    const again = await stripe.checkout.sessions.retrieve(session.id, { expand: ['line_items'] });
    expect(again.line_items?.data).toHaveLength(2);
  });

  test('is paid on its page, and closes', async () => {
    const { id, url } = await stripe.checkout.sessions.create(checkout);
    const page = await (await fetch(String(url))).text();
    expect(page).toContain('Chalet 1, &lt;2 nights&gt; × 2');
    expect(page).toContain('$120.00');

    const answer = await press(emulator, id, 'pay');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `http://shop.test/done?session=${id}`]);

    const session = await stripe.checkout.sessions.retrieve(id, { expand: ['payment_intent.latest_charge'] });
    expect(session).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      customer_details: { email: 'john@example.com', name: 'John Doe' },
      payment_intent: {
        object: 'payment_intent',
        status: 'succeeded',
        amount_received: 12_000,
        metadata: { bookingId: 'booking-1' },
        latest_charge: { object: 'charge', paid: true, amount_captured: 12_000, metadata: { bookingId: 'booking-1' } },
      },
    });
    expect(eventTypes()).toEqual([
      'payment_intent.created',
      'payment_intent.succeeded',
      'charge.succeeded',
      'checkout.session.completed',
    ]);
    expect((await press(emulator, id, 'pay')).status).toBe(409);
  });

  test('stays open when the card is declined, and can be paid with another', async () => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    const declined = await press(emulator, id, 'decline');
    expect(await declined.text()).toContain('Your card was declined');
    const session = await stripe.checkout.sessions.retrieve(id, { expand: ['payment_intent'] });
    expect(session).toMatchObject({
      status: 'open',
      payment_intent: { status: 'requires_payment_method', last_payment_error: { code: 'card_declined' } },
    });
    expect(eventTypes()).toEqual(['payment_intent.created', 'charge.failed', 'payment_intent.payment_failed']);

    await press(emulator, id, 'pay');
    const intents = await stripe.paymentIntents.list();
    expect(intents.data.map(intent => intent.status)).toEqual(['succeeded']);
    const charges = await stripe.charges.list({ payment_intent: String(intents.data[0]?.id) });
    expect(charges.data.map(charge => charge.status)).toEqual(['succeeded', 'failed']);
  });

  test.each([
    ['succeeded', 'paid', 'checkout.session.async_payment_succeeded'],
    ['failed', 'unpaid', 'checkout.session.async_payment_failed'],
  ] as const)('completes unpaid with a bank debit that %s later', async (outcome, paymentStatus, type) => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    await press(emulator, id, 'delay');
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ status: 'complete', payment_status: 'unpaid' });
    expect(eventTypes()).toContain('checkout.session.completed');

    emulator.admin.sessions.settle(id, outcome);
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ payment_status: paymentStatus });
    expect(eventTypes().at(-1)).toBe(type);
  });

  test('sends a customer who leaves to the cancel page and stays open', async () => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    expect((await press(emulator, id, 'abandon')).headers.get('location')).toBe('http://shop.test/cancelled');
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ status: 'open' });
  });

  test('can be expired while open and not after', async () => {
    const open = await stripe.checkout.sessions.create(checkout);
    const paid = await stripe.checkout.sessions.create(checkout);
    await press(emulator, paid.id, 'pay');

    expect(await stripe.checkout.sessions.expire(open.id)).toMatchObject({ status: 'expired', url: null });
    const refusals = await Promise.all([open, paid].map(({ id }) => refusalOf(stripe.checkout.sessions.expire(id))));
    expect(refusals.map(refusal => [refusal.statusCode, refusal.type])).toEqual([
      [400, 'StripeInvalidRequestError'],
      [400, 'StripeInvalidRequestError'],
    ]);
    const listed = await stripe.checkout.sessions.list({ status: 'complete' });
    expect(listed.data.map(session => session.id)).toEqual([paid.id]);
    const ofIntent = await stripe.checkout.sessions.list({ payment_intent: String(listed.data[0]?.payment_intent) });
    expect(ofIntent.data.map(session => session.id)).toEqual([paid.id]);
  });

  test('expires on its own, and its page says so', async () => {
    const { id } = await stripe.checkout.sessions.create({ ...checkout, expires_at: secondsAhead(31 * 60) });
    emulator.admin.clock.moveBy(32 * 60_000);
    expect(eventTypes()).toEqual(['checkout.session.expired']);
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ status: 'expired', url: null });
    const paying = await press(emulator, id, 'pay');
    expect(paying.status).toBe(409);
    expect(await paying.text()).toContain('expired');
  });

  test.each([29 * 60, 25 * 60 * 60])('refuses to expire %i seconds ahead', async seconds => {
    const refusal = await refusalOf(
      stripe.checkout.sessions.create({ ...checkout, expires_at: secondsAhead(seconds) }),
    );
    expect([refusal.statusCode, refusal.param]).toEqual([400, 'expires_at']);
  });

  test('refuses payment_method_types from version 2026-09-30 on', async () => {
    const params = { ...checkout, payment_method_types: ['card'] };
    const refusal = await refusalOf(stripe.checkout.sessions.create(params));
    expect([refusal.code, refusal.param]).toEqual(['parameter_unknown', 'payment_method_types']);
    const older = { apiVersion: '2026-06-30.dahlia' };
    expect(await stripe.checkout.sessions.create(params, older)).toMatchObject({ status: 'open' });
  });

  test.each([
    ['cad', 49, 50],
    ['huf', 17_499, 17_500],
  ])('asks for the least amount of %s: refuses %i, takes %i', async (currency, tooLittle, least) => {
    const create = (unit_amount: number) => {
      const price_data = { currency, unit_amount, product_data: { name: 'Deposit' } };
      return stripe.checkout.sessions.create({ ...checkout, line_items: [{ quantity: 1, price_data }] });
    };
    const refusal = await refusalOf(create(tooLittle));
    expect([refusal.statusCode, refusal.code]).toEqual([400, 'amount_too_small']);
    expect(await create(least)).toMatchObject({ status: 'open', amount_total: least });
  });

  test('answers errors in the shape the library understands', async () => {
    const missing = await refusalOf(stripe.checkout.sessions.retrieve('cs_test_nothing'));
    expect([missing.statusCode, missing.code, missing.param]).toEqual([404, 'resource_missing', 'id']);
    const wrongKey = await refusalOf(clientOf(emulator, 'sk_test_wrong').events.list());
    expect([wrongKey.statusCode, wrongKey.type]).toEqual([401, 'StripeAuthenticationError']);
    const asJson = await fetch(`${emulator.url}/v1/refunds`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: 'Bearer sk_test_emulator', 'content-type': 'application/json' },
    });
    expect([asJson.status, await asJson.json()]).toMatchObject([400, { error: { type: 'invalid_request_error' } }]);
    const { id } = await stripe.checkout.sessions.create(checkout);
    const notExpandable = await refusalOf(stripe.checkout.sessions.retrieve(id, { expand: ['nothing'] }));
    expect(notExpandable.message).toBe('This property cannot be expanded (nothing).');
    emulator.admin.expansion.limit(0);
    const stillNot = await refusalOf(stripe.checkout.sessions.retrieve(id, { expand: ['nothing'] }));
    expect(stillNot.message).toBe(notExpandable.message);
    const { success_url: _left, ...incomplete } = checkout;
    const refusal = await refusalOf(stripe.checkout.sessions.create(incomplete));
    expect([refusal.code, refusal.param]).toEqual(['parameter_missing', 'success_url']);
    expect(refusal.requestId).toMatch(/^req_/);
  });

  test('pages through a list, newest first', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await stripe.checkout.sessions.create(checkout)).id);
    const first = await stripe.checkout.sessions.list({ limit: 2 });
    expect([first.data.map(session => session.id), first.has_more]).toEqual([ids.slice(0, 2), true]);
    const all = await stripe.checkout.sessions.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
    expect(all.map(session => session.id)).toEqual(ids);
    const before = await stripe.checkout.sessions.list({ limit: 2, ending_before: String(ids[4]) });
    expect(before.data.map(session => session.id)).toEqual(ids.slice(2, 4));
  });
});
