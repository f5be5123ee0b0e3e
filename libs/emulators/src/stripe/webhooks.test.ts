import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import type { StripeEmulator } from './stripe-emulator.ts';
import { checkout, type Receiver, startReceiver, startWithClient, webhookSecret } from './test-support.ts';

describe('events and their delivery', () => {
  let emulator: StripeEmulator;
  let stripe: Stripe;
  let receiver: Receiver;

  beforeEach(async () => {
    receiver = await startReceiver();
    ({ emulator, stripe } = await startWithClient({ webhookUrl: receiver.url }));
    emulator.admin.webhooks.configure({ retryDelaysMs: [1, 2, 4], maxAttempts: 4 });
  });
  afterEach(async () => {
    await emulator.close();
    await receiver.close();
  });

  /** Each makes one event, `checkout.session.expired`. */
  const makeEvent = async (): Promise<string> => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    await stripe.checkout.sessions.expire(id);
    return id;
  };
  const sessionsReceived = (): unknown[] => receiver.received.map(({ body }) => JSON.parse(body).data.object.id);
  const listed = async (delivered: boolean): Promise<string[]> =>
    (await stripe.events.list({ delivery_success: delivered })).data.map(event => event.type);

  test('are signed so that the library accepts them, and carry their request', async () => {
    const id = await makeEvent();
    await emulator.admin.webhooks.quiet();
    const [delivery] = receiver.received;
    const event = stripe.webhooks.constructEvent(String(delivery?.body), String(delivery?.signature), webhookSecret);
    expect(event).toMatchObject({
      type: 'checkout.session.expired',
      api_version: '2026-10-28.endive',
      pending_webhooks: 1,
      data: { object: { id, status: 'expired' } },
      request: { id: expect.stringMatching(/^req_/) },
    });
    expect(await stripe.events.retrieve(event.id)).toMatchObject({ id: event.id, pending_webhooks: 0 });
  });

  test('are retried until they are taken', async () => {
    receiver.answers.push(500, 404);
    await makeEvent();
    await emulator.admin.webhooks.quiet();
    expect(emulator.admin.webhooks.attempts().map(attempt => attempt.status)).toEqual([500, 404, 200]);
    expect(await listed(true)).toEqual(['checkout.session.expired']);
    expect(await listed(false)).toEqual([]);
  });

  test('count as undelivered while they wait for their next attempt', async () => {
    receiver.answers.push(500);
    emulator.admin.webhooks.configure({ retryDelaysMs: [60_000] });
    await makeEvent();
    expect(await listed(false)).toEqual(['checkout.session.expired']);
    expect(await listed(true)).toEqual([]);
  });

  test('are given up after the last attempt', async () => {
    receiver.answers.push(500, 500, 500, 500);
    await makeEvent();
    await emulator.admin.webhooks.quiet();
    expect(emulator.admin.webhooks.attempts()).toHaveLength(4);
    expect(await listed(false)).toEqual(['checkout.session.expired']);
  });

  test('can be lost, and delivered again by hand', async () => {
    emulator.admin.webhooks.dropNext(1);
    await makeEvent();
    await emulator.admin.webhooks.quiet();
    expect(receiver.received).toHaveLength(0);
    const [lost] = (await stripe.events.list({ delivery_success: false })).data;
    expect(await emulator.admin.webhooks.redeliver(String(lost?.id))).toBe(200);
    expect(await listed(false)).toEqual([]);
  });

  test('can arrive twice', async () => {
    emulator.admin.webhooks.duplicateNext(1);
    const id = await makeEvent();
    await emulator.admin.webhooks.quiet();
    expect(sessionsReceived()).toEqual([id, id]);
  });

  test('can arrive in the wrong order', async () => {
    emulator.admin.webhooks.reorderNext(3);
    const ids = [await makeEvent(), await makeEvent(), await makeEvent()];
    await emulator.admin.webhooks.quiet();
    expect(sessionsReceived()).toEqual(ids.reverse());
  });

  test('wait while paused', async () => {
    emulator.admin.webhooks.pause();
    const id = await makeEvent();
    await emulator.admin.webhooks.quiet();
    expect(receiver.received).toHaveLength(0);
    emulator.admin.webhooks.resume();
    await emulator.admin.webhooks.quiet();
    expect(sessionsReceived()).toEqual([id]);
  });

  test('can be forged, and the library tells', async () => {
    expect(await emulator.admin.webhooks.forge({ body: '{"id":"evt_forged"}' })).toBe(200);
    const [forged] = receiver.received;
    expect(() =>
      stripe.webhooks.constructEvent(String(forged?.body), String(forged?.signature), webhookSecret),
    ).toThrow(/signature/);
  });

  test('carry a signature for every secret while one is being replaced', async () => {
    emulator.admin.webhooks.configure({ secrets: ['whsec_next', webhookSecret] });
    await makeEvent();
    await emulator.admin.webhooks.quiet();
    const [delivery] = receiver.received;
    for (const secret of ['whsec_next', webhookSecret]) {
      expect(stripe.webhooks.constructEvent(String(delivery?.body), String(delivery?.signature), secret)).toBeDefined();
    }
  });

  test('are listed by type, in pages', async () => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    emulator.admin.sessions.pay(id);
    await makeEvent();
    const some = await stripe.events.list({ types: ['charge.succeeded', 'checkout.session.expired'] });
    expect(some.data.map(event => event.type)).toEqual(['checkout.session.expired', 'charge.succeeded']);
    expect((await stripe.events.list({ type: 'payment_intent.*' })).data).toHaveLength(2);
    const all = await stripe.events.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
    expect(all).toHaveLength(5);
    expect((await stripe.events.list({ created: { gte: Math.floor(Date.now() / 1000) + 60 } })).data).toEqual([]);
  });
});
