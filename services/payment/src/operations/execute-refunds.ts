import { fullJitter } from '@monde-sauvage/service-kit';
import { inTransaction, type PaymentContext } from '../context.ts';
import type { Payment, Refund } from '../generated/prisma/client.ts';
import { announce, lockPayments, toPayment } from '../payment-store.ts';
import { fitPlannedRefund } from '../refund-store.ts';
import { refundRefused } from '../review.ts';
import { classify, describeStripeError } from '../stripe-client.ts';
import { describeRefund } from '../stripe-state.ts';
import { syncPayment } from './sync-payment.ts';

type DueRefund = Refund & { payment: Payment };

/** Worked on at once; each waits mostly for Stripe. */
const batch = 5;
const backoff = { baseMs: 500, capMs: 600_000 };
/** Longer than a call to Stripe lasts with all its tries. */
const leaseMs = 120_000;

/**
 * Makes the refunds that were decided, each once, and follows those that Stripe has not ended yet.
 * @returns whether there may be more
 */
export async function executeRefunds(context: PaymentContext, signal: AbortSignal): Promise<boolean> {
  const now = context.now();
  const lease = new Date(now.getTime() + leaseMs);
  const claimed = await context.db.$queryRaw<{ id: string }[]>`
    UPDATE refunds SET next_attempt_at = ${lease}::timestamptz, attempts = attempts + 1
     WHERE id IN (SELECT id FROM refunds WHERE next_attempt_at <= ${now}::timestamptz
                   ORDER BY next_attempt_at LIMIT ${batch} FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  const refunds = await context.db.refund.findMany({
    where: { id: { in: claimed.map(row => row.id) } },
    include: { payment: true },
  });
  await Promise.all(refunds.map(refund => advance(context, refund)));
  return !signal.aborted && claimed.length === batch;
}

async function advance(context: PaymentContext, refund: DueRefund): Promise<void> {
  try {
    if (refund.status === 'requested') {
      const refusal = await makeRefund(context, refund);
      if (refusal !== undefined) return await giveUp(context, refund, refusal);
    }
    // Takes over what became of the refund and announces what the payment holds now.
    await syncPayment(context, refund.paymentId);
  } catch (error) {
    await putOff(context, refund, describeStripeError(error));
  }
}

/** Makes the refund unless an earlier try did. @returns why Stripe refuses it, if it does */
async function makeRefund(context: PaymentContext, refund: DueRefund): Promise<string | undefined> {
  const { paymentIntentId, bookingId, id: paymentId } = refund.payment;
  if (paymentIntentId === null) throw new Error(`payment ${paymentId} was paid without a PaymentIntent`);
  // Keys are forgotten after a day; our id in the refund's metadata is not.
  if (refund.attempts > 1 && (await isMade(context, refund, paymentIntentId))) return undefined;
  // Somebody may have given money back in Stripe's dashboard, and its event is yet to come.
  await syncPayment(context, paymentId);
  const amount = await fitRefund(context, refund);
  if (amount === undefined) {
    context.logger.info({ refundId: refund.id, paymentId }, 'refund is not due any more');
    // What is due instead was planned.
    context.nudge.refunds();
    return undefined;
  }
  const key = refund.idempotencyKey + (refund.keyGeneration === 0 ? '' : `:${refund.keyGeneration}`);
  await context.passing('refund about to be made');
  try {
    const made = await context.stripe.refunds.create(
      {
        payment_intent: paymentIntentId,
        amount,
        reason: refund.purpose === 'duplicate' ? 'duplicate' : 'requested_by_customer',
        metadata: { bookingId, paymentId, refundId: refund.id },
      },
      { idempotencyKey: key },
    );
    context.logger.info(
      { refundId: refund.id, paymentId, stripeRefundId: made.id, status: made.status },
      'refund made',
    );
    return undefined;
  } catch (error) {
    const meaning = classify(error);
    if (meaning === 'refused') {
      // Perhaps because of what happened since it was fitted: some went back in the dashboard, or a bank contests it.
      await syncPayment(context, paymentId);
      if ((await fitRefund(context, refund)) === amount) return describeStripeError(error);
    }
    if (meaning !== 'unknown') await changeKey(context, refund);
    throw error;
  }
}

/**
 * The amount to ask for by what is known now. All that was asked before may have taken longer than the lease: then whoever
 * has the refund by now makes it.
 */
const fitRefund = (context: PaymentContext, { id, attempts, payment }: DueRefund): Promise<number | undefined> => {
  const leaseUntil = new Date(context.now().getTime() + leaseMs);
  const claim = { id, bookingId: payment.bookingId, attempts, leaseUntil };
  return inTransaction(context.db, tx => fitPlannedRefund(context, tx, claim));
};

/**
 * Stripe repeats its answers under a key, failures too. Whether the refund exists is looked up before the next try. Two who
 * are told of one failure change the key once: a refund may be under way under the key that followed.
 */
async function changeKey(context: PaymentContext, { id, keyGeneration }: DueRefund): Promise<void> {
  await context.db.refund.updateMany({ where: { id, keyGeneration }, data: { keyGeneration: { increment: 1 } } });
}

/** A try whose answer was lost may have made it. */
async function isMade(context: PaymentContext, refund: DueRefund, paymentIntent: string): Promise<boolean> {
  const { data } = await context.stripe.refunds.list({ payment_intent: paymentIntent, limit: 100 });
  return data.some(made => describeRefund(made).refundId === refund.id);
}

async function putOff(context: PaymentContext, refund: DueRefund, lastError: string): Promise<void> {
  const nextAttemptAt = new Date(context.now().getTime() + fullJitter(refund.attempts, backoff));
  // Not when it has ended meanwhile, nor when another replica has it by now.
  const where = { id: refund.id, nextAttemptAt: { not: null }, attempts: refund.attempts };
  await context.db.refund.updateMany({ where, data: { lastError, nextAttemptAt } });
  context.logger.warn({ refundId: refund.id, paymentId: refund.paymentId, lastError }, 'refund waits for another try');
}

/** Stripe says no: it will go on saying so, and a person must look. */
async function giveUp(context: PaymentContext, refund: DueRefund, lastError: string): Promise<void> {
  const at = context.now();
  await inTransaction(context.db, async tx => {
    const { payments } = await lockPayments(tx, refund.payment.bookingId);
    const data = { status: 'failed', lastError, nextAttemptAt: null, updatedAt: at };
    const { count } = await tx.refund.updateMany({ where: { id: refund.id, status: 'requested' }, data });
    if (count === 0) return;
    const reason = `${refundRefused}: ${lastError}`;
    const review = { needsReview: true, reason, updatedAt: at, version: { increment: 1 } };
    const payment = toPayment(await tx.payment.update({ where: { id: refund.paymentId }, data: review }));
    const others = payments.filter(other => other.id !== payment.id);
    await announce(tx, payment, 'needs_review', { id: context.newId(), at, others });
  });
  context.nudge.outbox();
  context.logger.error({ refundId: refund.id, paymentId: refund.paymentId, lastError }, 'Stripe refused a refund');
}
