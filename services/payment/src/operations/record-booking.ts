import { type BookingCopy, keepBooking } from '../booking-copy.ts';
import { inTransaction, type PaymentContext } from '../context.ts';
import { lockPayments } from '../payment-store.ts';
import { storePlannedRefunds } from '../refund-store.ts';

/**
 * Keeps a booking's newest version and draws the consequences of its state, not of the event: a cancelled booking has
 * no open session, and its money goes back as the cancellation says. Safe to repeat, in any order.
 */
export async function recordBooking(context: PaymentContext, copy: BookingCopy): Promise<void> {
  const { due, planned } = await inTransaction(context.db, async tx => {
    if (!(await keepBooking(tx, copy))) return { due: 0, planned: 0 };
    const { booking, payments } = await lockPayments(tx, copy.id);
    if (booking.status !== 'cancelled' || payments.length === 0) return { due: 0, planned: 0 };
    const { count } = await tx.payment.updateMany({
      where: { bookingId: copy.id, OR: [{ status: 'open' }, { sessionStatus: 'open' }] },
      data: { nextCheckAt: context.now() },
    });
    return { due: count, planned: await storePlannedRefunds(context, tx, booking, payments) };
  });
  if (due > 0) context.nudge.payments();
  if (planned > 0) context.nudge.refunds();
}
