import type { PaymentContext } from '../context.ts';

const atOnce = 1_000;

/**
 * Has payments looked at that wait for the booking service's decision and that nobody looks at: what came before a version
 * that follows them, or was last seen by a replica of an older one. Those of our own version have a time of their own.
 */
export async function findUndecided({ db, now, nudge, logger }: PaymentContext): Promise<void> {
  const at = now();
  const count = await db.$executeRaw`
    UPDATE payments SET next_check_at = ${at}::timestamptz
     WHERE id IN (SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id
                   WHERE b.told_paid > b.told_refunded
                     AND (b.status = 'pending' OR (b.status = 'cancelled' AND b.refund_percentage IS NULL))
                     AND p.next_check_at IS NULL AND p.checkout_session_id IS NOT NULL
                     AND p.amount_paid > 0 AND p.status <> 'refunded'
                   LIMIT ${atOnce} FOR UPDATE OF p SKIP LOCKED)`;
  if (count === 0) return;
  logger.warn({ count }, 'payments wait for a decision and nobody looked at them');
  nudge.payments();
}
