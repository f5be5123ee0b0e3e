import { z } from 'zod';
import type { PaymentContext, Transaction } from './context.ts';
import type { Booking, Refund } from './generated/prisma/client.ts';
import type { Payment, StripeRefundState } from './payment.ts';
import { lockPayments } from './payment-store.ts';
import { isContestedForRefund, leftOf, type PlannedRefund, planRefunds, refundKey } from './refund.ts';

const bookingStatus = z.enum(['pending', 'confirmed', 'cancelled']);

/** A booking's row as the rules of money read it. */
export const moneyOf = (booking: Booking) => ({ ...booking, status: bookingStatus.parse(booking.status) });

/**
 * Writes down the refunds that a booking's payments still need. The caller holds `lockPayments`. The key is unique, so
 * that however often this runs a refund is made once.
 * @returns how many are new
 */
export async function storePlannedRefunds(
  context: PaymentContext,
  tx: Transaction,
  booking: Booking,
  payments: Payment[],
): Promise<number> {
  const bookingId = booking.id;
  const refunds = await tx.refund.findMany({ where: { payment: { bookingId } } });
  const at = context.now();
  const rows = planFor(booking, payments, refunds).flatMap(({ paymentId, purpose, amount }) => {
    const payment = payments.find(candidate => candidate.id === paymentId);
    if (!payment) return [];
    const earlier = refunds.filter(one => one.paymentId === paymentId && one.purpose === purpose).length;
    // A number that no key of a request has, nor a changed key (`:1`, `:2`).
    const idempotencyKey = refundKey(payment, purpose, earlier === 0 ? undefined : `again-${earlier}`);
    const times = { nextAttemptAt: at, createdAt: at, updatedAt: at };
    return [{ id: context.newId(), paymentId, purpose, status: 'requested', amount, idempotencyKey, ...times }];
  });
  if (rows.length === 0) return 0;
  const { count } = await tx.refund.createMany({ data: rows, skipDuplicates: true });
  for (const { id, paymentId, purpose, amount } of rows) {
    context.logger.info({ refundId: id, paymentId, bookingId, purpose, amount }, 'refund requested');
  }
  return count;
}

const planFor = (booking: Booking, payments: Payment[], refunds: Refund[]) =>
  planRefunds(moneyOf(booking), payments, refunds);

/**
 * Fits a refund that waits to be made to what is known by now: it may have gone back in Stripe's dashboard meanwhile, or
 * a bank contests it. One that is not due any more is forgotten, and what is due instead is planned in the same
 * transaction: a payment that was the second of two may be the one that counts by now. Who is about to make it keeps it
 * until `leaseUntil`.
 * @param attempts with which it was claimed
 * @returns the amount to give back; undefined when there is none, or when somebody else has claimed it since
 */
export async function fitPlannedRefund(
  context: PaymentContext,
  tx: Transaction,
  { id, bookingId, attempts, leaseUntil }: { id: string; bookingId: string; attempts: number; leaseUntil: Date },
): Promise<number | undefined> {
  const { booking, payments } = await lockPayments(tx, bookingId);
  const refunds = await tx.refund.findMany({ where: { payment: { bookingId } } });
  const wanted = refunds.find(refund => refund.id === id);
  if (wanted?.status !== 'requested' || wanted.attempts !== attempts) return undefined;
  await tx.refund.update({ where: { id }, data: { nextAttemptAt: leaseUntil } });
  const others = refunds.filter(refund => refund !== wanted);
  const amount =
    wanted.purpose === 'owner'
      ? await fitOwnerRefund(tx, wanted, { payments, others })
      : await fitDueRefund(tx, wanted, planFor(booking, payments, others));
  if (amount === undefined) await storePlannedRefunds(context, tx, booking, payments);
  return amount;
}

async function fitDueRefund(tx: Transaction, wanted: Refund, plan: PlannedRefund[]): Promise<number | undefined> {
  const { id } = wanted;
  const due = plan.find(({ paymentId, purpose }) => paymentId === wanted.paymentId && purpose === wanted.purpose);
  if (!due) await tx.refund.delete({ where: { id } });
  else if (due.amount !== wanted.amount) await tx.refund.update({ where: { id }, data: { amount: due.amount } });
  return due?.amount;
}

/**
 * The owner named an amount: should less be left by now, because somebody gave money back in the dashboard, it is not
 * made smaller silently but ends as failed with the reason, for the owner to ask again.
 */
async function fitOwnerRefund(
  tx: Transaction,
  wanted: Refund,
  o: { payments: Payment[]; others: Refund[] },
): Promise<number | undefined> {
  const payment = o.payments.find(candidate => candidate.id === wanted.paymentId);
  const left = payment ? leftOf(payment, o.others) : 0;
  const contested = payment === undefined || isContestedForRefund(payment);
  if (!contested && wanted.amount <= left) return wanted.amount;
  const lastError = contested ? 'the payment is disputed' : `only ${left} ${payment.currency} is left to give back`;
  await tx.refund.update({ where: { id: wanted.id }, data: { status: 'failed', lastError, nextAttemptAt: null } });
  return undefined;
}

/** Takes over what Stripe says of a payment's refunds, those made in its dashboard included. */
export async function recordStripeRefunds(
  context: PaymentContext,
  tx: Transaction,
  payment: Payment,
  states: StripeRefundState[],
): Promise<void> {
  if (states.length === 0) return;
  const rows = await tx.refund.findMany({ where: { paymentId: payment.id } });
  const at = context.now();
  const followUp = new Date(at.getTime() + context.config.RECONCILE_INTERVAL_SECONDS * 1000);
  for (const state of states) {
    const progress = {
      status: state.status,
      stripeRefundId: state.id,
      lastError: state.failureReason,
      nextAttemptAt: state.status === 'pending' ? followUp : null,
      updatedAt: at,
    };
    const row = rows.find(known => known.stripeRefundId === state.id || known.id === state.refundId);
    if (!row) {
      const made = { paymentId: payment.id, purpose: 'external', amount: state.amount, createdAt: at };
      const data = { id: context.newId(), idempotencyKey: `stripe:${state.id}`, ...made, ...progress };
      await tx.refund.createMany({ data, skipDuplicates: true });
    } else if (row.status !== state.status || row.stripeRefundId === null || state.status === 'pending') {
      await tx.refund.update({ where: { id: row.id }, data: progress });
      if (state.status === 'failed') {
        context.logger.error({ refundId: row.id, paymentId: payment.id, reason: state.failureReason }, 'refund failed');
      }
    }
  }
}
