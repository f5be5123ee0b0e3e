import { type BookingCopy, keepBooking } from '../booking-copy.ts';
import { inTransaction, type PaymentContext, type Transaction } from '../context.ts';
import type { Booking } from '../generated/prisma/client.ts';
import { isPaid, type Payment } from '../payment.ts';
import { lockPayments } from '../payment-store.ts';
import { moneyOf, storePlannedRefunds } from '../refund-store.ts';
import { bookingUndecided } from '../review.ts';
import { isUndecided } from '../undecided.ts';

/**
 * Keeps a booking's newest version and draws the consequences of its state, not of the event: a cancelled booking has
 * no open session, and its money goes back as the cancellation says. Safe to repeat, in any order.
 */
export async function recordBooking(context: PaymentContext, copy: BookingCopy): Promise<void> {
  wake(context, await inTransaction(context.db, tx => keepAndSettle(context, tx, copy)));
}

/** What a booking's state made due. */
interface Due {
  due: number;
  planned: number;
}

/** The workers look by themselves too; after the commit they need not wait. */
export function wake(context: PaymentContext, { due, planned }: Due): void {
  if (due > 0) context.nudge.payments();
  if (planned > 0) context.nudge.refunds();
}

/** The same inside the caller's transaction, however the booking's state was learned of. */
export async function keepAndSettle(context: PaymentContext, tx: Transaction, copy: BookingCopy): Promise<Due> {
  if (!(await keepBooking(tx, copy))) return { due: 0, planned: 0 };
  const { booking, payments } = await lockPayments(tx, copy.id);
  if (payments.length === 0) return { due: 0, planned: 0 };
  const decided = await settleUndecided(context, tx, { booking, payments });
  if (booking.status !== 'cancelled') return { due: decided, planned: 0 };
  const { count } = await tx.payment.updateMany({
    where: { bookingId: copy.id, OR: [{ status: 'open' }, { sessionStatus: 'open' }] },
    data: { nextCheckAt: context.now() },
  });
  return { due: decided + count, planned: await storePlannedRefunds(context, tx, booking, payments) };
}

/**
 * Booking has decided about what was paid: nobody waits for that any more, and what was put before a person because of
 * it is looked at again.
 * @returns how many are due
 */
async function settleUndecided(
  context: PaymentContext,
  tx: Transaction,
  o: { booking: Booking; payments: Payment[] },
): Promise<number> {
  const money = moneyOf(o.booking);
  const decided = o.payments.filter(payment => isWaitingForBooking(payment) && !isUndecided(money, payment));
  if (decided.length === 0) return 0;
  const flagged = decided.filter(payment => payment.reason?.startsWith(bookingUndecided)).map(({ id }) => id);
  const ids = decided.map(({ id }) => id);
  // Only the look that waits for this decision: one that is due, or was put off, has another reason.
  const where = { id: { in: ids }, checkAttempts: 0, nextCheckAt: { gt: context.now() } };
  await tx.payment.updateMany({ where, data: { nextCheckAt: null } });
  await tx.payment.updateMany({ where: { id: { in: flagged } }, data: { nextCheckAt: context.now() } });
  return flagged.length;
}

/** Nothing else is waited for of what was paid. */
const isWaitingForBooking = (payment: Payment): boolean => isPaid(payment) && payment.sessionStatus === 'complete';
