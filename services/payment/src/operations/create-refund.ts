import { createHash } from 'node:crypto';
import {
  type Actor,
  type BookingRefund,
  bookingRequests,
  mayManage,
  type paymentRequests,
  type Result,
  refuse,
  toMajorUnits,
} from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import { inTransaction, type PaymentContext, type Transaction } from '../context.ts';
import { holdsMoney } from '../payment.ts';
import { lockPayments, toPayment } from '../payment-store.ts';
import { allocateRefund, type RefundRefusal, refundKey } from '../refund.ts';
import { describeStripeError, whileGuestWaits } from '../stripe-client.ts';
import { findRequestedRefund } from './list-refunds.ts';
import { syncPayment } from './sync-payment.ts';

type Question = z.output<typeof paymentRequests.createRefund.input>;

const notFound = refuse('not_found', 'There is no such booking.');

/**
 * Gives money back for who manages the booking. What Stripe knows is read first, so that a refund in its dashboard counts;
 * while Stripe is away our own rows decide, and the refund is made later. Two who ask at once take turns at the booking's
 * lock: the second finds what the first left.
 */
export async function createRefund(
  context: PaymentContext,
  o: Question,
  requestId: string,
): Promise<Result<BookingRefund>> {
  const visible = await findEstablishment(context, o.bookingId, requestId);
  if (visible === undefined || !mayManage(o.actor, visible.establishmentId)) return notFound;
  if (!visible.isKnown) return nothingPaid;
  await readFromStripe(context, o.bookingId);
  const stored = await inTransaction(context.db, tx => storeRequest(context, tx, o));
  if (!stored.ok) return stored;
  await context.passing('refund request stored, nobody woken');
  context.nudge.refunds();
  const refund = await findRequestedRefund(context, stored.value);
  return { ok: true, value: refund };
}

const nothingPaid = refuse('nothing_to_refund', 'Nothing was paid for this booking.');

/** A booking that payment has not heard of has no payments; whose it is the booking service knows. */
async function findEstablishment({ db, nc }: PaymentContext, bookingId: string, requestId: string) {
  const known = await db.booking.findUnique({ where: { id: bookingId }, select: { establishmentId: true } });
  if (known) return { ...known, isKnown: true };
  const asked = await request(nc, bookingRequests.getSnapshot, { bookingId }, { requestId });
  return asked.ok ? { establishmentId: asked.value.establishmentId, isKnown: false } : undefined;
}

async function readFromStripe(context: PaymentContext, bookingId: string): Promise<void> {
  const rows = await context.db.payment.findMany({ where: { bookingId } });
  const paid = rows.map(toPayment).filter(holdsMoney);
  await Promise.all(paid.map(payment => syncPayment(context, payment.id, whileGuestWaits))).catch(error => {
    const reason = describeStripeError(error);
    context.logger.warn({ bookingId, reason }, 'a refund is decided without asking Stripe first');
  });
}

/** @returns the id of the request, new or the one that was stored under the key */
async function storeRequest(context: PaymentContext, tx: Transaction, o: Question): Promise<Result<string>> {
  const { bookingId, idempotencyKey = null } = o;
  const { amount, reason = null } = o.refund;
  const { booking, payments } = await lockPayments(tx, bookingId);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([amount ?? null, reason]))
    .digest('hex');
  const earlier =
    idempotencyKey === null ? null : await tx.refundRequest.findFirst({ where: { bookingId, idempotencyKey } });
  if (earlier) {
    return earlier.fingerprint === fingerprint
      ? { ok: true, value: earlier.id }
      : refuse('idempotency_key_reused', 'This Idempotency-Key was used for another refund.');
  }
  const known = await tx.refund.findMany({ where: { payment: { bookingId } } });
  const allocated = allocateRefund(payments, known, amount);
  if (!allocated.ok) return explain(allocated.refusal, booking.currency);
  const id = context.newId();
  const at = context.now();
  const sum = allocated.parts.reduce((total, part) => total + part.amount, 0);
  const who = { requestedBy: nameOf(o.actor), idempotencyKey, fingerprint, createdAt: at };
  await tx.refundRequest.create({ data: { id, bookingId, amount: sum, currency: booking.currency, reason, ...who } });
  const times = { nextAttemptAt: at, createdAt: at, updatedAt: at };
  await tx.refund.createMany({
    data: allocated.parts.flatMap(({ paymentId, purpose, amount: part }) => {
      const payment = payments.find(candidate => candidate.id === paymentId);
      if (!payment) return [];
      const key = refundKey(payment, purpose, id);
      const row = { id: context.newId(), paymentId, purpose, status: 'requested', amount: part, requestId: id };
      return [{ ...row, idempotencyKey: key, ...times }];
    }),
  });
  context.logger.info({ refundRequestId: id, bookingId, amount: sum, by: who.requestedBy }, 'refund asked for');
  return { ok: true, value: id };
}

const nameOf = (actor: Actor): string => (actor.kind === 'owner' ? `owner:${actor.keyId}` : actor.kind);

function explain({ why, left }: RefundRefusal, currency: string): Result<never> {
  const most = `${toMajorUnits(left, currency)} ${currency}`;
  switch (why) {
    case 'nothing_paid':
      return nothingPaid;
    case 'all_given_back':
      return refuse('nothing_to_refund', 'Everything that was paid for this booking was given back already.');
    case 'disputed': {
      const rest = left > 0 ? ` Of its other payments ${most} can be given back.` : '';
      const message = `The guest's bank contests a payment of this booking: it decides whose the money is.${rest}`;
      return refuse('payment_disputed', message);
    }
    case 'too_much': {
      const message = `At most ${most} is left to give back.`;
      return refuse('amount_exceeds_remaining', message, [{ path: 'amount', message: `must be at most ${left}` }]);
    }
    default:
      return why satisfies never;
  }
}
