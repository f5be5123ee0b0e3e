import type { PaymentContext } from './context.ts';
import { isRelevant, type StripeEventHint } from './stripe-event.ts';

/**
 * Stores events under Stripe's ids, each once, to be processed after. Those that mean nothing for a payment are stored
 * as done.
 * @returns how many were new
 */
export async function storeEvents(
  context: PaymentContext,
  hints: StripeEventHint[],
  source: 'webhook' | 'reconciliation',
): Promise<number> {
  const at = context.now();
  const data = hints.map(hint => ({
    ...hint,
    createdAt: hint.createdAt ?? at,
    source,
    receivedAt: at,
    nextAttemptAt: at,
    ...(isRelevant(hint.type) ? {} : { processedAt: at, outcome: 'ignored', reason: 'type_not_handled' }),
  }));
  const { count } = await context.db.stripeEvent.createMany({ data, skipDuplicates: true });
  await context.passing('event stored, not processed');
  if (count > 0) context.nudge.events();
  return count;
}
