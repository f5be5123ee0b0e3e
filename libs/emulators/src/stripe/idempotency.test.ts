import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import type { StripeEmulator } from './stripe-emulator.ts';
import { checkout, clientOf, refusalOf, startWithClient } from './test-support.ts';

describe('idempotency keys and faults', () => {
  let emulator: StripeEmulator;
  let stripe: Stripe;

  beforeEach(async () => {
    ({ emulator, stripe } = await startWithClient());
  });
  afterEach(() => emulator.close());

  const sessionCount = (): number => Object.keys(emulator.admin.state().sessions).length;
  const withKey = { idempotencyKey: 'booking-1:checkout:1' };
  const sessions = { method: 'POST', path: '^/v1/checkout/sessions$' };

  test('the same key and parameters get the same answer and create one object', async () => {
    const first = await stripe.checkout.sessions.create(checkout, withKey);
    const second = await stripe.checkout.sessions.create(checkout, withKey);
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(second.lastResponse.headers['original-request']).toBe(first.lastResponse.requestId);
    expect(sessionCount()).toBe(1);
  });

  test('the same key with other parameters is refused', async () => {
    await stripe.checkout.sessions.create(checkout, withKey);
    const refusal = await refusalOf(stripe.checkout.sessions.create({ ...checkout, locale: 'fr-CA' }, withKey));
    expect([refusal.statusCode, refusal.type]).toEqual([400, 'StripeIdempotencyError']);
    expect(sessionCount()).toBe(1);
  });

  test('two calls with one key at once: one runs, the other is a conflict', async () => {
    emulator.admin.faults.add({ match: sessions, latencyMs: 2_000 });
    const results = await Promise.allSettled([
      stripe.checkout.sessions.create(checkout, withKey),
      stripe.checkout.sessions.create(checkout, withKey),
    ]);
    expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = results.find(result => result.status === 'rejected');
    expect(refused?.reason).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect(sessionCount()).toBe(1);
  });

  test('a lost answer is got by asking again, and nothing is created twice', async () => {
    emulator.admin.faults.add({ match: sessions, loseResponse: 'after' });
    const session = await clientOf(emulator, undefined, 1).checkout.sessions.create(checkout, withKey);
    expect(sessionCount()).toBe(1);
    expect(session.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(emulator.admin.calls.counts()).toEqual({ 'POST /v1/checkout/sessions': 2 });
  });

  test('a call that never arrived has created nothing', async () => {
    emulator.admin.faults.add({ match: sessions, loseResponse: 'before', times: 2 });
    const refusal = await refusalOf(stripe.checkout.sessions.create(checkout, withKey));
    expect(refusal.type).toBe('StripeConnectionError');
    expect(sessionCount()).toBe(0);
    expect(await stripe.checkout.sessions.create(checkout, withKey)).toMatchObject({ status: 'open' });
  });

  test('a 500 is kept under its key, a 429 is not', async () => {
    emulator.admin.faults.add({ match: sessions, status: 500 });
    expect((await refusalOf(stripe.checkout.sessions.create(checkout, withKey))).statusCode).toBe(500);
    const replayed = await refusalOf(stripe.checkout.sessions.create(checkout, withKey));
    expect([replayed.statusCode, replayed.headers?.['idempotent-replayed']]).toEqual([500, 'true']);

    const otherKey = { idempotencyKey: 'booking-1:checkout:2' };
    emulator.admin.faults.add({ match: sessions, status: 429 });
    expect((await refusalOf(stripe.checkout.sessions.create(checkout, otherKey))).type).toBe('StripeRateLimitError');
    expect(await stripe.checkout.sessions.create(checkout, otherKey)).toMatchObject({ status: 'open' });
    expect(sessionCount()).toBe(1);
  });

  test('a refusal of the parameters is not kept', async () => {
    const { success_url: _left, ...incomplete } = checkout;
    await refusalOf(stripe.checkout.sessions.create(incomplete, withKey));
    expect(await stripe.checkout.sessions.create(checkout, withKey)).toMatchObject({ status: 'open' });
  });

  test('a key is forgotten after 24 hours', async () => {
    await stripe.checkout.sessions.create(checkout, withKey);
    emulator.admin.clock.moveBy(24 * 60 * 60_000);
    await stripe.checkout.sessions.create(checkout, withKey);
    expect(sessionCount()).toBe(2);
  });

  test('while down nothing is answered but the administration, and up again all is', async () => {
    const { id } = await stripe.checkout.sessions.create(checkout);
    const administer = (path: string): Promise<Response> =>
      fetch(`${emulator.url}/_emulator/${path}`, { method: 'POST' });
    expect((await administer('down')).status).toBe(200);
    expect((await refusalOf(stripe.checkout.sessions.retrieve(id))).type).toBe('StripeConnectionError');
    expect((await administer('up')).status).toBe(200);
    expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ id });
  });
});
