import { expect, test } from '@jest/globals';
import { createMetrics, currentTraceparent, inTrace } from '@monde-sauvage/service-kit';
import Stripe from 'stripe';
import { operationOf, watchCalls } from './stripe-http.ts';

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** A Stripe that answers one status after the other; 0 breaks the connection. */
function stripeAnswering(...statuses: number[]) {
  const seen: { traceparent: string | undefined; headers: string[] }[] = [];
  const metrics = createMetrics('test');
  const httpClient = watchCalls(
    {
      getClientName: () => 'node',
      async makeRequest(_host, _port, _path, _method, headers) {
        seen.push({ traceparent: currentTraceparent(), headers: Object.keys(headers).map(name => name.toLowerCase()) });
        const status = statuses.shift() ?? 200;
        if (status === 0) throw new Error('connection reset');
        const body = status < 400 ? { id: 'cs_test_1', object: 'checkout.session' } : { error: { message: 'no' } };
        return {
          getStatusCode: () => status,
          getHeaders: () => ({}),
          getRawResponse: () => ({}),
          toStream: () => undefined,
          toJSON: async () => body,
        };
      },
    },
    metrics,
  );
  const stripe = new Stripe('sk_test', { httpClient, maxNetworkRetries: 0, telemetry: false });
  return { stripe, seen, metrics };
}

test('a call belongs to the trace of what it is made for, of which Stripe is not told', async () => {
  const { stripe, seen } = stripeAnswering(200);
  await inTrace(trace, () => stripe.checkout.sessions.retrieve('cs_test_1'));
  expect(seen).toMatchObject([{ traceparent: trace }]);
  expect(seen[0]?.headers).not.toContain('traceparent');
});

test('every try is counted by what it asked for and what came of it', async () => {
  const { stripe, metrics } = stripeAnswering(200, 400, 429, 500, 0);
  for (let tries = 0; tries < 5; tries += 1) {
    await stripe.refunds.create({ payment_intent: 'pi_1' }).catch(() => undefined);
  }
  const told = await metrics.registry.metrics();
  const counted = [
    ...told.matchAll(/stripe_calls_total\{operation="POST \/v1\/refunds",outcome="(\w+)"[^}]*\} (\d+)/g),
  ];
  expect(counted.map(([, outcome, count]) => `${outcome} ${count}`).sort()).toEqual([
    'failed 1',
    'limited 1',
    'ok 1',
    'refused 1',
    'unreachable 1',
  ]);
});

test.each([
  ['GET', '/v1/checkout/sessions/cs_test_a1B2?expand[0]=payment_intent', 'GET /v1/checkout/sessions/:id'],
  ['POST', '/v1/checkout/sessions/cs_live_b1/expire', 'POST /v1/checkout/sessions/:id/expire'],
  ['GET', '/v1/payment_intents/pi_3Abc', 'GET /v1/payment_intents/:id'],
  ['GET', '/v1/refunds?charge=ch_1&limit=100', 'GET /v1/refunds'],
])('%s %s is one of few operations', (method, path, operation) => {
  expect(operationOf(method, path)).toBe(operation);
});
