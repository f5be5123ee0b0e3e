import { bookingRequests } from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import { inTransaction, type PaymentContext, type Transaction } from '../context.ts';
import type { Booking } from '../generated/prisma/client.ts';
import { isPaid } from '../payment.ts';
import { announce, lockPayments } from '../payment-store.ts';
import { moneyOf } from '../refund-store.ts';
import { isUndecided } from '../undecided.ts';
import { keepAndSettle, wake } from './record-booking.ts';

const batch = 10;
/** What does not help is not repeated for ever in haste. */
const againMs = 3_600_000;

/**
 * Compares what was announced of each booking's money (sums, and whether a bank contests it) with what the booking says of
 * it, and announces it again where they still differ some minutes later: an event was lost. Booking is asked first, because
 * it may be its event that was. Money of a payment is told as `payment.succeeded`, or as `payment.disputed` once there
 * was a dispute, with all that is known of it, which booking may hear at any time.
 * @returns whether there may be more
 */
export async function tellMoneyAgain(context: PaymentContext, signal: AbortSignal): Promise<boolean> {
  const now = context.now();
  const later = new Date(now.getTime() + againMs);
  const claimed = await context.db.$queryRaw<{ id: string }[]>`
    UPDATE bookings SET money_check_at = ${later}::timestamptz
     WHERE id IN (SELECT id FROM bookings
                   WHERE (told_paid <> heard_paid OR told_refunded <> heard_refunded OR told_disputed <> heard_disputed)
                     AND money_check_at <= ${now}::timestamptz
                   ORDER BY money_check_at LIMIT ${batch} FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  for (const { id: bookingId } of claimed) {
    if (signal.aborted) return false;
    await lookAt(context, bookingId, later).catch((error: unknown) =>
      context.logger.warn({ bookingId, err: error }, 'booking could not be asked about money; it will be again'),
    );
  }
  return !signal.aborted && claimed.length === batch;
}

async function lookAt(context: PaymentContext, bookingId: string, later: Date): Promise<void> {
  const truth = await request(context.nc, bookingRequests.getSnapshot, { bookingId });
  if (!truth.ok) throw new Error(truth.refusal.message);
  const { settled, told } = await inTransaction(context.db, async tx => ({
    // Its event may never come: who compares versions finds none missing any more.
    settled: await keepAndSettle(context, tx, truth.value),
    told: await tellAll(context, tx, bookingId, later),
  }));
  wake(context, settled);
  if (told === 0) return;
  context.nudge.outbox();
  context.logger.warn({ bookingId, told }, 'booking has not heard of money; told again');
  context.metrics.counter('money_told_again_total', 'Payments announced again because booking did not know').inc(told);
}

/** @returns how many payments were announced; 0 when the booking turns out to know */
async function tellAll(context: PaymentContext, tx: Transaction, bookingId: string, later: Date): Promise<number> {
  const { booking, payments } = await lockPayments(tx, bookingId);
  if (isHeard(booking)) return 0;
  const paid = payments.filter(isPaid);
  const money = moneyOf(booking);
  const disputes = await tx.dispute.findMany({ where: { bookingId }, orderBy: { openedAt: 'desc' } });
  for (const payment of paid) {
    const others = payments.filter(other => other.id !== payment.id);
    const dispute = disputes.find(({ paymentId }) => paymentId === payment.id);
    // Where booking is still to decide it must hear that money came, disputed or not.
    const fact = dispute === undefined || isUndecided(money, payment) ? 'succeeded' : 'disputed';
    await announce(tx, payment, fact, { id: context.newId(), at: context.now(), others, dispute });
  }
  await tx.booking.update({ where: { id: bookingId }, data: { moneyCheckAt: later } });
  return paid.length;
}

const isHeard = (booking: Booking): boolean =>
  booking.toldPaid === booking.heardPaid &&
  booking.toldRefunded === booking.heardRefunded &&
  (booking.toldDisputed === null || booking.heardDisputed === null || booking.toldDisputed === booking.heardDisputed);
