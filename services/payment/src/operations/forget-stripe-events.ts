import type { PaymentContext } from '../context.ts';

const batchSize = 1_000;

/** Twice as long as Stripe keeps its events, so that no delivery or reconciliation brings a forgotten one back. */
const keptMs = 60 * 86_400_000;

/**
 * Deletes events that are done with, a batch at a time; those that a person must look at stay.
 * @returns whether there may be more
 */
export async function forgetStripeEvents(context: Pick<PaymentContext, 'db' | 'now'>): Promise<boolean> {
  const before = new Date(context.now().getTime() - keptMs);
  const deleted = await context.db.$executeRaw`
    DELETE FROM stripe_events WHERE id IN (
      SELECT id FROM stripe_events
       WHERE processed_at < ${before}::timestamptz AND outcome <> 'needs_review'
       LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`;
  return deleted === batchSize;
}
