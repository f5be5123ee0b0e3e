import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startStripeEmulator } from './stripe-emulator.ts';
import { checkout, startReceiver, startWithClient } from './test-support.ts';

describe('the state file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stripe-emulator-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('brings everything back after a restart, and delivers what was not yet delivered', async () => {
    const stateFile = join(folder, 'deep', 'stripe.json');
    const first = await startWithClient({ stateFile });
    const session = await first.stripe.checkout.sessions.create(checkout, { idempotencyKey: 'one' });
    const receiver = await startReceiver();
    first.emulator.admin.webhooks.configure({ url: receiver.url });
    first.emulator.admin.webhooks.pause();
    first.emulator.admin.sessions.pay(session.id);
    await first.emulator.close();

    const second = await startWithClient({ stateFile, webhookUrl: receiver.url });
    const paid = await second.stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] });
    expect(paid).toMatchObject({ payment_status: 'paid', payment_intent: { status: 'succeeded' } });
    await second.emulator.admin.webhooks.quiet();
    expect(receiver.received).toHaveLength(4);
    const again = await second.stripe.checkout.sessions.create(checkout, { idempotencyKey: 'one' });
    expect(again.id).toBe(session.id);
    await second.emulator.close();
    await receiver.close();
  });

  test('that is not its own stops the start', async () => {
    const stateFile = join(folder, 'stripe.json');
    await writeFile(stateFile, '{"version":7}');
    await expect(startStripeEmulator({ stateFile })).rejects.toThrow(/version/);
  });
});

describe('the administration by HTTP', () => {
  test('does what the one in the process does', async () => {
    const { emulator, stripe } = await startWithClient();
    const administer = async (method: string, path: string, body?: object): Promise<[number, unknown]> => {
      const answer = await fetch(`${emulator.url}/_emulator/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return [answer.status, await answer.json()];
    };
    const { id } = await stripe.checkout.sessions.create(checkout);
    expect(await administer('POST', `sessions/${id}/pay`, { method: 'delayed' })).toMatchObject([
      200,
      { status: 'complete' },
    ]);
    expect(await administer('POST', `sessions/${id}/settle`, { outcome: 'succeeded' })).toMatchObject([
      200,
      { payment_status: 'paid' },
    ]);
    const intent = String((await stripe.checkout.sessions.retrieve(id)).payment_intent);
    expect(await administer('POST', 'refunds/hold', { count: 1 })).toEqual([200, {}]);
    expect(await administer('POST', 'refunds', { payment_intent: intent, amount: 100 })).toMatchObject([
      200,
      { status: 'pending', amount: 100 },
    ]);
    expect(await administer('POST', 'disputes', { payment_intent: intent, dueInDays: 3 })).toMatchObject([
      200,
      { status: 'needs_response' },
    ]);
    expect(await administer('POST', 'faults', { match: { path: '/v1/refunds' }, status: 503 })).toEqual([200, {}]);
    expect(await administer('GET', 'faults')).toMatchObject([200, [{ status: 503, times: 1 }]]);
    expect(await administer('POST', 'faults', { status: 'bad' })).toMatchObject([400, { error: expect.any(String) }]);
    expect(await administer('POST', 'sessions/cs_test_none/pay')).toMatchObject([404, { error: expect.any(String) }]);
    expect(await administer('GET', 'calls')).toMatchObject([
      200,
      { counts: { 'POST /v1/checkout/sessions': 1, 'GET /v1/checkout/sessions/:id': 1 } },
    ]);
    expect(await administer('POST', 'clock', { moveByMs: 1000 })).toEqual([200, {}]);
    expect(await administer('POST', 'expansion', { levels: 1 })).toEqual([200, {}]);
    const short = await stripe.checkout.sessions.retrieve(id, { expand: ['payment_intent.latest_charge'] });
    expect(short).toMatchObject({ payment_intent: { id: intent, latest_charge: expect.stringMatching(/^ch_/) } });
    expect(await administer('POST', 'expansion', { levels: 5 })).toMatchObject([400, { error: expect.any(String) }]);
    expect(await (await fetch(emulator.url)).text()).toContain(id);
    expect(await administer('POST', 'reset')).toEqual([200, {}]);
    expect((await stripe.checkout.sessions.list()).data).toEqual([]);
    await emulator.close();
  });
});
