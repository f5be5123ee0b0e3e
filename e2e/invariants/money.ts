import { z } from 'zod';
import { by, chaletPages, count, endingFrom, type Finding, type Look, settledBefore } from './look.ts';

const booking = z.object({
  id: z.string(),
  status: z.string(),
  currency: z.string().nullable(),
  total: z.int().nullable(),
  refundPercentage: z.int().nullable(),
  cancelledAt: z.date().nullable(),
  /** What the percentage is of. Null: what was paid by then. */
  refundBase: z.int().nullable(),
  /** Of the price: the first is what confirms. Null: all of it. */
  schedule: z.array(z.object({ amount: z.int() })).nullable(),
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
  purpose: z.string(),
  status: z.string(),
  currency: z.string(),
  paid: z.int(),
  refunded: z.int(),
  /** What banks took in disputes and did not give back. */
  disputed: z.int(),
  disputeStatus: z.string().nullable(),
  paidAt: z.date().nullable(),
  reason: z.string().nullable(),
  needsReview: z.boolean(),
  changedAt: z.date(),
  /** Sums of its refunds: those that have arrived, those that have or will, and of the latter those for a cancellation. */
  refundsDone: z.int(),
  refundsPromised: z.int(),
  refundsForCancellation: z.int(),
  /** …and what went back otherwise before the first of those for the booking's cancellation. */
  refundsBefore: z.int(),
  /** What the ledger says was charged less what it says went back. */
  ledger: z.int().nullable(),
});
export type PaymentMoney = z.output<typeof payment>;

/**
 * E: money matches. A confirmed booking with a price has a successful payment of that amount, or of its deposit; a
 * successful payment has a confirmed booking, or goes back as the booking's refund percentage says; never more goes back than
 * was paid; the ledger says the same, and both services name the same sums.
 */
export async function checkMoney(look: Look): Promise<Finding> {
  const violations: string[] = [];
  const seen = { confirmed: 0, paid: 0, review: 0 };
  for await (const chalets of chaletPages(look)) {
    const bookings = await look.databases.booking.rows(
      booking,
      `SELECT id, status, currency, price_total AS total, refund_percentage AS "refundPercentage",
              cancelled_at AS "cancelledAt", refund_base AS "refundBase", price_schedule AS schedule,
              payment_id AS "paymentId", payment_status AS "paymentStatus", amount_paid AS paid,
              amount_refunded AS refunded, updated_at AS "changedAt"
       FROM bookings WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2 AND source = 'website' ORDER BY id`,
      [chalets, endingFrom(look)],
    );
    const payments = await look.databases.payment.rows(
      payment,
      `SELECT p.id, p.booking_id AS "bookingId", p.purpose, p.status, p.currency, p.amount_paid AS paid,
              p.amount_refunded AS refunded, p.needs_review AS "needsReview",
              p.amount_disputed AS disputed, p.dispute_status AS "disputeStatus", p.paid_at AS "paidAt", p.reason,
              p.updated_at AS "changedAt",
              coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0)::int AS "refundsDone",
              coalesce(sum(r.amount) FILTER (WHERE r.status <> 'failed'), 0)::int AS "refundsPromised",
              coalesce(sum(r.amount) FILTER (WHERE r.status <> 'failed' AND r.purpose = 'cancellation'), 0)::int
                AS "refundsForCancellation",
              coalesce(sum(r.amount) FILTER (
                WHERE r.status <> 'failed' AND r.purpose <> 'cancellation' AND r.created_at < (
                  SELECT min(c.created_at) FROM refunds c JOIN payments of ON of.id = c.payment_id
                  WHERE of.booking_id = p.booking_id AND c.purpose = 'cancellation' AND c.status <> 'failed')), 0)::int
                AS "refundsBefore",
              (SELECT sum(l.amount)::int FROM ledger_entries l
                WHERE l.payment_id = p.id AND l.kind NOT LIKE 'dispute%') AS ledger
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
  const { kept, duplicates } = splitDuplicates(payments);
  return [
    ...judgeConfirmation(booking, payments),
    ...payments.flatMap(judgeRefunds),
    ...judgeKept(booking, kept),
    ...duplicates.filter(isDecided).flatMap(payment => judgeBack(payment.paid, [payment])),
    ...judgeSums(booking, payments),
  ].map(problem => `booking ${booking.id} ${problem}`);
}

/** Of deposit (or all) and balance the first that still holds its money, or else the first; what remains was paid twice. */
function splitDuplicates(payments: readonly PaymentMoney[]): Record<'kept' | 'duplicates', PaymentMoney[]> {
  const parts = Map.groupBy(payments, payment => payment.purpose === 'balance');
  const kept = [...parts.values()].flatMap(
    part => part.find(payment => payment.refunded < payment.paid) ?? part.slice(0, 1),
  );
  return { kept, duplicates: payments.filter(payment => !kept.includes(payment)) };
}

function judgeConfirmation(booking: BookingMoney, payments: readonly PaymentMoney[]): string[] {
  const { status, total, currency } = booking;
  const [first] = payments;
  if (status === 'pending' && first) return [`is pending although payment ${first.id} succeeded`];
  if (status !== 'confirmed' || (total ?? 0) === 0) return [];
  if (!first) return [`is confirmed at ${total} ${currency} and has no successful payment`];
  const asked = booking.schedule?.[0]?.amount ?? total;
  const confirms = (payment: PaymentMoney) =>
    payment.purpose !== 'balance' && payment.paid === asked && payment.currency === currency;
  if (payments.some(confirms)) return [];
  return [`is confirmed at ${asked} ${currency}, payment ${first.id} brought ${first.paid} ${first.currency}`];
}

function judgeRefunds(payment: PaymentMoney): string[] {
  const { refunded, refundsDone, refundsPromised, paid, id, ledger } = payment;
  const problems: string[] = [];
  if (refundsPromised > paid) problems.push(`would get ${refundsPromised} back of the ${paid} of payment ${id}`);
  if (refunded < refundsDone || refunded > Math.max(refundsPromised, refundsDone)) {
    problems.push(`has payment ${id} with ${refunded} refunded, its refunds are ${refundsDone} of ${refundsPromised}`);
  }
  // Null: written by a version that kept none.
  if (ledger !== null && ledger !== paid - refunded) {
    problems.push(`has payment ${id} with ${paid - refunded} left of it, the ledger says ${ledger}`);
  }
  return problems;
}

/** Of a payment the bank contests or a person has to look at, nothing is given back by us until that is settled. */
const isDecided = ({ needsReview, reason, status, disputeStatus }: PaymentMoney): boolean =>
  (!needsReview || reason?.startsWith('booking_cancelled') === true) &&
  (status !== 'disputed' || disputeStatus === 'lost');

function judgeKept(booking: BookingMoney, kept: readonly PaymentMoney[]): string[] {
  const [first] = kept;
  if (!first || !kept.every(isDecided)) return [];
  const forCancellation = kept.reduce((sum, payment) => sum + payment.refundsForCancellation, 0);
  if (booking.status === 'confirmed' && forCancellation > 0) {
    return [`is confirmed and gets ${forCancellation} of payment ${first.id} back as if it were cancelled`];
  }
  if (booking.status !== 'cancelled') return [];
  const undecided =
    booking.refundPercentage === null
      ? [`is cancelled, payment ${first.id} succeeded, and what goes back was not decided`]
      : [];
  const due = dueBack(booking, kept);
  const before = kept.reduce((sum, payment) => sum + payment.refundsBefore, 0);
  const tooMuch =
    forCancellation > Math.max(0, due - before)
      ? [
          `is owed ${due} of payment ${namesOf(kept)}, its cancellation gives back ${forCancellation}${before === 0 ? '' : ` on top of ${before}`}`,
        ]
      : [];
  return [...undecided, ...judgeBack(due, kept), ...tooMuch];
}

function judgeBack(due: number, payments: readonly PaymentMoney[]): string[] {
  const back = payments.reduce(
    (sum, payment) => sum + Math.max(payment.refundsPromised, payment.refunded) + payment.disputed,
    0,
  );
  return back < due ? [`is owed ${due} of payment ${namesOf(payments)}, ${back} goes back`] : [];
}

const namesOf = (payments: readonly PaymentMoney[]): string => payments.map(payment => payment.id).join(' and ');

/**
 * Whole minor units, rounded half up; what was paid after the cancellation goes back in full. Where the booking does not
 * say what was paid by then: Stripe's times are whole seconds, the guest has the benefit of the second of cancelling.
 */
function dueBack(booking: BookingMoney, kept: readonly PaymentMoney[]): number {
  const { cancelledAt, refundPercentage, refundBase } = booking;
  const isLate = ({ paidAt }: PaymentMoney) =>
    cancelledAt !== null && paidAt !== null && paidAt.getTime() + 999 >= cancelledAt.getTime();
  const sum = (some: readonly PaymentMoney[]) => some.reduce((total, payment) => total + payment.paid, 0);
  const late = refundBase === null ? sum(kept.filter(isLate)) : Math.max(0, sum(kept) - refundBase);
  return Math.floor(((sum(kept) - late) * (refundPercentage ?? 0) + 50) / 100) + late;
}

function judgeSums(booking: BookingMoney, payments: readonly PaymentMoney[]): string[] {
  const [first, ...more] = payments;
  if (!first) {
    if (booking.paid === 0) return [];
    return [`names payment ${booking.paymentId} with ${booking.paid} paid, which payment does not have`];
  }
  if (booking.paid === 0 && booking.paymentId === null) {
    return [`has not heard of payment ${first.id}, which succeeded`];
  }
  const paid = payments.reduce((sum, payment) => sum + payment.paid, 0);
  const refunded = payments.reduce((sum, payment) => sum + payment.refunded, 0);
  const sameStatus = more.length > 0 || booking.paymentStatus === first.status;
  if (booking.paid === paid && booking.refunded === refunded && sameStatus) return [];
  return [
    `says ${booking.paymentStatus}, ${booking.paid} paid, ${booking.refunded} refunded; payment ${namesOf(payments)} says ${first.status}, ${paid}, ${refunded}`,
  ];
}
