import { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import { decidedStatuses } from '../dispute.ts';
import type { Payment } from '../payment.ts';
import { toPayment } from '../payment-store.ts';
import { describeStripeError, toUnix } from '../stripe-client.ts';
import { judgeCharges, judgeDisputes, judgeRefunds, judgeSessions, type Suspicion } from './judge-objects.ts';
import { storeSession } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

/** Something at Stripe that our rows did not say, and what came of it. */
export interface Difference {
  /** `session` · `charge` · `refund` · `dispute` */
  kind: string;
  stripeId: string;
  /** Null when it belongs to no payment of ours. */
  paymentId: string | null;
  bookingId: string | null;
  problem: string;
  before: string | null;
  after: string;
}

export interface Comparison {
  looked: { sessions: number; charges: number; refunds: number; disputes: number };
  differences: Difference[];
  /** False when there was more than one look may read: the rest needs a shorter range. */
  complete: boolean;
}

/** What one look reads of each kind at most. */
const mostObjects = 5_000;
/** What one look settles at most: more than that is a disaster, and is settled in several. */
const mostSuspicions = 1_000;
const pageSize = 100;
const atOnce = 5;

/**
 * Compares what Stripe lists since a moment with our rows, whatever webhooks said, and reads every payment that differs
 * again: sessions paid while we were down, refunds and disputes that nobody told of, what became of disputes that were open
 * when we last heard of them, money without a payment of ours.
 * @throws the SDK's error when a list cannot be read
 */
export async function compareWithStripe(
  context: PaymentContext,
  o: { since: Date; most?: number | undefined; signal?: AbortSignal | undefined },
): Promise<Comparison> {
  const { stripe } = context;
  const params = { created: { gte: toUnix(o.since) }, limit: pageSize };
  const ofDisputes = { ...params, created: { gte: toUnix(await sinceOpenDisputes(context, o.since)) } };
  const looked = { sessions: 0, charges: 0, refunds: 0, disputes: 0 };
  const suspicions: Suspicion[] = [];
  let complete = true;
  const read = async <T>(
    kind: keyof typeof looked,
    list: AsyncIterable<T>,
    judge: (page: T[]) => Promise<Suspicion[]>,
  ) => {
    let page: T[] = [];
    const settle = async () => {
      suspicions.push(...(await judge(page)));
      page = [];
    };
    for await (const item of list) {
      if (o.signal?.aborted || looked[kind] >= (o.most ?? mostObjects)) {
        complete = false;
        break;
      }
      looked[kind] += 1;
      page.push(item);
      if (page.length === pageSize) await settle();
    }
    if (page.length > 0) await settle();
  };
  await read('sessions', stripe.checkout.sessions.list(params), page => judgeSessions(context, page));
  await read('charges', stripe.charges.list(params), page => judgeCharges(context, page));
  await read('refunds', stripe.refunds.list(params), page => judgeRefunds(context, page));
  await read('disputes', stripe.disputes.list(ofDisputes), page => judgeDisputes(context, page));
  const some = suspicions.slice(0, mostSuspicions);
  const differences = await settleSuspicions(context, some, o.signal);
  return { looked, complete: complete && some.length === suspicions.length, differences };
}

/** A dispute lives for months, and everything about it but its beginning may be what nobody told of. */
async function sinceOpenDisputes({ db }: PaymentContext, since: Date): Promise<Date> {
  const oldest = await db.dispute.findFirst({
    where: { status: { notIn: [...decidedStatuses] } },
    orderBy: { openedAt: 'asc' },
    select: { openedAt: true },
  });
  return oldest && oldest.openedAt < since ? oldest.openedAt : since;
}

/** Reads every payment that is suspected once, and says what it was and is. */
async function settleSuspicions(
  context: PaymentContext,
  suspicions: Suspicion[],
  signal: AbortSignal | undefined,
): Promise<Difference[]> {
  const payments = await findSuspected(context, suspicions);
  const found = suspicions.map((one, index) => ({ ...one, payment: payments[index] }));
  const differences: Difference[] = [];
  const unknown = found.filter(({ payment }) => payment === undefined);
  for (const one of unknown) {
    const after = await flagUnknown(context, one);
    differences.push({ ...pick(one), paymentId: null, bookingId: null, before: null, after });
  }
  const ours = Map.groupBy(
    found.flatMap(({ payment, ...one }) => (payment ? [{ ...one, payment }] : [])),
    one => one.payment.id,
  );
  const groups = [...ours.values()];
  for (let start = 0; start < groups.length && !signal?.aborted; start += atOnce) {
    const settled = await Promise.all(
      groups.slice(start, start + atOnce).map(async group => {
        const before = group[0]?.payment;
        if (!before) return [];
        const after = await readAgain(context, before, group);
        const whose = { paymentId: before.id, bookingId: before.bookingId };
        return group.map(one => ({ ...pick(one), ...whose, before: describe(before), after }));
      }),
    );
    differences.push(...settled.flat());
  }
  return differences;
}

const pick = ({ kind, stripeId, problem }: Suspicion) => ({ kind, stripeId, problem });

/** The payment of each: by its session, by its PaymentIntent, or by our id in its metadata. */
async function findSuspected({ db }: PaymentContext, some: readonly Suspicion[]): Promise<(Payment | undefined)[]> {
  const isId = (hint: string | null): hint is string => hint !== null && z.uuid().safeParse(hint).success;
  const rows = await db.payment.findMany({
    where: {
      OR: [
        { checkoutSessionId: { in: some.flatMap(one => one.sessionId ?? []) } },
        { paymentIntentId: { in: some.flatMap(one => one.paymentIntentId ?? []) } },
        { id: { in: some.flatMap(one => (isId(one.hint) ? one.hint : [])) } },
      ],
    },
  });
  const payments = rows.map(toPayment);
  const has = (value: string | null, known: string | null) => value !== null && value === known;
  return some.map(
    one =>
      payments.find(payment => has(one.sessionId, payment.checkoutSessionId)) ??
      payments.find(payment => has(one.paymentIntentId, payment.paymentIntentId)) ??
      payments.find(payment => has(one.hint, payment.id)),
  );
}

async function readAgain(context: PaymentContext, before: Payment, group: Suspicion[]): Promise<string> {
  try {
    // A session that we asked for and did not live to store.
    const session = group.find(one => one.sessionId !== null)?.sessionId;
    if (before.checkoutSessionId === null && session) await storeSession(context, before, session);
    const { payment } = await syncPayment(context, before.id);
    return describe(payment);
  } catch (error) {
    // The look counts as done all the same: who follows payments tries again.
    const where = { id: before.id, checkoutSessionId: { not: null } };
    await context.db.payment.updateMany({ where, data: { nextCheckAt: context.now() } });
    return `could not be read: ${describeStripeError(error)}`;
  }
}

const describe = (payment: Payment): string =>
  [
    payment.status,
    `${payment.amountPaid} paid`,
    `${payment.amountRefunded} refunded`,
    ...(payment.disputeStatus === null ? [] : [`dispute ${payment.disputeStatus}`]),
    ...(payment.needsReview ? [`in review: ${payment.reason}`] : []),
  ].join(', ');

/** Money that is no payment of ours: made by hand in Stripe, or for a row that is gone. A person must look, once. */
async function flagUnknown(context: PaymentContext, one: Suspicion): Promise<string> {
  const at = context.now();
  const id = `reconciliation:${one.stripeId}`;
  const row = {
    ...{ id, type: `${one.kind}.unknown`, objectId: one.stripeId, paymentIntentId: one.paymentIntentId },
    ...{ livemode: true, source: 'reconciliation', createdAt: at, receivedAt: at, nextAttemptAt: at },
    ...{ processedAt: at, outcome: 'needs_review', reason: `unknown_${one.kind}` },
  };
  const { count } = await context.db.stripeEvent.createMany({ data: [row], skipDuplicates: true });
  if (count > 0)
    context.logger.error({ stripeId: one.stripeId, problem: one.problem }, 'money without a payment of ours');
  return count > 0 ? 'put before a person' : 'known to be unknown';
}
