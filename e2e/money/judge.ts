import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { checkMoney } from '../invariants/money.ts';
import { liveLimits } from '../invariants/nothing-stuck.ts';
import type { MoneyWorld } from './world.ts';

/** What is still under way, in words; the same look nudges what waits for its interval. */
export async function findWork(world: MoneyWorld): Promise<string[]> {
  // Leases, backoffs and follow-ups go by the clock.
  world.stripe.clock.moveBy(61_000);
  await world.nudge();
  const now = world.now();
  const waiting = z.object({ what: z.string(), count: z.int() });
  const [booking, payment, told, heard] = await Promise.all([
    world.booking.rows(
      waiting,
      `SELECT 'events of booking' AS what, count(*)::int FROM outbox WHERE published_at IS NULL
       UNION ALL SELECT 'dead letters of booking', count(*)::int FROM dead_letters`,
    ),
    world.payment.rows(
      waiting,
      `SELECT 'events of payment' AS what, count(*)::int FROM outbox WHERE published_at IS NULL
       UNION ALL SELECT 'events of Stripe', count(*)::int FROM stripe_events WHERE processed_at IS NULL
       UNION ALL SELECT 'refunds', count(*)::int FROM refunds WHERE status IN ('requested', 'pending')
       UNION ALL SELECT 'sessions to be opened', count(*)::int FROM payments WHERE session_status = 'opening'
       UNION ALL SELECT 'payments to be looked at', count(*)::int FROM payments WHERE next_check_at <= $1
       UNION ALL SELECT 'balances', count(*)::int FROM bookings WHERE balance_notice_at <= $1
       UNION ALL SELECT 'dead letters of payment', count(*)::int FROM dead_letters`,
      [now],
    ),
    world.booking.rows(
      z.object({ id: z.string(), version: z.int(), paid: z.int(), refunded: z.int() }),
      'SELECT id, version, amount_paid AS paid, amount_refunded AS refunded FROM bookings',
    ),
    world.payment.rows(
      z.object({ id: z.string(), version: z.int(), paid: z.int(), refunded: z.int() }),
      `SELECT b.id, b.version, coalesce(sum(p.amount_paid), 0)::int AS paid,
              coalesce(sum(p.amount_refunded), 0)::int AS refunded
       FROM bookings b LEFT JOIN payments p ON p.booking_id = b.id GROUP BY b.id`,
    ),
  ]);
  const held = await world.booking.rows(
    z.object({ id: z.string() }),
    "SELECT id FROM bookings WHERE status = 'pending'",
  );
  const before = await mismatched(world);
  // A guest's money is here, of another amount than we asked for: the nights wait for a person.
  const undecided = held.filter(({ id }) => !before.some(payment => payment.bookingId === id)).length;
  const known = new Map(heard.map(row => [row.id, row]));
  const apart = told.filter(({ id, ...says }) => {
    const copy = known.get(id);
    return copy?.version !== says.version || copy.paid !== says.paid || copy.refunded !== says.refunded;
  });
  return [
    ...(undecided > 0 ? [`${undecided} holds that are over`] : []),
    ...[...booking, ...payment].filter(({ count }) => count > 0).map(({ what, count }) => `${count} ${what}`),
    ...(apart.length > 0
      ? [`${apart.length} bookings that differ: ${JSON.stringify([apart[0], known.get(apart[0]?.id ?? '')])}`]
      : []),
  ];
}

/** What waits is worked on for some minutes of the world's clock, by replicas that may still end, or until nothing waits. */
export async function letMinutesPass(world: MoneyWorld): Promise<void> {
  for (let minutes = 0; minutes < 20 && (await findWork(world)).length > 0; minutes += 1) await wait(30);
}

/** Payments of another amount than we asked for, as far as they were not given back. */
export const mismatched = (world: MoneyWorld) =>
  world.payment.rows(
    z.object({ bookingId: z.string(), intent: z.string() }),
    `SELECT booking_id AS "bookingId", payment_intent_id AS intent FROM payments
     WHERE needs_review AND status = 'open' AND reason LIKE 'amount_mismatch%'`,
  );

const entry = z.object({ bookingId: z.string(), kind: z.string(), amount: z.int() });
const row = z.object({
  id: z.string(),
  bookingId: z.string(),
  intent: z.string().nullable(),
  session: z.string().nullable(),
  key: z.string(),
  paid: z.int(),
  status: z.string(),
  reason: z.string().nullable(),
  needsReview: z.boolean(),
});

const refundRow = z.object({
  bookingId: z.string(),
  key: z.string(),
  generation: z.int(),
  purpose: z.string(),
  amount: z.int(),
  status: z.string(),
  error: z.string().nullable(),
  stripeId: z.string().nullable(),
});

/** What is wrong with the money of each booking: invariant E, and our books beside Stripe's, to the cent. */
export async function judge(world: MoneyWorld, bookingIds: readonly string[]): Promise<(Error | undefined)[]> {
  const databases = {
    booking: world.booking,
    payment: world.payment,
    availability: world.booking,
    'calendar-sync': world.booking,
  };
  const now = new Date(world.now().getTime() + 60_000);
  const finding = await checkMoney({ databases, google: undefined, now, graceMs: 0, limits: liveLimits });
  const ledger = await world.payment.rows(
    entry,
    'SELECT booking_id AS "bookingId", kind, amount FROM ledger_entries WHERE booking_id = ANY($1::uuid[])',
    [bookingIds],
  );
  const payments = await world.payment.rows(
    row,
    `SELECT id, booking_id AS "bookingId", payment_intent_id AS intent, checkout_session_id AS session,
            booking_id || CASE purpose WHEN 'balance' THEN ':balance:' ELSE ':checkout:' END || attempt AS key,
            amount_paid AS paid, status, reason, needs_review AS "needsReview" FROM payments WHERE booking_id = ANY($1::uuid[])`,
    [bookingIds],
  );
  const refunds = await world.payment.rows(
    refundRow,
    `SELECT p.booking_id AS "bookingId", r.idempotency_key AS key, r.key_generation AS generation, r.purpose, r.amount,
            r.status, r.last_error AS error, r.stripe_refund_id AS "stripeId"
     FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.booking_id = ANY($1::uuid[])`,
    [bookingIds],
  );
  const releases = await world.booking.rows(
    z.object({ bookingId: z.string(), at: z.date() }),
    `SELECT booking_id AS "bookingId", at FROM booking_history
     WHERE action = 'hold_expired' AND booking_id = ANY($1::uuid[])`,
    [bookingIds],
  );
  const stripe = readBooks(world);
  // Nobody waits for a page that was lost on its way: who pays it all the same may come too late.
  const unseen = new Set(
    Object.values(world.stripe.state().sessions).flatMap(({ session: { id, payment_intent } }) =>
      world.lostPages.has(id) && payment_intent !== null ? [payment_intent] : [],
    ),
  );
  return bookingIds.map(id => {
    const ours = payments.filter(payment => payment.bookingId === id);
    const charges = stripe.charges.get(id) ?? [];
    const problems = [
      ...finding.violations.filter(violation => violation.includes(id)),
      ...compareBooks(
        ledger.filter(one => one.bookingId === id),
        stripe.movements.get(id) ?? [],
      ),
      ...charges.flatMap(charge => {
        const its = ours.find(payment => payment.intent === charge.intent);
        if (its && (its.paid === charge.amount || (its.paid === 0 && its.reason?.startsWith('amount_mismatch'))))
          return [];
        return [`${charge.amount} was taken by ${charge.intent}, and no payment says so`];
      }),
      // The hold is released once nobody may pay any more, and what was paid by then confirms.
      ...releases
        .filter(release => release.bookingId === id && !world.releasedUnasked.has(id))
        .flatMap(({ at }) =>
          charges
            // Stripe's seconds are whole, and who pays in the very moment may be a moment late.
            .filter(charge => charge.at.getTime() + 2_000 < at.getTime() && !unseen.has(charge.intent))
            .map(charge => `its hold was released at ${at.toISOString()}, paid by ${charge.intent} before`),
        ),
      // Should all else fail, what is asked twice is done once: Stripe knows each call by what it is for.
      ...[
        ...ours.filter(payment => payment.session !== null).map(payment => [payment.key]),
        ...refunds
          .filter(refund => refund.bookingId === id && refund.stripeId !== null && refund.purpose !== 'external')
          .map(possibleKeys),
      ]
        .filter(keys => !keys.some(key => stripe.keys.has(key)))
        .map(([key]) => `Stripe was never asked under the key ${key}`),
      ...ours
        .filter(payment => payment.needsReview && payment.reason === null)
        .map(payment => `payment ${payment.id} is before a person without a reason`),
      ...(stripe.twice.get(id) ?? []).map(({ refundId, made }) => `refund ${refundId} was made at ${made}`),
    ];
    const rows = [...ours, ...refunds.filter(refund => refund.bookingId === id)].map(one => JSON.stringify(one));
    return problems.length === 0 ? undefined : new Error([`booking ${id}`, ...problems, ...rows].join('\n'));
  });
}

/** A key under which Stripe failed is followed by another one, also for who is just then asking under the one before. */
const possibleKeys = ({ key, generation }: { key: string; generation: number }): string[] => [
  key,
  ...Array.from({ length: generation }, (_, index) => `${key}:${index + 1}`),
];

const kinds: Record<string, string> = { refund_failure: 'refund_failed', dispute_reversal: 'dispute_reversed' };

function compareBooks(
  ledger: { kind: string; amount: number }[],
  movements: { kind: string; amount: number }[],
): string[] {
  const sum = (rows: { kind: string; amount: number }[]) =>
    [...Map.groupBy(rows, one => one.kind)]
      .map(([kind, some]) => `${kind} ${some.reduce((total, one) => total + one.amount, 0)}`)
      .sort()
      .join(', ');
  const [ours, theirs] = [sum(ledger), sum(movements)];
  return ours === theirs ? [] : [`the ledger says ${ours || 'nothing'}, Stripe ${theirs || 'nothing'}`];
}

/** Stripe's own books, by the booking that its charges name. */
function readBooks({ stripe }: MoneyWorld) {
  const { charges, refunds, disputes, balanceTransactions, idempotency } = stripe.state();
  const bookingOf = new Map<string, string>();
  const paid = Object.values(charges).filter(charge => charge.paid);
  for (const charge of paid) bookingOf.set(charge.id, charge.metadata.bookingId ?? '');
  for (const { id, charge } of [...Object.values(refunds), ...Object.values(disputes)]) {
    bookingOf.set(id, bookingOf.get(String(charge)) ?? '');
  }
  const movements = Map.groupBy(
    Object.values(balanceTransactions).map(({ source, amount, reporting_category: category }) => ({
      source: String(source),
      kind: kinds[category] ?? category,
      amount,
    })),
    ({ source }) => bookingOf.get(source) ?? '',
  );
  const ids = Object.values(refunds).flatMap(refund => {
    const { refundId, bookingId } = refund.metadata ?? {};
    const at = new Date(refund.created * 1_000).toISOString();
    return refundId && bookingId ? [{ refundId, bookingId, at }] : [];
  });
  const twice = [...Map.groupBy(ids, one => one.refundId).values()].flatMap(some => {
    const [first] = some;
    return first && some.length > 1 ? [{ ...first, made: some.map(one => one.at).join(' and at ') }] : [];
  });
  const taken = paid.map(({ metadata, payment_intent: intent, amount, balance_transaction: moved, created }) => ({
    // A slow method takes the money when it ends, not when it begins.
    at: new Date((balanceTransactions[String(moved)]?.created ?? created) * 1_000),
    bookingId: metadata.bookingId ?? '',
    intent: String(intent),
    amount,
  }));
  return {
    movements,
    keys: new Set(Object.keys(idempotency)),
    charges: Map.groupBy(taken, one => one.bookingId),
    twice: Map.groupBy(twice, one => one.bookingId),
  };
}
