import { type BalanceOverdue, dateInZone } from '@monde-sauvage/contracts';
import { advance, type BookingRecord, type Decision, unchanged } from './booking.ts';
import { refundPercentage } from './cancellation.ts';
import { sumsOf } from './money.ts';

/**
 * The time to pay the balance is over, grace included, and payment has closed its Checkout. By the terms the booking
 * was made on it stays, as overdue, or is cancelled; what was paid then goes back as if the guest had cancelled today. Once
 * the day of arrival is over, a notice that comes late cancels nothing: the guest is there.
 * A balance that is known to be paid is not overdue, whatever the notice says.
 */
export function applyBalanceOverdue(
  booking: BookingRecord,
  notice: Pick<BalanceOverdue, 'cancel'>,
  o: { at: Date; timezone: string },
): Decision {
  const { balanceStatus } = booking.payment;
  if (booking.status !== 'confirmed' || balanceStatus === 'none' || balanceStatus === 'paid') return unchanged;
  const cause = { at: o.at, by: 'payment', reason: 'the balance was not paid in time' } as const;
  const today = dateInZone(o.at, o.timezone);
  const cancels = notice.cancel && booking.balanceTerms?.unpaidBalance === 'cancel' && today <= booking.startDate;
  if (!cancels) {
    if (booking.balanceOverdue) return unchanged;
    const change = advance(
      booking,
      { balanceOverdue: true },
      { ...cause, action: 'balance_overdue', event: 'updated' },
    );
    return { kind: 'changed', change };
  }
  const percentage = booking.policy ? refundPercentage(booking.policy, today, booking.startDate) : 100;
  const change = advance(
    booking,
    {
      status: 'cancelled',
      cancelledAt: o.at.toISOString(),
      // Of the reasons that versions beside this one can read, the one that says that money was wanting.
      cancelReason: 'payment_refused',
      conflict: false,
      balanceOverdue: true,
      refundPercentage: percentage,
      refundBase: sumsOf(booking.payments).amountPaid,
    },
    { ...cause, action: 'balance_unpaid', event: 'cancelled' },
  );
  return { kind: 'changed', change };
}
