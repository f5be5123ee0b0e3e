import type { paymentRequests, Result } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import { holdsMoney } from '../payment.ts';
import { toPayment } from '../payment-store.ts';
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
  if (settled.some(holdsMoney)) return { ok: true, value: { outcome: 'paid' } };
  const waiting = settled.some(payment => payment.status === 'open');
  return { ok: true, value: { outcome: waiting ? 'processing' : 'released' } };
}

const closeSession = (context: PaymentContext, paymentId: string, sessionId: string) =>
  orUnavailable(async () => {
    await expireSession(context.stripe, sessionId, whileHoldWaits);
    await context.passing('session expired at Stripe, not noted');
    await syncPayment(context, paymentId, whileHoldWaits);
  });
