import { checkoutParams } from '../checkout-session.ts';
import { inTransaction, type PaymentContext } from '../context.ts';
import { Prisma } from '../generated/prisma/client.ts';
import type { Payment } from '../payment.ts';
import { lockPayments } from '../payment-store.ts';
import { classify, createSession, describeStripeError } from '../stripe-client.ts';

/**
 * Creates the Checkout Session of a payment that has none yet. Asking again, after a crash or from two requests at
 * once, gives the same session: same parameters, same idempotency key (`bookingId:purpose:attempt`).
 * @returns the page to pay on; undefined when the attempt came to nothing and a new one may be made
 * @throws the SDK's error when it is unknown whether Stripe created it; the attempt stays for a repeat
 */
export async function openSession(context: PaymentContext, payment: Payment): Promise<string | undefined> {
  const { sessionParams } = await context.db.payment.findUniqueOrThrow({ where: { id: payment.id } });
  // Created and stored by somebody else meanwhile.
  if (sessionParams === null) return undefined;
  const key = `${payment.bookingId}:${payment.purpose === 'balance' ? 'balance' : 'checkout'}:${payment.attempt}`;
  try {
    const session = await createSession(context.stripe, checkoutParams.parse(sessionParams), key);
    const stored = await storeSession(context, payment, session.id);
    return stored === 'open' ? (session.url ?? undefined) : undefined;
  } catch (error) {
    const meaning = classify(error);
    if (meaning === 'unknown') throw error;
    // A new attempt has another key. Should the session exist after all, nobody was given its page.
    await closeAttempt(context, payment, `checkout_${meaning}: ${describeStripeError(error)}`);
    throw error;
  }
}

/**
 * Ties a session to its payment and forgets what it was created with. A payment that was closed meanwhile keeps the
 * session too, and is due at once, so that the session is closed at Stripe.
 */
export async function storeSession(
  context: PaymentContext,
  payment: Payment,
  sessionId: string,
): Promise<'open' | 'closed'> {
  const stored = await inTransaction(context.db, async tx => {
    const { booking, payments } = await lockPayments(tx, payment.bookingId);
    const current = payments.find(known => known.id === payment.id);
    const isClosed = current?.status !== 'open';
    if (!current || current.checkoutSessionId !== null) return isClosed ? 'closed' : 'open';
    const at = context.now();
    const interval = context.config.RECONCILE_INTERVAL_SECONDS * 1000;
    await tx.payment.update({
      where: { id: payment.id },
      data: {
        checkoutSessionId: sessionId,
        sessionStatus: 'open',
        sessionParams: Prisma.DbNull,
        version: { increment: 1 },
        nextCheckAt: isClosed || booking.status === 'cancelled' ? at : new Date(at.getTime() + interval),
        checkAttempts: 0,
        lastError: null,
        updatedAt: at,
      },
    });
    return isClosed ? 'closed' : 'open';
  });
  if (stored === 'closed') context.nudge.payments();
  return stored;
}

/** Ends an attempt whose session was never handed out. Nobody was told of it, so nothing is announced. */
export async function closeAttempt(context: PaymentContext, payment: Payment, reason: string): Promise<void> {
  const at = context.now();
  await context.db.payment.updateMany({
    where: { id: payment.id, status: 'open', checkoutSessionId: null },
    data: {
      status: 'expired',
      sessionStatus: 'expired',
      sessionParams: Prisma.DbNull,
      reason,
      nextCheckAt: null,
      version: { increment: 1 },
      updatedAt: at,
    },
  });
  context.logger.warn({ paymentId: payment.id, bookingId: payment.bookingId, reason }, 'checkout attempt closed');
}
