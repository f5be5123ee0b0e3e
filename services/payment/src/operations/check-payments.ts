import { fullJitter } from '@monde-sauvage/service-kit';
import type { PaymentContext } from '../context.ts';
import { toPayment } from '../payment-store.ts';
import { describeStripeError, expireSession } from '../stripe-client.ts';
import { openSession } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

/** Worked on at once; each waits mostly for Stripe. */
const batch = 5;
const backoff = { baseMs: 2_000, capMs: 300_000 };

/**
 * Looks at payments whose time has come: sessions past their deadline, sessions of cancelled bookings (closed at
 * Stripe), attempts that were interrupted before their session was stored.
 * @returns whether there may be more
 */
export async function checkPayments(context: PaymentContext, signal: AbortSignal): Promise<boolean> {
  const now = context.now();
  const lease = new Date(now.getTime() + 60_000);
  const claimed = await context.db.$queryRaw<{ id: string }[]>`
    UPDATE payments SET next_check_at = ${lease}::timestamptz, check_attempts = check_attempts + 1
     WHERE id IN (SELECT id FROM payments WHERE next_check_at <= ${now}::timestamptz
                   ORDER BY next_check_at LIMIT ${batch} FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  const check = (id: string) =>
    checkPayment(context, id).catch(error => putOff(context, id, describeStripeError(error)));
  await Promise.all(claimed.map(({ id }) => check(id)));
  return !signal.aborted && claimed.length === batch;
}

async function checkPayment(context: PaymentContext, id: string): Promise<void> {
  const row = await context.db.payment.findUniqueOrThrow({ where: { id }, include: { booking: true } });
  const payment = toPayment(row);
  let sessionId = payment.checkoutSessionId;
  if (sessionId === null) {
    if (payment.status !== 'open') return;
    await openSession(context, payment);
    sessionId = (await context.db.payment.findUniqueOrThrow({ where: { id } })).checkoutSessionId;
  }
  const nobodyMayPay = row.booking.status === 'cancelled' || payment.status !== 'open';
  if (nobodyMayPay && sessionId !== null && payment.sessionStatus !== 'complete') {
    await expireSession(context.stripe, sessionId);
  }
  await syncPayment(context, id);
}

async function putOff(context: PaymentContext, id: string, lastError: string): Promise<void> {
  const { checkAttempts } = await context.db.payment.findUniqueOrThrow({ where: { id } });
  const nextCheckAt = new Date(context.now().getTime() + fullJitter(checkAttempts, backoff));
  // Not when it has been settled meanwhile.
  const where = { id, nextCheckAt: { not: null } };
  await context.db.payment.updateMany({ where, data: { nextCheckAt, lastError } });
  context.logger.warn({ paymentId: id, lastError }, 'payment could not be checked; it will be again');
}
