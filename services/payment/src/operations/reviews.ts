import { type paymentRequests, type Result, refuse } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { inTransaction, type PaymentContext } from '../context.ts';
import { lockPayments, toPayment } from '../payment-store.ts';
import { storePlannedRefunds } from '../refund-store.ts';

type Answer = z.input<typeof paymentRequests.listReviews.output>;
type Resolution = z.output<typeof paymentRequests.resolveReview.input>;

const most = 200;
const forbidden = refuse('forbidden', 'Only the administrator of the platform may do this.');

/** What waits for a person, each with its reason: payments, and events of Stripe that fit no payment of ours. */
export async function listReviews(
  { db }: PaymentContext,
  { actor }: z.output<typeof paymentRequests.listReviews.input>,
): Promise<Result<Answer>> {
  if (actor.kind !== 'admin') return forbidden;
  const [payments, events, paymentCount, eventCount] = await Promise.all([
    db.payment.findMany({
      where: { needsReview: true },
      include: { booking: { select: { reference: true } } },
      orderBy: { updatedAt: 'asc' },
      take: most,
    }),
    db.stripeEvent.findMany({ where: { outcome: 'needs_review' }, orderBy: { receivedAt: 'asc' }, take: most }),
    db.payment.count({ where: { needsReview: true } }),
    db.stripeEvent.count({ where: { outcome: 'needs_review' } }),
  ]);
  return {
    ok: true,
    value: {
      payments: payments.map(row => ({
        paymentId: row.id,
        bookingId: row.bookingId,
        bookingReference: row.booking.reference,
        establishmentId: row.establishmentId,
        status: row.status,
        reason: row.reason ?? 'unknown',
        amountPaid: row.amountPaid,
        currency: row.currency,
        since: row.updatedAt.toISOString(),
      })),
      events: events.map(row => ({
        id: row.id,
        type: row.type,
        objectId: row.objectId,
        reason: row.reason ?? 'unknown',
        since: row.receivedAt.toISOString(),
      })),
      total: paymentCount + eventCount,
    },
  };
}

/**
 * A person has dealt with it: the flag goes, and the same reason does not bring it back. What was held back because of it
 * (a refund by policy, say) is looked at again. What Stripe says is not changed by it: money is given back there, or by a refund.
 */
export async function resolveReview(context: PaymentContext, o: Resolution): Promise<Result<{ resolved: string }>> {
  if (o.actor.kind !== 'admin') return forbidden;
  const { db } = context;
  const event = await db.stripeEvent.findFirst({ where: { id: o.id, outcome: 'needs_review' } });
  if (event) {
    const reason = `${event.reason ?? 'unknown'}; resolved: ${o.note}`;
    await db.stripeEvent.update({ where: { id: event.id }, data: { outcome: 'ignored', reason } });
    context.logger.info({ eventId: event.id, reason }, 'a person has dealt with an event of Stripe');
    return { ok: true, value: { resolved: reason } };
  }
  const isPayment = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(o.id);
  const payment = isPayment ? await db.payment.findFirst({ where: { id: o.id, needsReview: true } }) : null;
  if (!payment) return refuse('not_found', 'Nothing with this id waits for a person.');
  const at = context.now();
  await inTransaction(db, async tx => {
    const { booking } = await lockPayments(tx, payment.bookingId);
    await tx.payment.updateMany({
      where: { id: payment.id, needsReview: true, reason: payment.reason },
      data: {
        ...{ needsReview: false, resolvedReason: payment.reason, version: { increment: 1 }, updatedAt: at },
        nextCheckAt: payment.checkoutSessionId === null ? null : at,
      },
    });
    const rows = await tx.payment.findMany({ where: { bookingId: payment.bookingId } });
    await storePlannedRefunds(context, tx, booking, rows.map(toPayment));
  });
  context.nudge.payments();
  context.nudge.refunds();
  const resolved = payment.reason ?? 'unknown';
  context.logger.info({ paymentId: payment.id, reason: resolved, note: o.note }, 'a person has dealt with a payment');
  return { ok: true, value: { resolved } };
}
