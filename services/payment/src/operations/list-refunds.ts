import {
  type BookingRefund,
  mayManage,
  type paymentRequests,
  type Result,
  refund as refundContract,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import type { Prisma } from '../generated/prisma/client.ts';

type Question = z.output<typeof paymentRequests.listRefunds.input>;
type Answer = z.input<typeof paymentRequests.listRefunds.output>;
type Row = Prisma.RefundGetPayload<{ include: typeof include }>;

const most = 200;
const include = { payment: { select: { bookingId: true, currency: true } }, request: true } as const;
const { purpose, status } = refundContract.shape;

/** The refunds of a booking, newest first; what was asked for at once and is made of several payments is one. */
export async function listRefunds({ db }: PaymentContext, { actor, bookingId }: Question): Promise<Result<Answer>> {
  const booking = await db.booking.findUnique({ where: { id: bookingId }, select: { establishmentId: true } });
  const isGuest = actor.kind === 'guest' && actor.bookingId === bookingId;
  const manages = booking !== null && mayManage(actor, booking.establishmentId);
  if (!isGuest && !manages) return refuse('not_found', 'There is no such booking.');
  const rows = await db.refund.findMany({
    where: { payment: { bookingId } },
    include,
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: most,
  });
  const items = [...Map.groupBy(rows, row => row.requestId ?? row.id).values()].map(parts => toRefund(parts));
  // Why is between the owner and the records.
  return { ok: true, value: { items: isGuest ? items.map(withoutReasons) : items, nextCursor: null } };
}

const withoutReasons = (refund: BookingRefund): BookingRefund => ({ ...refund, reason: null, failureReason: null });

/** @throws Error when there is no such request */
export async function findRequestedRefund({ db }: PaymentContext, requestId: string): Promise<BookingRefund> {
  return toRefund(await db.refund.findMany({ where: { requestId }, include, orderBy: { id: 'asc' } }));
}

function toRefund(rows: readonly Row[]): BookingRefund {
  const [first] = rows;
  if (!first) throw new Error('a refund without parts');
  return {
    id: first.requestId ?? first.id,
    bookingId: first.payment.bookingId,
    purpose: purpose.parse(first.purpose),
    amount: rows.reduce((sum, row) => sum + row.amount, 0),
    currency: first.payment.currency,
    status: sumUp(rows),
    reason: first.request?.reason ?? null,
    failureReason: rows.find(row => row.status === 'failed')?.lastError ?? null,
    parts: rows.map(row => ({
      paymentId: row.paymentId,
      amount: row.amount,
      status: status.parse(row.status),
      stripeRefundId: row.stripeRefundId,
    })),
    createdAt: first.createdAt.toISOString(),
    updatedAt: new Date(Math.max(...rows.map(row => row.updatedAt.getTime()))).toISOString(),
  };
}

/** It failed when a part did, and has succeeded when all have. */
const sumUp = (rows: readonly Row[]): BookingRefund['status'] =>
  (['failed', 'requested', 'pending'] as const).find(one => rows.some(row => row.status === one)) ?? 'succeeded';
