import { fullJitter } from '@monde-sauvage/service-kit';
import type { PaymentContext } from '../context.ts';
import type { StripeEvent } from '../generated/prisma/client.ts';
import { toPayment } from '../payment-store.ts';
import { describeStripeError, isMissing } from '../stripe-client.ts';
import { movesMoney } from '../stripe-event.ts';
import { findPaymentIdOfSession, findSessionOfIntent } from '../stripe-state.ts';
import { storeSession } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

/** Worked on at once; each waits mostly for Stripe. */
const batch = 10;
const backoff = { baseMs: 250, capMs: 600_000 };
/** An event can come before its object can be read: only when both are over does a person look. */
const unreadable = { attempts: 8, ms: 5 * 60_000 };

/**
 * Looks up what stored events are about and brings those payments up to date. Each event is leased for a minute, so
 * that replicas share the work and a crash only delays it.
 * @returns whether there may be more
 */
export async function processStripeEvents(context: PaymentContext, signal: AbortSignal): Promise<boolean> {
  const now = context.now();
  const lease = new Date(now.getTime() + 60_000);
  const claimed = await context.db.$queryRaw<{ id: string }[]>`
    UPDATE stripe_events SET next_attempt_at = ${lease}::timestamptz, attempts = attempts + 1
     WHERE id IN (SELECT id FROM stripe_events WHERE processed_at IS NULL AND next_attempt_at <= ${now}::timestamptz
                   ORDER BY next_attempt_at LIMIT ${batch} FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  const events = await context.db.stripeEvent.findMany({
    where: { id: { in: claimed.map(row => row.id) } },
  });
  const sync = syncOnce(context);
  await Promise.all(events.map(event => processEvent(context, event, sync)));
  return !signal.aborted && claimed.length === batch;
}

type Sync = (paymentId: string) => Promise<unknown>;

/** One change is told by several events: what is read after all of them were stored need not be read for each. */
function syncOnce(context: PaymentContext): Sync {
  const started = new Map<string, Promise<unknown>>();
  return paymentId => {
    const sync = started.get(paymentId) ?? syncPayment(context, paymentId);
    started.set(paymentId, sync);
    return sync;
  };
}

async function processEvent(context: PaymentContext, event: StripeEvent, sync: Sync): Promise<void> {
  try {
    const outcome = await applyEvent(context, event, sync);
    await context.passing('event applied, not marked');
    const data = { ...outcome, processedAt: context.now(), lastError: null };
    await context.db.stripeEvent.update({ where: { id: event.id }, data });
    const level = outcome.outcome === 'needs_review' ? 'error' : 'debug';
    context.logger[level]({ eventId: event.id, type: event.type, ...outcome }, 'Stripe event processed');
  } catch (error) {
    const lastError = describeStripeError(error);
    const nextAttemptAt = new Date(context.now().getTime() + fullJitter(event.attempts, backoff));
    await context.db.stripeEvent.update({ where: { id: event.id }, data: { lastError, nextAttemptAt } });
    context.logger.warn({ eventId: event.id, type: event.type, lastError }, 'Stripe event waits for another try');
  }
}

type Outcome = { outcome: 'applied' | 'ignored' | 'needs_review'; reason: string | null };

async function applyEvent(context: PaymentContext, event: StripeEvent, sync: Sync): Promise<Outcome> {
  try {
    const found = await findPaymentOf(context, event);
    if (typeof found === 'string')
      return { outcome: movesMoney(event.type) ? 'needs_review' : 'ignored', reason: found };
    await sync(found.paymentId);
  } catch (error) {
    if (isMissing(error) && isTriedOut(context, event)) return { outcome: 'needs_review', reason: 'unknown_to_stripe' };
    throw error;
  }
  return { outcome: 'applied', reason: null };
}

const isTriedOut = (context: PaymentContext, event: StripeEvent): boolean =>
  event.attempts >= unreadable.attempts && context.now().getTime() - event.receivedAt.getTime() >= unreadable.ms;

/** The payment an event is about, or why there is none. */
async function findPaymentOf(context: PaymentContext, event: StripeEvent): Promise<{ paymentId: string } | string> {
  const { db } = context;
  const isSession = event.type.startsWith('checkout.session.');
  const sessionId = isSession ? event.objectId : await sessionOfIntent(context, event);
  if (sessionId === undefined) return 'not_from_checkout';
  const known = await db.payment.findUnique({ where: { checkoutSessionId: sessionId } });
  if (known) return { paymentId: known.id };
  const hinted = event.paymentId === null ? null : await db.payment.findUnique({ where: { id: event.paymentId } });
  if (!hinted) return 'unknown_session';
  // We asked for this session and did not live to store it, if Stripe says so too: an event is a hint and no more.
  if (hinted.checkoutSessionId === null) {
    if ((await findPaymentIdOfSession(context.stripe, sessionId)) !== hinted.id) return 'unknown_session';
    await storeSession(context, toPayment(hinted), sessionId);
    return { paymentId: hinted.id };
  }
  return 'second_session_of_one_payment';
}

async function sessionOfIntent(context: PaymentContext, event: StripeEvent): Promise<string | undefined> {
  const { paymentIntentId } = event;
  if (paymentIntentId === null) return undefined;
  const known = await context.db.payment.findFirst({ where: { paymentIntentId } });
  return known?.checkoutSessionId ?? findSessionOfIntent(context.stripe, paymentIntentId);
}
