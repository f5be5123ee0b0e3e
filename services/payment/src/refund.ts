import { isUnderDispute } from './dispute.ts';
import { holdsMoney, isPaid, type Payment } from './payment.ts';
import { blocksRefunds } from './review.ts';

/** Which money goes back, pure. Amounts are whole minor units. */

/** `owner`: asked for by who manages the booking; the others follow from its state. */
export type RefundPurpose = 'cancellation' | 'duplicate' | 'owner';

export interface PlannedRefund {
  paymentId: string;
  purpose: RefundPurpose;
  amount: number;
}

/** A refund we already made or mean to make, or that was made in the dashboard. */
export interface KnownRefund {
  paymentId: string;
  purpose: string;
  status: string;
  amount: number;
}

/** Of a booking: what decides about its money. `refundPercentage` is null until the booking service has decided. */
export interface BookingMoney {
  status: 'pending' | 'confirmed' | 'cancelled';
  refundPercentage: number | null;
  cancelledAt: Date | null;
  /** What the percentage is of; null from older versions of the booking service. */
  refundBase: number | null;
}

/** A percentage (0 to 100, whole) of an amount, rounded half up. In integers: 0.1 has no place in money. */
export const percentageOf = (amount: number, percentage: number): number =>
  Math.floor((amount * percentage + 50) / 100);

/**
 * What of a payment is back with the guest or on its way there: refunds of ours, refunds made in the dashboard whether or
 * not we have their rows yet, and what a bank took in a dispute.
 */
export function givenBack(payment: Payment, known: readonly KnownRefund[]): number {
  const promised = known
    .filter(refund => refund.paymentId === payment.id && refund.status !== 'failed')
    .reduce((sum, refund) => sum + refund.amount, 0);
  return Math.max(promised, payment.amountRefunded) + payment.amountDisputed;
}

/** What could still be given back of a payment. */
export const leftOf = (payment: Payment, known: readonly KnownRefund[]): number =>
  Math.max(0, payment.amountPaid - givenBack(payment, known));

const byTime = (a: Payment, b: Payment): number =>
  (a.paidAt?.getTime() ?? 0) - (b.paidAt?.getTime() ?? 0) || a.attempt - b.attempt;

/** Deposit and balance are two payments of one booking; everything else that is paid is paid instead of the deposit. */
const partOf = (payment: Payment): 'balance' | 'first' => (payment.purpose === 'balance' ? 'balance' : 'first');

/**
 * Of each part of the price the payment that counts: the first that holds its money, or else the first of all. The others
 * that hold money paid the same thing twice.
 */
export function splitDuplicates(payments: readonly Payment[]): { kept: Payment[]; duplicates: Payment[] } {
  const paid = payments.filter(isPaid).sort(byTime);
  const kept = [...Map.groupBy(paid, partOf).values()].flatMap(part => part.find(holdsMoney) ?? part.slice(0, 1));
  return { kept, duplicates: paid.filter(payment => holdsMoney(payment) && !kept.includes(payment)) };
}

/**
 * What must still be given back for a booking: all of what was paid twice, and of the rest what the cancellation gives,
 * less what went back already, by us, by the owner or in Stripe's dashboard. The percentage counts for what was paid by the
 * time of cancelling; what was paid after it goes back in full. Newest payments first. What counted as given back and then
 * was not (a refund of the dashboard that failed at the bank, a dispute that was won) is given back again. Payments that a
 * person must look at or that a bank contests are left alone, and with them the whole sum that they are a part of. Once a
 * person has dealt with a refund that failed, its payment stays theirs, and the rest goes back.
 */
export function planRefunds(
  booking: BookingMoney,
  payments: readonly Payment[],
  known: readonly KnownRefund[],
): PlannedRefund[] {
  const { kept, duplicates } = splitDuplicates(payments);
  const hasFailed = (payment: Payment, purpose: RefundPurpose) =>
    known.some(one => one.paymentId === payment.id && one.purpose === purpose && one.status === 'failed');
  const twice = duplicates
    .filter(payment => !blocksRefunds(payment) && !hasFailed(payment, 'duplicate'))
    .map(payment => ({ paymentId: payment.id, purpose: 'duplicate' as const, amount: leftOf(payment, known) }));

  const newest = kept.toSorted(byTime).reverse();
  const due = dueBack(booking, kept);
  let remaining = due;
  let unshared = due;
  for (const payment of newest) {
    const share = Math.min(unshared, payment.amountPaid);
    unshared -= share;
    const given = givenBack(payment, known);
    // A refund that failed is made good by a person: the part that falls on its payment is theirs.
    remaining -= hasFailed(payment, 'cancellation') ? Math.max(given, share) : given;
  }
  if (kept.some(blocksRefunds)) remaining = 0;
  const back: PlannedRefund[] = [];
  for (const payment of newest) {
    const amount = Math.min(remaining, leftOf(payment, known));
    if (amount <= 0 || hasFailed(payment, 'cancellation')) continue;
    back.push({ paymentId: payment.id, purpose: 'cancellation', amount });
    remaining -= amount;
  }
  return [...back, ...twice].filter(refund => refund.amount > 0);
}

/** What a cancelled booking gives back in all. */
function dueBack(booking: BookingMoney, kept: readonly Payment[]): number {
  const { status, refundPercentage, cancelledAt, refundBase } = booking;
  if (status !== 'cancelled' || refundPercentage === null) return 0;
  const sum = (some: readonly Payment[]) => some.reduce((total, payment) => total + payment.amountPaid, 0);
  const inTime = sum(kept.filter(payment => !isPaidAfter(payment, cancelledAt)));
  const base = refundBase === null ? inTime : Math.min(refundBase, sum(kept));
  return percentageOf(base, refundPercentage) + sum(kept) - base;
}

/** Stripe's times are whole seconds: within the second of cancelling, the guest has the benefit of it. */
const isPaidAfter = (payment: Payment, cancelledAt: Date | null): boolean =>
  cancelledAt !== null && payment.paidAt !== null && payment.paidAt.getTime() + 999 >= cancelledAt.getTime();

/** Why an owner's refund cannot be made, with what could be given back. */
export interface RefundRefusal {
  why: 'nothing_paid' | 'all_given_back' | 'disputed' | 'too_much';
  left: number;
}

/**
 * Spreads an amount that an owner gives back over the booking's payments, newest first; everything that is left without
 * an amount. A payment that a bank contests is not touched; one that waits for a person is, since this is one.
 */
export function allocateRefund(
  payments: readonly Payment[],
  known: readonly KnownRefund[],
  wanted: number | undefined,
): { ok: true; parts: PlannedRefund[] } | { ok: false; refusal: RefundRefusal } {
  const paid = payments.filter(isPaid).sort(byTime).reverse();
  const open = paid.filter(payment => !isContestedForRefund(payment));
  const left = open.reduce((sum, payment) => sum + leftOf(payment, known), 0);
  const refuse = (why: RefundRefusal['why']) => ({ ok: false as const, refusal: { why, left } });
  if (paid.length === 0) return refuse('nothing_paid');
  if (left === 0) return refuse(open.length < paid.length ? 'disputed' : 'all_given_back');
  if (wanted !== undefined && wanted > left) return refuse(open.length < paid.length ? 'disputed' : 'too_much');
  let remaining = wanted ?? left;
  const parts: PlannedRefund[] = [];
  for (const payment of open) {
    const amount = Math.min(remaining, leftOf(payment, known));
    if (amount <= 0) continue;
    parts.push({ paymentId: payment.id, purpose: 'owner', amount });
    remaining -= amount;
  }
  return { ok: true, parts };
}

/** An inquiry took nothing, and a refund is the usual answer to it. */
export const isContestedForRefund = (payment: Payment): boolean =>
  isUnderDispute(payment) && !payment.disputeStatus?.startsWith('warning_');

/**
 * The key under which a refund is made once: `bookingId:purpose:attempt`. Unique in our table, and told to Stripe.
 * @param which of several for one purpose: the owner's request, or the number of one that had to follow
 */
export const refundKey = (payment: Payment, purpose: RefundPurpose, which?: string): string =>
  `${payment.bookingId}:refund-${purpose}:${payment.attempt}${which === undefined ? '' : `:${which}`}`;
