import { z } from 'zod';
import type { MoneyWorld } from './world.ts';

const counts = z.object({ ending: z.string(), times: z.int() });

/** How often the histories came to each of the ends that they are about: one that none comes to is not tested. */
export async function countEndings({ booking, payment }: MoneyWorld): Promise<Map<string, number>> {
  const found = await Promise.all([
    booking.rows(
      counts,
      `SELECT ending, count(h.id)::int AS times
       FROM unnest(ARRAY['confirmed', 'hold_expired', 'reinstated', 'payment_refused', 'second_payment']) AS ending
       LEFT JOIN booking_history h ON h.action = ending GROUP BY ending`,
    ),
    payment.rows(
      counts,
      `SELECT ending, count(r.id)::int AS times
       FROM unnest(ARRAY['cancellation', 'owner', 'duplicate', 'external']) AS ending
       LEFT JOIN refunds r ON r.purpose = ending AND r.status = 'succeeded' GROUP BY ending
       UNION ALL SELECT 'refund failed', count(*)::int FROM refunds WHERE status = 'failed' AND stripe_refund_id IS NOT NULL
       UNION ALL SELECT 'wrong amount', count(*)::int FROM payments WHERE reason LIKE 'amount_mismatch%'
       UNION ALL SELECT 'balance paid', count(*)::int FROM payments WHERE purpose = 'balance' AND amount_paid > 0
       UNION ALL SELECT 'paid after cancelling', count(*)::int FROM ledger_entries l JOIN bookings b ON b.id = l.booking_id
         WHERE l.kind = 'charge' AND b.status = 'cancelled' AND l.recorded_at > b.cancelled_at
       UNION ALL SELECT 'disputed', count(*)::int FROM disputes
       UNION ALL SELECT 'refund key changed', count(*)::int FROM refunds WHERE key_generation > 0`,
    ),
  ]);
  return new Map(found.flat().map(({ ending, times }) => [ending, times]));
}
