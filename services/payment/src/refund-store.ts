import { z } from 'zod';
import type { PaymentContext, Transaction } from './context.ts';
import type { Booking } from './generated/prisma/client.ts';
import type { Payment, StripeRefundState } from './payment.ts';
import { planRefunds, refundKey } from './refund.ts';

const status = z.enum(['pending', 'confirmed', 'cancelled']);

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
  const known = refunds.map(refund => ({ ...refund, amount: refund.status === 'failed' ? 0 : refund.amount }));
  const money = { status: status.parse(booking.status), refundPercentage: booking.refundPercentage };
  const at = context.now();
  const rows = planRefunds(money, payments, known).flatMap(({ paymentId, purpose, amount }) => {
    const payment = payments.find(candidate => candidate.id === paymentId);
    if (!payment) return [];
    const idempotencyKey = refundKey(payment, purpose);
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
