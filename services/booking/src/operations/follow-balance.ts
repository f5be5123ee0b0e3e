import type { BalanceDue, BalanceOverdue } from '@monde-sauvage/contracts';
import type { EventMeta } from '@monde-sauvage/messaging';
import { applyBalanceOverdue } from '../balance.ts';
import { changeBooking } from '../booking-store.ts';
import type { BookingContext } from '../context.ts';
import { noteInHistory } from './note-in-history.ts';

/** The guest is being reminded of the balance: one line in the audit trail. */
export async function noteBalanceDue(ctx: BookingContext, notice: BalanceDue, meta: EventMeta): Promise<void> {
  const at = ctx.now();
  const { bookingId } = notice;
  const noted = await changeBooking(ctx, { bookingId, at }, async (booking, _chalet, tx) => {
    await noteInHistory(tx, {
      id: meta.id,
      bookingId,
      version: booking.version,
      at,
      by: 'payment',
      action: `balance_${notice.stage}`,
      reason: `${notice.amount} ${notice.currency} by ${notice.dueOn}`,
    });
    return { kind: 'unchanged' };
  });
  if (!noted.ok) throw new Error(`a balance is due for booking ${bookingId}, which does not exist`);
}

/** The balance was not paid in time: the booking is kept or cancelled, as its terms say. */
export async function settleOverdueBalance(
  ctx: BookingContext,
  notice: BalanceOverdue,
  meta: EventMeta,
): Promise<void> {
  const at = ctx.now();
  const { bookingId } = notice;
  const origin = { bookingId, at, traceparent: meta.traceparent };
  const settled = await changeBooking(ctx, origin, (booking, { timezone }) =>
    applyBalanceOverdue(booking, notice, { at, timezone }),
  );
  ctx.metrics.payments.inc({ action: 'balance_overdue' });
  if (!settled.ok) throw new Error(`a balance is overdue for booking ${bookingId}, which does not exist`);
}
