import { type PaymentSnapshot, paymentEvents, paymentPurpose } from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import { z } from 'zod';
import type { Transaction } from './context.ts';
import type { StripeDisputeState } from './dispute.ts';
import type { Booking, Payment as PaymentRow, PrismaClient } from './generated/prisma/client.ts';
import type { Payment, PaymentFact } from './payment.ts';
import { splitDuplicates } from './refund.ts';

/** Rows of `payments` ↔ domain, inside the caller's transaction. */

const status = z.enum(['open', 'succeeded', 'partially_refunded', 'refunded', 'failed', 'expired', 'disputed']);
const sessionStatus = z.enum(['opening', 'open', 'complete', 'expired']);

export function toPayment(row: PaymentRow): Payment {
  const { sessionParams, nextCheckAt, checkAttempts, lastError, createdAt, updatedAt, ...payment } = row;
  return {
    ...payment,
    purpose: paymentPurpose.parse(row.purpose),
    status: status.parse(row.status),
    sessionStatus: sessionStatus.parse(row.sessionStatus),
  };
}

export async function findPayment(db: PrismaClient | Transaction, id: string): Promise<Payment> {
  return toPayment(await db.payment.findUniqueOrThrow({ where: { id } }));
}

/**
 * Locks a booking's money: its booking row first and then its payments, always in this order. Whoever decides about
 * payments or refunds of a booking holds this.
 */
export async function lockPayments(
  tx: Transaction,
  bookingId: string,
): Promise<{ booking: Booking; payments: Payment[] }> {
  await tx.$queryRaw`SELECT id FROM bookings WHERE id = ${bookingId}::uuid FOR UPDATE`;
  await tx.$queryRaw`SELECT id FROM payments WHERE booking_id = ${bookingId}::uuid ORDER BY id FOR UPDATE`;
  const { payments, ...booking } = await tx.booking.findUniqueOrThrow({
    where: { id: bookingId },
    include: { payments: { orderBy: { attempt: 'asc' } } },
  });
  return { booking, payments: payments.map(toPayment) };
}

/** Writes a payment as decided, and when to look at Stripe again (null: nothing to wait for). */
export async function savePayment(
  tx: Transaction,
  payment: Payment,
  o: { at: Date; nextCheckAt: Date | null },
): Promise<void> {
  const { id, bookingId, establishmentId, attempt, purpose, amount, currency, ...data } = payment;
  await tx.payment.update({
    where: { id },
    data: { ...data, updatedAt: o.at, nextCheckAt: o.nextCheckAt, checkAttempts: 0, lastError: null },
  });
}

const eventOf = {
  succeeded: paymentEvents.paymentSucceeded,
  failed: paymentEvents.paymentFailed,
  expired: paymentEvents.paymentExpired,
  refunded: paymentEvents.paymentRefunded,
  disputed: paymentEvents.paymentDisputed,
  needs_review: paymentEvents.paymentNeedsReview,
} satisfies Record<PaymentFact, unknown>;

type ToldDispute = Omit<StripeDisputeState, 'movements' | 'openedAt'>;

/** Writes the event of a change into the outbox, in the transaction of the change. `others`: the booking's other payments. */
export async function announce(
  tx: Transaction,
  payment: Payment,
  fact: PaymentFact,
  o: {
    id: string;
    at: Date;
    others: Payment[];
    dispute?: ToldDispute | undefined;
  },
): Promise<void> {
  const body = {
    ...toSnapshot(payment, o.at),
    ...(o.dispute ? { dispute: toDispute(o.dispute) } : {}),
    bookingMoney: await sumUpBooking(tx, payment, o),
  };
  // `outboxRow` has checked the body against the contract.
  await tx.outbox.create({
    data: outboxRow(eventOf[fact], body, { id: o.id, aggregateId: payment.bookingId, at: o.at }),
  });
}

/** By then booking has answered with what it knows. */
const answerTakesMs = 600_000;

/** The booking's money over all its payments, with the next version, noted as told; the caller holds `lockPayments`. */
async function sumUpBooking(
  tx: Transaction,
  payment: Payment,
  o: { at: Date; others: Payment[] },
): Promise<NonNullable<PaymentSnapshot['bookingMoney']>> {
  const all = [payment, ...o.others];
  const amountPaid = all.reduce((sum, one) => sum + one.amountPaid, 0);
  const amountRefunded = all.reduce((sum, one) => sum + one.amountRefunded, 0);
  const { moneyVersion: version } = await tx.booking.update({
    where: { id: payment.bookingId },
    data: {
      moneyVersion: { increment: 1 },
      toldPaid: amountPaid,
      toldRefunded: amountRefunded,
      toldDisputed: splitDuplicates(all).duplicates.length > 0 ? null : all.some(one => one.status === 'disputed'),
      moneyCheckAt: new Date(o.at.getTime() + answerTakesMs),
    },
    select: { moneyVersion: true },
  });
  return { amountPaid, amountRefunded, version };
}

const toDispute = ({ id, amount, currency, reason, status, dueBy }: ToldDispute): PaymentSnapshot['dispute'] => ({
  id,
  amount,
  currency,
  reason,
  status,
  dueBy: dueBy?.toISOString() ?? null,
});

/** @throws Error for a payment without a session: nothing has happened yet that could be told */
function toSnapshot(payment: Payment, at: Date): PaymentSnapshot {
  if (payment.checkoutSessionId === null) throw new Error(`payment ${payment.id} has no session to tell about`);
  return {
    paymentId: payment.id,
    bookingId: payment.bookingId,
    establishmentId: payment.establishmentId,
    status: payment.status,
    amount: payment.amount,
    amountPaid: payment.amountPaid,
    amountRefunded: payment.amountRefunded,
    currency: payment.currency,
    stripe: {
      checkoutSessionId: payment.checkoutSessionId,
      paymentIntentId: payment.paymentIntentId,
      chargeId: payment.chargeId,
    },
    paidAt: payment.paidAt?.toISOString() ?? null,
    reason: payment.reason,
    version: payment.version,
    occurredAt: at.toISOString(),
    purpose: payment.purpose,
  };
}
