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

/**
 * Fetches the events that Stripe could not deliver since the last look and stores them as if they had come: a lost
 * webhook costs minutes, not money. Page by page, so that what was read stays when a later page cannot be had; the look
 * counts only once it came to its end, because the list begins with the newest. (Sessions past their deadline are looked at by checkPayments.)
 * @returns how many events we did not have
 */
export async function reconcile(context: PaymentContext, signal: AbortSignal): Promise<number> {
  const now = context.now();
  const last = await context.db.reconciliation.findUnique({ where: { name } });
  const since = new Date((last?.readUntil ?? new Date(now.getTime() - retentionMs)).getTime() - overlapMs);
  let page: StripeEventHint[] = [];
  let found = 0;
  const undelivered = context.stripe.events.list({
    delivery_success: false,
    types: [...relevantTypes],
    created: { gte: toUnix(since) },
    limit: pageSize,
  });
  for await (const event of undelivered) {
    if (signal.aborted) return found;
    page.push(stripeEvent.parse(event));
    if (page.length < pageSize) continue;
    await context.passing('page of events read, not stored');
    found += await storeEvents(context, page, 'reconciliation');
    page = [];
  }
  if (page.length > 0) found += await storeEvents(context, page, 'reconciliation');
  await context.db.reconciliation.upsert({
    where: { name },
    create: { name, readUntil: now },
    update: { readUntil: now },
  });
  if (found > 0) context.logger.warn({ found, since }, 'found events that Stripe could not deliver');
  context.metrics.counter('stripe_undelivered_events_total', 'Events found by reconciliation only').inc(found);
  return found;
}
