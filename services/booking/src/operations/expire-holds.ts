import { changeBooking } from '../booking-store.ts';
import type { BookingContext } from '../context.ts';
import { releaseHold } from '../hold.ts';

const batchSize = 50;

/** Holds settled side by side: payment may take its whole deadline for each. */
const sideBySide = 10;

/** How long a claimed hold is left to the replica that claimed it, and how soon an undecided one is looked at again. */
const leaseMs = 60_000;

/**
 * When payment gives no answer for this long the nights are given back all the same: a payment that turns up later
 * brings the booking back or is refunded.
 */
const patienceMs = 15 * 60_000;

type HoldOutcome = 'released' | 'kept' | 'undecided';

/**
 * Releases holds whose time is over, a batch at a time. Replicas share the work by leases: a hold that could not be
 * decided comes up again when its lease has ended.
 * @returns whether there may be more
 */
export async function expireHolds(ctx: BookingContext, signal: AbortSignal): Promise<boolean> {
  const claimed = await claimExpiredHolds(ctx);
  for (let start = 0; start < claimed.length && !signal.aborted; start += sideBySide) {
    await Promise.all(claimed.slice(start, start + sideBySide).map(bookingId => releaseOne(ctx, bookingId)));
  }
  return claimed.length === batchSize && !signal.aborted;
}

/** One that cannot be released must not keep the others from it: its lease brings it back. */
async function releaseOne(ctx: BookingContext, bookingId: string): Promise<void> {
  let outcome: HoldOutcome | 'failed' = 'failed';
  try {
    outcome = await releaseExpiredHold(ctx, bookingId);
  } catch (error) {
    ctx.logger.error({ err: error, bookingId }, 'could not release a hold that is over');
  }
  ctx.metrics.holdsReleased.inc({ outcome });
}

/**
 * Row locks for one statement only; SKIP LOCKED so that a booking in work elsewhere waits for the next round. In the
 * order in which they fell due, so that those that cannot be decided do not come before all others again and again.
 */
async function claimExpiredHolds(ctx: BookingContext): Promise<string[]> {
  const now = ctx.now();
  const leaseUntil = new Date(now.getTime() + leaseMs);
  const rows = await ctx.prisma.$queryRaw<{ id: string }[]>`
    UPDATE bookings SET hold_lease_until = ${leaseUntil}
    WHERE id IN (
      SELECT id FROM bookings
      WHERE status = 'pending' AND hold_expires_at <= ${now}
        AND (hold_lease_until IS NULL OR hold_lease_until <= ${now})
      ORDER BY coalesce(hold_lease_until, hold_expires_at) LIMIT ${batchSize}
      FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  return rows.map(row => row.id);
}

/** True when there were holds in the way and every one is gone. Payment is asked first where somebody may have paid. */
export async function releaseExpiredHolds(ctx: BookingContext, bookingIds: readonly string[]): Promise<boolean> {
  if (bookingIds.length === 0) return false;
  for (const bookingId of bookingIds) {
    if ((await releaseExpiredHold(ctx, bookingId)) !== 'released') return false;
  }
  return true;
}

/**
 * Releases one hold that is over. Where Checkout was opened payment closes it first, outside of any transaction; what
 * turns out paid is left for `payment.succeeded` to confirm.
 * @returns `kept` when it is paid or was extended, `undecided` when payment cannot tell yet
 */
async function releaseExpiredHold(ctx: BookingContext, bookingId: string): Promise<HoldOutcome> {
  const row = await ctx.prisma.booking.findUnique({ where: { id: bookingId } });
  if (row?.status !== 'pending') return row?.status === 'cancelled' ? 'released' : 'kept';
  if (row.holdExpiresAt === null || row.holdExpiresAt > ctx.now()) return 'kept';
  if (row.checkoutOpenUntil !== null) {
    const settled = await settle(ctx, bookingId, row.holdExpiresAt);
    if (settled !== 'released') return settled;
  }
  const at = ctx.now();
  const seen = row.checkoutOpenUntil?.getTime();
  const released = await changeBooking(ctx, { bookingId, at }, booking => {
    // Checkout was opened or extended since payment was asked: the next round asks again.
    const open = booking.checkoutOpenUntil === null ? undefined : Date.parse(booking.checkoutOpenUntil);
    return open === seen ? releaseHold(booking, { at }) : { kind: 'unchanged' };
  });
  return released.ok && released.value.status === 'cancelled' ? 'released' : 'kept';
}

async function settle(ctx: BookingContext, bookingId: string, holdExpiresAt: Date): Promise<HoldOutcome> {
  try {
    const outcome = await ctx.settleHold(bookingId);
    switch (outcome) {
      case 'released':
        return 'released';
      case 'paid':
        return 'kept';
      case 'processing':
        return 'undecided';
      default:
        return outcome satisfies never;
    }
  } catch (error) {
    const overdueMs = ctx.now().getTime() - holdExpiresAt.getTime();
    ctx.logger.warn({ err: error, bookingId, overdueMs }, 'payment cannot tell about a hold that is over');
    return overdueMs >= patienceMs ? 'released' : 'undecided';
  }
}
