import type { paymentRequests, Result } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { inTransaction, type PaymentContext } from '../context.ts';
import { holdsMoney, type Payment } from '../payment.ts';
import { announce, lockPayments, toPayment } from '../payment-store.ts';
import { expireSession, orUnavailable, whileHoldWaits } from '../stripe-client.ts';
import { closeAttempt } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

type Outcome = z.input<typeof paymentRequests.settleHold.output>;

/**
 * Before a hold is released: closes the booking's session at Stripe and says what became of it. A payment that a
 * person must look at counts as under way: its nights are not sold again while somebody's money is here.
 * @throws UnavailableError when Stripe does not answer: the hold must not be released then
 */
export async function settleHold(
  context: PaymentContext,
  { bookingId }: { bookingId: string },
): Promise<Result<Outcome>> {
  const rows = await context.db.payment.findMany({ where: { bookingId } });
  for (const payment of rows.map(toPayment)) {
    if (payment.status !== 'open') continue;
    // Its page was never given out. A request that is just creating it finds the attempt closed, and so does not either.
    if (payment.checkoutSessionId === null) await closeAttempt(context, payment, 'hold_over');
    else await closeSession(context, payment.id, payment.checkoutSessionId);
  }
  const settled = (await context.db.payment.findMany({ where: { bookingId } })).map(toPayment);
  const paid = settled.find(holdsMoney);
  if (paid) {
    await announceAgain(context, paid);
    return { ok: true, value: { outcome: 'paid' } };
  }
  const waiting = settled.some(payment => payment.status === 'open');
  return { ok: true, value: { outcome: waiting ? 'processing' : 'released' } };
}

/** By now booking has heard of it, or it would not ask. */
const newsTakesMs = 60_000;

/**
 * Who asks about a hold does not know that it is paid. Some time after the payment that means that its event was lost
 * (a stream can be): without it the hold would be asked about for ever and the guest's money confirm nothing.
 */
async function announceAgain(context: PaymentContext, paid: Payment): Promise<void> {
  const at = context.now();
  if (paid.paidAt === null || at.getTime() - paid.paidAt.getTime() < newsTakesMs) return;
  await inTransaction(context.db, async tx => {
    const { payments } = await lockPayments(tx, paid.bookingId);
    const current = payments.find(payment => payment.id === paid.id);
    if (!current || !holdsMoney(current)) return;
    const others = payments.filter(payment => payment.id !== paid.id);
    await announce(tx, current, 'succeeded', { id: context.newId(), at, others });
  });
  context.nudge.outbox();
  context.logger.warn(
    { bookingId: paid.bookingId, paymentId: paid.id },
    'booking has not heard of a payment; told again',
  );
}

const closeSession = (context: PaymentContext, paymentId: string, sessionId: string) =>
  orUnavailable(async () => {
    await expireSession(context.stripe, sessionId, whileHoldWaits);
    await syncPayment(context, paymentId, whileHoldWaits);
  });
