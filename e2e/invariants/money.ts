import { z } from 'zod';
import { by, chaletPages, count, endingFrom, type Finding, type Look, one, settledBefore } from './look.ts';

const booking = z.object({
  id: z.string(),
  status: z.string(),
  currency: z.string().nullable(),
  total: z.int().nullable(),
  refundPercentage: z.int().nullable(),
  paymentId: z.string().nullable(),
  paymentStatus: z.string(),
  paid: z.int(),
  refunded: z.int(),
  changedAt: z.date(),
});
export type BookingMoney = z.output<typeof booking>;

const payment = z.object({
  id: z.string(),
  bookingId: z.string(),
  status: z.string(),
  currency: z.string(),
  paid: z.int(),
  refunded: z.int(),
  needsReview: z.boolean(),
  changedAt: z.date(),
  /** Sums of its refunds: those that have arrived, those that have or will, and of the latter those for a cancellation. */
  refundsDone: z.int(),
  refundsPromised: z.int(),
  refundsForCancellation: z.int(),
});
export type PaymentMoney = z.output<typeof payment>;

/**
 * E: money matches. A confirmed booking with a price has a successful payment of that amount; a successful payment has
 * a confirmed booking, or goes back as the booking's refund percentage says; both services name the same sums.
 */
export async function checkMoney(look: Look): Promise<Finding> {
  const violations: string[] = [];
  const seen = { confirmed: 0, paid: 0, review: 0 };
  for await (const chalets of chaletPages(look)) {
    const bookings = await look.databases.booking.rows(
      booking,
      `SELECT id, status, currency, price_total AS total, refund_percentage AS "refundPercentage",
              payment_id AS "paymentId", payment_status AS "paymentStatus", amount_paid AS paid,
              amount_refunded AS refunded, updated_at AS "changedAt"
       FROM bookings WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2 AND source = 'website' ORDER BY id`,
      [chalets, endingFrom(look)],
    );
    const payments = await look.databases.payment.rows(
      payment,
      `SELECT p.id, p.booking_id AS "bookingId", p.status, p.currency, p.amount_paid AS paid,
              p.amount_refunded AS refunded, p.needs_review AS "needsReview", p.updated_at AS "changedAt",
              coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0)::int AS "refundsDone",
              coalesce(sum(r.amount) FILTER (WHERE r.status <> 'failed'), 0)::int AS "refundsPromised",
              coalesce(sum(r.amount) FILTER (WHERE r.status <> 'failed' AND r.purpose = 'cancellation'), 0)::int
                AS "refundsForCancellation"
       FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id
       WHERE p.booking_id = ANY($1::uuid[]) AND p.amount_paid > 0
       GROUP BY p.id ORDER BY p.booking_id, p.paid_at, p.attempt`,
      [bookings.map(row => row.id)],
    );
    const paidFor = by(payments, row => row.bookingId);
    for (const row of bookings) {
      const its = paidFor.get(row.id) ?? [];
      if ([row, ...its].some(it => it.changedAt > settledBefore(look))) continue;
      violations.push(...judgeMoney(row, its));
    }
    seen.confirmed += bookings.filter(row => row.status === 'confirmed').length;
    seen.paid += payments.length;
    seen.review += payments.filter(row => row.needsReview).length;
  }
  return {
    invariant: 'E',
    promise: 'money matches',
    looked: `${count(seen.confirmed, 'confirmed booking')} and ${count(seen.paid, 'successful payment')}, ${seen.review} with a person`,
    violations,
  };
}

/** @param payments of this booking that brought money, in the order in which they did */
export function judgeMoney(booking: BookingMoney, payments: readonly PaymentMoney[]): string[] {
  return [
    ...judgeConfirmation(booking, payments),
    ...payments.flatMap((payment, index) => judgeRefund(booking, payment, index === 0)),
    ...judgeSums(booking, payments),
  ].map(problem => `booking ${booking.id} ${problem}`);
}

function judgeConfirmation(booking: BookingMoney, payments: readonly PaymentMoney[]): string[] {
  const { status, total, currency } = booking;
  const [first] = payments;
  if (status === 'pending' && first) return [`is pending although payment ${first.id} succeeded`];
  if (status !== 'confirmed' || (total ?? 0) === 0) return [];
  if (!first) return [`is confirmed at ${total} ${currency} and has no successful payment`];
  if (payments.some(payment => payment.paid === total && payment.currency === currency)) return [];
  return [`is confirmed at ${total} ${currency}, payment ${first.id} brought ${first.paid} ${first.currency}`];
}

/** Of a payment the bank contests or a person has to look at, nothing is given back by us until that is settled. */
function judgeRefund(booking: BookingMoney, payment: PaymentMoney, isFirst: boolean): string[] {
  const { refunded, refundsDone, refundsPromised, refundsForCancellation, paid, id } = payment;
  const problems: string[] = [];
  if (refundsPromised > paid) problems.push(`would get ${refundsPromised} back of the ${paid} of payment ${id}`);
  if (refunded < refundsDone || refunded > Math.max(refundsPromised, refundsDone)) {
    problems.push(`has payment ${id} with ${refunded} refunded, its refunds are ${refundsDone} of ${refundsPromised}`);
  }
  if (payment.needsReview || payment.status === 'disputed') return problems;
  if (booking.status === 'confirmed' && isFirst && refundsForCancellation > 0) {
    problems.push(`is confirmed and gets ${refundsForCancellation} of payment ${id} back as if it were cancelled`);
  }
  if (booking.status === 'cancelled' && isFirst && booking.refundPercentage === null) {
    problems.push(`is cancelled, payment ${id} succeeded, and what goes back was not decided`);
  }
  const due = isFirst ? dueBack(booking, paid) : paid;
  const back = Math.max(refundsPromised, refunded);
  if (back < due) problems.push(`is owed ${due} of payment ${id}, ${back} goes back`);
  if (isFirst && refundsForCancellation > due && booking.status === 'cancelled') {
    problems.push(`is owed ${due} of payment ${id}, its cancellation gives back ${refundsForCancellation}`);
  }
  return problems;
}

/** Whole minor units, rounded half up. */
const dueBack = (booking: BookingMoney, paid: number): number =>
  booking.status === 'cancelled' ? Math.floor((paid * (booking.refundPercentage ?? 0) + 50) / 100) : 0;

function judgeSums(booking: BookingMoney, payments: readonly PaymentMoney[]): string[] {
  const itsPayment = one(payments, payment => payment.id).get(booking.paymentId ?? '');
  if (!itsPayment) {
    if (booking.paid > 0)
      return [`names payment ${booking.paymentId} with ${booking.paid} paid, which payment does not have`];
    return payments.length > 0 ? [`has not heard of payment ${payments[0]?.id}, which succeeded`] : [];
  }
  const { status, paid, refunded, id } = itsPayment;
  if (booking.paid === paid && booking.refunded === refunded && booking.paymentStatus === status) return [];
  return [
    `says ${booking.paymentStatus}, ${booking.paid} paid, ${booking.refunded} refunded; payment ${id} says ${status}, ${paid}, ${refunded}`,
  ];
}
