import { inTransaction, type PaymentContext, type Transaction } from '../context.ts';
import { recordDisputes } from '../dispute-store.ts';
import type { Booking } from '../generated/prisma/client.ts';
import { recordInLedger } from '../ledger-store.ts';
import { decidePayment, type Payment, type StripeState } from '../payment.ts';
import { announce, findPayment, lockPayments, savePayment } from '../payment-store.ts';
import { splitDuplicates } from '../refund.ts';
import { moneyOf, recordStripeRefunds, storePlannedRefunds } from '../refund-store.ts';
import { flagPaidTooLate, needsReviewAnew, refundRefused } from '../review.ts';
import type { Patience } from '../stripe-client.ts';
import { readStripeState } from '../stripe-state.ts';
import { followUndecided, isUndecided, nextLookAtUndecided } from '../undecided.ts';

/**
 * Makes our row say what Stripe says: the one way in which money changes state here. Webhooks, reconciliation,
 * cancellations and requests are only reasons to call it, and calling it twice changes nothing.
 * @returns the payment as it is now, and the session's page while it can be paid
 */
export async function syncPayment(
  context: PaymentContext,
  paymentId: string,
  patience: Patience = {},
): Promise<{ payment: Payment; url: string | null }> {
  for (let tries = 0; tries < 5; tries += 1) {
    const before = await findPayment(context.db, paymentId);
    if (before.checkoutSessionId === null) return { payment: before, url: null };
    const { state, url } = await readStripeState(context.stripe, before.checkoutSessionId, patience);
    const payment = await applyState(context, before, state);
    if (payment) return { payment, url };
    // Somebody else applied something meanwhile, perhaps newer than what we read: read again.
  }
  throw new Error(`payment ${paymentId} changes faster than it can be read`);
}

async function applyState(context: PaymentContext, before: Payment, state: StripeState): Promise<Payment | undefined> {
  const outcome = await inTransaction(context.db, async tx => {
    const { booking, payments } = await lockPayments(tx, before.bookingId);
    const current = payments.find(payment => payment.id === before.id);
    if (current?.version !== before.version) return undefined;
    const at = context.now();
    const steps = decidePayment(current, state, { refused: await lastRefused(tx, current) });
    const others = payments.filter(payment => payment.id !== current.id);
    const duplicate = isDuplicate(steps.at(-1)?.payment ?? current, others);
    const dispute = state.disputes[0];
    let payment = current;
    for (const step of steps) {
      payment = duplicate ? { ...step.payment, reason: step.payment.reason ?? 'duplicate_payment' } : step.payment;
      if (step.fact === 'succeeded' && isCancelledForGood(booking)) payment = flagPaidTooLate(payment);
      if (step.fact) await announce(tx, payment, step.fact, { id: context.newId(), at, others, dispute });
    }
    const facts = steps.flatMap(step => step.fact ?? []);
    const money = moneyOf(booking);
    // Asked for only where it is waited for: of what is decided, since when it was known changes nothing.
    const times = { since: isUndecided(money, payment) ? await knownSince(tx, payment, at) : at, at };
    if (!duplicate) payment = followUndecided(money, payment, times);
    if (needsReviewAnew(current, payment)) {
      await announce(tx, payment, 'needs_review', { id: context.newId(), at, others, dispute });
      facts.push('needs_review');
    }
    await savePayment(tx, payment, { at, nextCheckAt: nextCheck(context, booking, payment, times) });
    await recordInLedger(context, tx, { booking, payment, state, at });
    await recordDisputes(tx, { payment, disputes: state.disputes, at });
    await recordStripeRefunds(context, tx, payment, state.refunds);
    const planned = await storePlannedRefunds(context, tx, booking, [...others, payment]);
    return { payment, facts, planned, news: payment.version > current.version, duplicate };
  });
  if (!outcome) return undefined;
  await context.passing('payment applied, nobody woken');
  const { payment, facts, planned, news, duplicate } = outcome;
  if (news) {
    const { id: paymentId, bookingId, status, version, reason, needsReview } = payment;
    const level = needsReview || duplicate ? 'error' : 'info';
    context.logger[level]({ paymentId, bookingId, status, version, facts, reason, needsReview }, 'payment changed');
    for (const fact of facts) {
      context.metrics.counter('payment_facts_total', 'Changes of payments, by kind', ['fact']).inc({ fact });
    }
    context.nudge.outbox();
  }
  if (planned > 0) context.nudge.refunds();
  return payment;
}

/** What Stripe would not give back when it was last asked to; 0 when it never refused. */
async function lastRefused(tx: Transaction, { id: paymentId, reason }: Payment): Promise<number> {
  if (!reason?.startsWith(refundRefused)) return 0;
  const where = { paymentId, status: 'failed', stripeRefundId: null };
  return (await tx.refund.findFirst({ where, orderBy: { updatedAt: 'desc' } }))?.amount ?? 0;
}

/** When we learned that it was paid, which can be long after it was. */
async function knownSince(tx: Transaction, { id: paymentId }: Payment, at: Date): Promise<Date> {
  const charge = await tx.ledgerEntry.findFirst({
    where: { paymentId, kind: 'charge' },
    orderBy: { recordedAt: 'asc' },
  });
  return charge?.recordedAt ?? at;
}

/** A hold that ran out may still be brought back by the payment: booking decides. */
const isCancelledForGood = (booking: Booking): boolean =>
  booking.status === 'cancelled' && (booking.cancelReason !== 'hold_expired' || booking.refundPercentage !== null);

/** Paid although an earlier payment of the same part of the price holds its money already. */
const isDuplicate = (payment: Payment, others: Payment[]): boolean =>
  splitDuplicates([payment, ...others]).duplicates.includes(payment);

/**
 * When to look again without being told: at a session that nobody may pay any more, at once, to have it closed; at one
 * that may be paid, now and then and right after its deadline; at what ended, not at all.
 */
function nextCheck(
  context: PaymentContext,
  booking: Booking,
  payment: Payment,
  times: { since: Date; at: Date },
): Date | null {
  const { at } = times;
  const inSeconds = (seconds: number) => new Date(at.getTime() + seconds * 1000);
  const interval = context.config.RECONCILE_INTERVAL_SECONDS;
  if (payment.sessionStatus === 'open') {
    if (booking.status === 'cancelled' || payment.status !== 'open') return inSeconds(1);
    const untilOver = (payment.expiresAt.getTime() - at.getTime()) / 1000 + 15;
    return inSeconds(Math.min(interval, Math.max(untilOver, 60)));
  }
  if (isUndecided(moneyOf(booking), payment)) return nextLookAtUndecided(times);
  // A person was told; their refund in the dashboard comes with an event of its own.
  if (payment.needsReview) return payment.status === 'open' ? inSeconds(86_400) : null;
  return payment.status === 'open' ? inSeconds(interval) : null;
}
