import { z } from 'zod';
import { createApi } from './api.ts';

/** The guest's browser on Stripe's page, and Stripe's own hand: through the emulator, over HTTP. */
export function createStripeHand(baseUrl: string) {
  const api = createApi(baseUrl);
  const done = z.unknown();
  return {
    /** Presses the pay button of a Checkout page, as the page's form does. */
    async pay(checkoutUrl: string): Promise<void> {
      const response = await fetch(`${checkoutUrl}/pay`, { method: 'POST', redirect: 'manual' });
      if (response.status >= 400) throw new Error(`the pay page answered ${response.status}: ${await response.text()}`);
    },
    sessionIdOf: (checkoutUrl: string): string => new URL(checkoutUrl).pathname.split('/').at(-1) ?? '',
    state: () =>
      api.expect(
        200,
        z.object({
          refunds: z.record(z.string(), z.object({ amount: z.number(), status: z.string().nullable() })),
          sessions: z.record(z.string(), z.object({ session: z.object({ amount_total: z.number().nullable() }) })),
        }),
        'GET',
        '/_emulator/state',
      ),
    duplicateWebhooks: (count: number) =>
      api.expect(200, done, 'POST', '/_emulator/webhooks/duplicate', { body: { count } }),
    dropWebhooks: (count: number) => api.expect(200, done, 'POST', '/_emulator/webhooks/drop', { body: { count } }),
    redeliver: (event: string) => api.expect(200, done, 'POST', '/_emulator/webhooks/redeliver', { body: { event } }),
    addFault: (fault: Record<string, unknown>) => api.expect(200, done, 'POST', '/_emulator/faults', { body: fault }),
  };
}
export type StripeHand = ReturnType<typeof createStripeHand>;
