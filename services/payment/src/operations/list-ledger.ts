import {
  decodeCursor,
  establishmentRequests,
  type LedgerEntry,
  ledgerKind,
  mayManage,
  pageOfRows,
  paymentPurpose,
  type paymentRequests,
  paymentStatus,
  type Result,
  refuse,
  startOfDay,
} from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import type { Prisma } from '../generated/prisma/client.ts';

type Question = z.output<typeof paymentRequests.listLedger.input>;
type Answer = z.input<typeof paymentRequests.listLedger.output>;

const position = z.tuple([z.iso.datetime(), z.uuid()]);
const notFound = refuse('not_found', 'There is no such establishment.');

/**
 * The movements of an establishment's money in a range of days on its own calendar, oldest first, with the sums of the
 * whole range. Who may not manage it finds none.
 * @throws UnavailableError when booking, who knows the time zone, does not answer
 */
export async function listLedger(context: PaymentContext, o: Question, requestId: string): Promise<Result<Answer>> {
  if (!mayManage(o.actor, o.establishmentId)) return notFound;
  const after = decodeCursor(position, o.cursor);
  if (!after.ok) return after;
  const { establishmentId } = o;
  const found = await request(context.nc, establishmentRequests.getEstablishment, { establishmentId }, { requestId });
  if (!found.ok) return found;
  const { timezone } = found.value;
  const range = rangeOf(o, timezone);
  const rows = await context.db.ledgerEntry.findMany({
    where: { ...range, ...(after.value ? { AND: [isAfter(after.value)] } : {}) },
    include: { payment: true },
    orderBy: [{ occurredAt: 'asc' }, { id: 'asc' }],
    take: o.limit + 1,
  });
  const page = pageOfRows(rows, o.limit, {
    item: toEntry,
    position: row => [row.occurredAt.toISOString(), row.id],
  });
  return { ok: true, value: { ...page, timezone, totals: o.totals ? await sumUp(context, range) : [] } };
}

function rangeOf(o: Question, timezone: string) {
  const occurredAt = {
    ...(o.from === undefined ? {} : { gte: startOfDay(o.from, timezone) }),
    ...(o.to === undefined ? {} : { lt: startOfDay(o.to, timezone) }),
  };
  const review = o.needsReview === undefined ? {} : { payment: { needsReview: o.needsReview === 'true' } };
  return { establishmentId: o.establishmentId, occurredAt, ...review } satisfies Prisma.LedgerEntryWhereInput;
}

const isAfter = ([at, id]: z.output<typeof position>): Prisma.LedgerEntryWhereInput => ({
  OR: [{ occurredAt: { gt: at } }, { occurredAt: at, id: { gt: id } }],
});

type Row = Prisma.LedgerEntryGetPayload<{ include: { payment: true } }>;

const toEntry = (row: Row): LedgerEntry => ({
  id: row.id,
  occurredAt: row.occurredAt.toISOString(),
  kind: ledgerKind.parse(row.kind),
  amount: row.amount,
  currency: row.currency,
  bookingId: row.bookingId,
  bookingReference: row.bookingReference,
  paymentId: row.paymentId,
  purpose: paymentPurpose.parse(row.payment.purpose),
  stripe: { id: row.stripeId, chargeId: row.chargeId, paymentIntentId: row.payment.paymentIntentId },
  payment: {
    status: paymentStatus.exclude(['unpaid']).parse(row.payment.status),
    needsReview: row.payment.needsReview,
    reason: row.payment.reason,
  },
});

async function sumUp({ db }: PaymentContext, where: Prisma.LedgerEntryWhereInput): Promise<Answer['totals']> {
  const sums = await db.ledgerEntry.groupBy({ by: ['currency', 'kind'], where, _sum: { amount: true } });
  return [...Map.groupBy(sums, sum => sum.currency)]
    .map(([currency, its]) => {
      const total = (...kinds: string[]) =>
        its.reduce((sum, one) => sum + (kinds.includes(one.kind) ? (one._sum.amount ?? 0) : 0), 0);
      const charged = total('charge');
      const refunded = total('refund', 'refund_failed');
      const disputed = total('dispute', 'dispute_reversed');
      return { currency, charged, refunded, disputed, net: charged + refunded + disputed };
    })
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}
