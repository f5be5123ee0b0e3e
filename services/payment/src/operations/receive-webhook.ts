import { type Result, refuse } from '@monde-sauvage/contracts';
import type { PaymentContext } from '../context.ts';
import { storeEvents } from '../event-inbox.ts';
import { verifyWebhook } from '../stripe-client.ts';
import { stripeEvent } from '../stripe-event.ts';

/**
 * Takes a delivery: verified over its raw bytes, stored once, answered; what it is about is looked up afterwards.
 * @returns `stored: false` for an event that is known already
 */
export async function receiveWebhook(
  context: PaymentContext,
  { rawBody, signature }: { rawBody: string; signature: string },
): Promise<Result<{ stored: boolean }>> {
  const received = context.metrics.counter('stripe_webhooks_total', 'Webhook deliveries, by outcome', ['outcome']);
  const secrets = context.config.STRIPE_WEBHOOK_SECRET;
  const delivery = verifyWebhook(context.stripe, Buffer.from(rawBody, 'base64'), signature, secrets);
  if (delivery.kind === 'forged') {
    received.inc({ outcome: 'forged' });
    context.logger.warn('a webhook delivery with a wrong or old signature was refused');
    return refuse('validation_failed', 'The signature does not match.');
  }
  const hint = stripeEvent.safeParse(delivery.kind === 'event' ? delivery.event : undefined);
  if (!hint.success) {
    received.inc({ outcome: 'unreadable' });
    context.logger.warn('a signed webhook delivery is no event: the endpoint has to send snapshots, not thin events');
    return refuse('validation_failed', 'The body is not an event.');
  }
  const stored = (await storeEvents(context, [hint.data], 'webhook')) > 0;
  received.inc({ outcome: stored ? 'stored' : 'duplicate' });
  return { ok: true, value: { stored } };
}
