import type { PaymentContext } from '../context.ts';
import { storeEvents } from '../event-inbox.ts';
import { toUnix } from '../stripe-client.ts';
import { relevantTypes, type StripeEventHint, stripeEvent } from '../stripe-event.ts';

const name = 'undelivered_events';
const dayMs = 86_400_000;
/** Stripe keeps events for 30 days. */
const retentionMs = 30 * dayMs;
/** Clocks differ, and a list may lag a little behind. */
const overlapMs = 10 * 60_000;
const pageSize = 100;
const maxEvents = 5_000;

/**
 * Fetches the events that Stripe could not deliver since the last look and stores them as if they had come: a lost
 * webhook costs minutes, not money. (Sessions past their deadline are looked at by checkPayments.)
 * @returns how many events we did not have
 */
export async function reconcile(context: PaymentContext, signal: AbortSignal): Promise<number> {
  const now = context.now();
  const last = await context.db.reconciliation.findUnique({ where: { name } });
  const since = new Date((last?.readUntil ?? new Date(now.getTime() - retentionMs)).getTime() - overlapMs);
  const hints: StripeEventHint[] = [];
  const undelivered = context.stripe.events.list({
    delivery_success: false,
    types: [...relevantTypes],
    created: { gte: toUnix(since) },
    limit: pageSize,
  });
  for await (const event of undelivered) {
    if (signal.aborted) return 0;
    hints.push(stripeEvent.parse(event));
    if (hints.length >= maxEvents) break;
  }
  const found = hints.length === 0 ? 0 : await storeEvents(context, hints, 'reconciliation');
  // The list comes newest first: when it was cut off, the older rest must be listed again.
  if (hints.length < maxEvents) {
    await context.db.reconciliation.upsert({
      where: { name },
      create: { name, readUntil: now },
      update: { readUntil: now },
    });
  }
  if (found > 0) context.logger.warn({ found, since }, 'found events that Stripe could not deliver');
  context.metrics.counter('stripe_undelivered_events_total', 'Events found by reconciliation only').inc(found);
  return found;
}
