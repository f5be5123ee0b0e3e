import { holdsMoney, type Payment } from './payment.ts';

/** Which money goes back, pure. Amounts are whole minor units. */

export type RefundPurpose = 'cancellation' | 'duplicate';

interface PlannedRefund {
  paymentId: string;
  purpose: RefundPurpose;
  amount: number;
}

/** A refund we already made or mean to make; failed ones left out. */
interface KnownRefund {
  paymentId: string;
  purpose: string;
  amount: number;
}

/** Of a booking: what decides about its money. `refundPercentage` is null until the booking service has decided. */
interface BookingMoney {
  status: 'pending' | 'confirmed' | 'cancelled';
  refundPercentage: number | null;
}

/** A percentage (0 to 100, whole) of an amount, rounded half up. In integers: 0.1 has no place in money. */
export const percentageOf = (amount: number, percentage: number): number =>
  Math.floor((amount * percentage + 50) / 100);

/**
 * What must still be given back for a booking: all of every payment but the first (it was paid twice), and of the
 * first the share that the cancellation gives, less what went back already, made by us or in Stripe's dashboard.
 * Payments that a person must look at or that a bank contests are left alone.
 */
export function planRefunds(booking: BookingMoney, payments: Payment[], known: KnownRefund[]): PlannedRefund[] {
  const paid = payments
    .filter(holdsMoney)
    .sort((a, b) => (a.paidAt?.getTime() ?? 0) - (b.paidAt?.getTime() ?? 0) || a.attempt - b.attempt);
  return paid.flatMap((payment, index): PlannedRefund[] => {
    const purpose: RefundPurpose = index === 0 ? 'cancellation' : 'duplicate';
    const percentage = index > 0 ? 100 : booking.status === 'cancelled' ? booking.refundPercentage : null;
    if (percentage === null || payment.needsReview || payment.status === 'disputed') return [];
    const ours = known.filter(refund => refund.paymentId === payment.id);
    if (ours.some(refund => refund.purpose === purpose)) return [];
    const promised = ours.reduce((sum, refund) => sum + refund.amount, 0);
    const amount = percentageOf(payment.amountPaid, percentage) - Math.max(promised, payment.amountRefunded);
    return amount > 0 ? [{ paymentId: payment.id, purpose, amount }] : [];
  });
}

/** The key under which a refund is made once: `bookingId:purpose:attempt`. Unique in our table, and told to Stripe. */
export const refundKey = (payment: Payment, purpose: RefundPurpose): string =>
  `${payment.bookingId}:refund-${purpose}:${payment.attempt}`;
