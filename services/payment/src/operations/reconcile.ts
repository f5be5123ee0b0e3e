import { type paymentRequests, type Result, refuse } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import { storeEvents } from '../event-inbox.ts';
import { orUnavailable, toUnix } from '../stripe-client.ts';
import { relevantTypes, type StripeEventHint, stripeEvent } from '../stripe-event.ts';
import { compareWithStripe, type Difference } from './compare-with-stripe.ts';
import { findUndecided } from './find-undecided.ts';

const name = 'undelivered_events';
const comparedName = 'compared_objects';
const dayMs = 86_400_000;
/** Stripe keeps events for 30 days. */
const retentionMs = 30 * dayMs;
/** Clocks differ, and a list may lag a little behind. */
const overlapMs = 10 * 60_000;
const pageSize = 100;

/**
 * From when on Stripe is read. A last look in the future was made by a clock that was wrong: when it really was, nobody
 * knows, and everything that Stripe keeps is read, instead of nothing until that time comes.
 */
function beginOfLook(lastLook: Date | undefined, now: Date): Date {
  const isKnown = lastLook !== undefined && lastLook <= now;
  return new Date((isKnown ? lastLook.getTime() : now.getTime() - retentionMs) - overlapMs);
}

/**
 * Fetches the events that Stripe could not deliver since the last look and stores them as if they had come: a lost
 * webhook costs minutes, not money. Page by page, so that what was read stays when a later page cannot be had; the look
 * counts only once it came to its end, because the list begins with the newest. (Sessions past their deadline are looked at by checkPayments.)
 * @returns how many events we did not have
 */
async function fetchUndelivered(context: PaymentContext, signal: AbortSignal | undefined): Promise<number> {
  const now = context.now();
  const last = await context.db.reconciliation.findUnique({ where: { name } });
  const since = beginOfLook(last?.readUntil, now);
  let page: StripeEventHint[] = [];
  let found = 0;
  const store = async () => {
    found += await storeEvents(context, page, 'reconciliation');
    page = [];
  };
  const undelivered = context.stripe.events.list({
    delivery_success: false,
    types: [...relevantTypes],
    created: { gte: toUnix(since) },
    limit: pageSize,
  });
  for await (const event of undelivered) {
    if (signal?.aborted) return found;
    page.push(stripeEvent.parse(event));
    if (page.length === pageSize) await store();
  }
  if (page.length > 0) await store();
  await context.db.reconciliation.upsert({
    where: { name },
    create: { name, readUntil: now },
    update: { readUntil: now },
  });
  if (found > 0) context.logger.warn({ found, since }, 'found events that Stripe could not deliver');
  context.metrics.counter('stripe_undelivered_events_total', 'Events found by reconciliation only').inc(found);
  return found;
}

/**
 * What is done at the start and on a schedule: payments that nobody follows are looked at, events that Stripe could not deliver are fetched, and what Stripe lists
 * since the last look is compared with our rows, whatever webhooks said.
 */
export async function reconcile(context: PaymentContext, signal: AbortSignal): Promise<void> {
  await findUndecided(context);
  await fetchUndelivered(context, signal);
  const now = context.now();
  const last = await context.db.reconciliation.findUnique({ where: { name: comparedName } });
  const since = beginOfLook(last?.readUntil, now);
  const { complete, differences } = await compareWithStripe(context, { since, most: Number.POSITIVE_INFINITY, signal });
  if (signal.aborted) return;
  if (complete) {
    const data = { readUntil: now };
    await context.db.reconciliation.upsert({
      where: { name: comparedName },
      create: { name: comparedName, ...data },
      update: data,
    });
  }
  // Of a look that is not complete: what was settled does not differ any more, so the next one finds the rest.
  report(context, differences);
}

/** The same for an operator, over as many days as asked, with what differed. */
export async function reconcileNow(
  context: PaymentContext,
  { actor, days }: z.output<typeof paymentRequests.reconcile.input>,
): Promise<Result<z.input<typeof paymentRequests.reconcile.output>>> {
  if (actor.kind !== 'admin') return refuse('forbidden', 'Only the administrator of the platform may do this.');
  await findUndecided(context);
  return orUnavailable(async () => {
    const undeliveredEvents = await fetchUndelivered(context, undefined);
    const since = new Date(context.now().getTime() - days * dayMs);
    const compared = await compareWithStripe(context, { since });
    report(context, compared.differences);
    return { ok: true, value: { undeliveredEvents, since: since.toISOString(), ...compared } };
  });
}

function report(context: PaymentContext, differences: Difference[]): void {
  for (const difference of differences) context.logger.warn(difference, 'our rows differed from Stripe');
  const counter = context.metrics.counter('stripe_differences_total', 'What differed from Stripe when compared', [
    'kind',
  ]);
  for (const { kind } of differences) counter.inc({ kind });
}
