import { dateInZone, type PaymentSnapshot } from '@monde-sauvage/contracts';
import type { EventMeta } from '@monde-sauvage/messaging';
import { type BookingRecord, type Decision, isHoldOver } from '../booking.ts';
import { fromRow } from '../booking-rows.ts';
import { changeBooking, findActive, type LockedChalet, type Tx, takesNightsOf } from '../booking-store.ts';
import type { BookingContext } from '../context.ts';
import { applyPaymentNews, applySuccessfulPayment, isLatePayment } from '../payments.ts';
import { releaseExpiredHolds } from './expire-holds.ts';
import { noteInHistory } from './note-in-history.ts';

/**
 * A payment succeeded: confirms a pending booking, brings a released one back if its nights are free and its chalet is
 * still offered, and otherwise leaves it cancelled with a full refund due.
 * @throws Error for a booking that does not exist: the event becomes a dead letter for a person to look at
 */
export async function confirmPaidBooking(
  ctx: BookingContext,
  payment: PaymentSnapshot,
  meta: EventMeta,
): Promise<void> {
  await releaseHoldsInTheWay(ctx, payment.bookingId);
  await changeByPayment(ctx, payment, meta, async (booking, chalet, tx, at) => {
    const nightsFree = isLatePayment(booking) && !chalet.archived && (await areNightsFree(tx, booking));
    const today = dateInZone(at, chalet.timezone);
    const decision = applySuccessfulPayment(booking, payment, { at, today, nightsFree });
    if (decision.kind !== 'noted') return decision;
    ctx.logger.warn({ bookingId: booking.id, paymentId: payment.paymentId }, decision.reason);
    await noteInHistory(tx, {
      id: meta.id,
      bookingId: booking.id,
      version: booking.version,
      at,
      by: 'payment',
      action: decision.action,
      reason: decision.reason,
    });
    return { kind: 'unchanged' };
  });
}

/** A payment failed, expired, was refunded or disputed. */
export const recordPaymentNews = (ctx: BookingContext, payment: PaymentSnapshot, meta: EventMeta): Promise<void> =>
  changeByPayment(ctx, payment, meta, (booking, _chalet, _tx, at) => applyPaymentNews(booking, payment, { at }));

/** A person must look at a payment: one line in the audit trail says why. */
export const notePaymentInReview = (ctx: BookingContext, payment: PaymentSnapshot, meta: EventMeta): Promise<void> =>
  changeByPayment(ctx, payment, meta, async (booking, _chalet, tx, at) => {
    await noteInHistory(tx, {
      id: meta.id,
      bookingId: booking.id,
      version: booking.version,
      at,
      by: 'payment',
      action: 'payment_needs_review',
      reason: payment.reason ?? 'unknown',
    });
    return { kind: 'unchanged' };
  });

async function changeByPayment(
  ctx: BookingContext,
  payment: PaymentSnapshot,
  meta: EventMeta,
  decide: (booking: BookingRecord, chalet: LockedChalet, tx: Tx, at: Date) => Promise<Decision> | Decision,
): Promise<void> {
  const at = ctx.now();
  const { bookingId } = payment;
  let action = 'unchanged';
  const changed = await changeBooking(
    ctx,
    { bookingId, at, traceparent: meta.traceparent },
    async (booking, chalet, tx) => {
      const decision = await decide(booking, chalet, tx, at);
      action = decision.kind === 'changed' ? decision.change.history.action : 'unchanged';
      return decision;
    },
  );
  if (!changed.ok) throw new Error(`payment ${payment.paymentId} is for booking ${bookingId}, which does not exist`);
  ctx.metrics.payments.inc({ action });
}

/**
 * A late payment meets only holds that are over: they go first, as for somebody who would book these nights now. Each is
 * a fact of its own; one that is paid, or that payment cannot tell about, stays and keeps its nights.
 */
async function releaseHoldsInTheWay(ctx: BookingContext, bookingId: string): Promise<void> {
  const row = await ctx.prisma.booking.findUnique({ where: { id: bookingId } });
  const booking = row && fromRow(row);
  if (!booking || !isLatePayment(booking)) return;
  const rivals = await findActive(ctx.prisma, booking.chaletId, booking);
  if (!rivals.every(rival => isHoldOver(rival, ctx.now()))) return;
  await releaseExpiredHolds(
    ctx,
    rivals.map(({ id }) => id),
  );
}

async function areNightsFree(tx: Tx, booking: BookingRecord): Promise<boolean> {
  return (await tx.booking.count({ where: takesNightsOf(booking.chaletId, booking) })) === 0;
}
