import {
  type BookingPayment,
  noPayment,
  type PaymentSnapshot,
  paymentPurpose,
  paymentSnapshot,
  scheduleOf,
} from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { BookingRecord } from './booking.ts';

/** What a booking remembers of one of its payments: the newest version that it has heard of. */
export const knownPayment = z.object({
  paymentId: z.uuid(),
  purpose: paymentPurpose,
  version: z.int().min(0),
  status: paymentSnapshot.shape.status,
  amountPaid: z.int().min(0),
  amountRefunded: z.int().min(0),
});
export type KnownPayment = z.infer<typeof knownPayment>;

/** Money came in and has not all gone back. */
export const holdsMoney = (payment: Pick<KnownPayment, 'status'>): boolean =>
  payment.status === 'succeeded' || payment.status === 'partially_refunded' || payment.status === 'disputed';

/**
 * What the booking says of its money. The sums are those that payment announces, where it does: they count also what a
 * booking leaves out because a person or a refund settles it. What is still due goes by the payments that count.
 */
export function summarizeMoney(
  booking: Pick<BookingRecord, 'status' | 'price' | 'payments' | 'sums' | 'balanceOverdue'>,
): BookingPayment {
  const { price, payments } = booking;
  const counted = sumsOf(payments);
  const { amountPaid, amountRefunded } = booking.sums ?? counted;
  const money = { ...noPayment, status: statusOf(payments), amountPaid, amountRefunded };
  if (price === null || booking.status === 'cancelled') return money;
  const amountDue = Math.max(0, price.total - counted.amountPaid);
  const balance = scheduleOf(price).find(({ purpose }) => purpose === 'balance');
  if (!balance) return { ...money, amountDue };
  const unpaid = booking.balanceOverdue ? 'overdue' : 'due';
  return { ...money, amountDue, balanceDueDate: balance.dueDate, balanceStatus: amountDue === 0 ? 'paid' : unpaid };
}

export const sumsOf = (payments: readonly KnownPayment[]) => ({
  amountPaid: payments.reduce((sum, payment) => sum + payment.amountPaid, 0),
  amountRefunded: payments.reduce((sum, payment) => sum + payment.amountRefunded, 0),
});

/** Of the money that came in; while none did, of the newest attempt (ids grow with time). */
function statusOf(payments: readonly KnownPayment[]): BookingPayment['status'] {
  const paid = payments.filter(payment => payment.amountPaid > 0);
  if (paid.length === 0) return newestOf(payments)?.status ?? 'unpaid';
  if (paid.some(payment => payment.status === 'disputed')) return 'disputed';
  const { amountPaid, amountRefunded } = sumsOf(paid);
  if (amountRefunded >= amountPaid) return 'refunded';
  return amountRefunded > 0 ? 'partially_refunded' : 'succeeded';
}

export const newestOf = <P extends Pick<KnownPayment, 'paymentId'>>(payments: readonly P[]): P | undefined =>
  payments.reduce<P | undefined>((a, b) => (a && a.paymentId > b.paymentId ? a : b), undefined);

/** The one payment that versions before this one know of: that which brought money first, or the newest attempt. */
export const mainPayment = (payments: readonly KnownPayment[]): KnownPayment | undefined =>
  payments.find(holdsMoney) ?? newestOf(payments);

/** Undefined when the booking knows better: a newer version of it, a newer attempt, or one that brought the money. */
export function withPayment(payments: readonly KnownPayment[], news: KnownPayment): KnownPayment[] | undefined {
  const others = payments.filter(payment => payment.paymentId !== news.paymentId);
  const known = payments.find(payment => payment.paymentId === news.paymentId);
  if (known && news.version <= known.version) return undefined;
  const rivals = others.filter(other => paysTheSame(other, news));
  if (!known) {
    if (rivals.some(holdsMoney)) return undefined;
    // An older attempt does not hide a newer one, unless it was the one that got paid.
    if (!holdsMoney(news) && rivals.some(other => other.paymentId > news.paymentId)) return undefined;
  }
  // Attempts that nothing came of are forgotten: what is still said of them is older than what is known.
  const kept = others.filter(
    other => other.amountPaid > 0 || !paysTheSame(other, news) || other.paymentId > news.paymentId,
  );
  return [...kept, news];
}

/** Another payment has brought the money that this one is for. */
export const isPaidTwice = (
  payments: readonly KnownPayment[],
  payment: Pick<PaymentSnapshot, 'paymentId' | 'purpose'>,
) => payments.some(other => other.paymentId !== payment.paymentId && holdsMoney(other) && paysTheSame(other, payment));

/** The whole price is also the deposit and the balance; deposit and balance come on top of each other. */
const paysTheSame = (a: Pick<PaymentSnapshot, 'purpose'>, b: Pick<PaymentSnapshot, 'purpose'>): boolean => {
  const [one, other] = [a.purpose ?? 'full', b.purpose ?? 'full'];
  return one === other || one === 'full' || other === 'full';
};
