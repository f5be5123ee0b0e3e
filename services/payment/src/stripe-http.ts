import { type Metrics, traced } from '@monde-sauvage/service-kit';
import type Stripe from 'stripe';

type HttpClient = NonNullable<Stripe.StripeConfig['httpClient']>;

/**
 * The SDK's own way to Stripe with a span and a measurement for every call, each try of one included: what a guest waits
 * for at Checkout is mostly this. The trace ends here; Stripe is not told of it.
 * @param answered awaited with each answer, by the name of its call, before whoever asked has it
 */
export function watchCalls(
  inner: HttpClient,
  metrics: Metrics,
  answered: (operation: string) => Promise<void> = async () => undefined,
): HttpClient {
  const calls = metrics.counter('stripe_calls_total', 'Calls to Stripe', ['operation', 'outcome']);
  const seconds = metrics.histogram('stripe_call_seconds', 'Time Stripe takes to answer', ['operation']);
  return {
    getClientName: () => inner.getClientName(),
    makeRequest(host, port, path, method, ...rest) {
      const operation = operationOf(method, path);
      return traced(`stripe ${operation}`, { kind: 'client' }, async span => {
        const stop = seconds.startTimer({ operation });
        let outcome = 'unreachable';
        try {
          const answer = await inner.makeRequest(host, port, path, method, ...rest);
          const status = answer.getStatusCode();
          outcome = outcomeOf(status);
          span.set({ 'http.response.status_code': status });
          if (outcome !== 'ok') span.fail(outcome);
          await answered(operation);
          return answer;
        } finally {
          stop();
          calls.inc({ operation, outcome });
        }
      });
    },
  };
}

/** `GET /v1/checkout/sessions/:id`: few different ones, and no id of anybody. */
export const operationOf = (method: string, path: string): string =>
  `${method} ${path.replace(/\?.*$/s, '').replace(/\/[a-z]+_[^/]+/g, segment => (isId(segment) ? '/:id' : segment))}`;

/** Stripe's ids are a short prefix and at least a digit or capital: `cs_test_a1B2`; the names of its resources have neither. */
const isId = (segment: string): boolean => /[0-9A-Z]/.test(segment);

function outcomeOf(status: number): string {
  if (status < 400) return 'ok';
  if (status === 429) return 'limited';
  return status < 500 ? 'refused' : 'failed';
}
