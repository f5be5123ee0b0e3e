import {
  decodeCursor,
  mayManage,
  pageOfRows,
  type paymentRequests,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { PaymentContext } from '../context.ts';
import { decidedStatuses } from '../dispute.ts';

type Question = z.output<typeof paymentRequests.listDisputes.input>;
type Answer = z.input<typeof paymentRequests.listDisputes.output>;

const position = z.tuple([z.iso.datetime(), z.string().max(100)]);

/** An establishment's disputes, newest first, each with the date until which Stripe takes evidence. */
export async function listDisputes({ db }: PaymentContext, o: Question): Promise<Result<Answer>> {
  const { establishmentId, limit } = o;
  if (!mayManage(o.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const after = decodeCursor(position, o.cursor);
  if (!after.ok) return after;
  const [at, id] = after.value ?? [];
  const rows = await db.dispute.findMany({
    where: {
      establishmentId,
      ...(o.open === undefined
        ? {}
        : { status: o.open === 'true' ? { notIn: [...decidedStatuses] } : { in: [...decidedStatuses] } }),
      ...(at === undefined || id === undefined
        ? {}
        : { OR: [{ openedAt: { lt: at } }, { openedAt: at, id: { lt: id } }] }),
    },
    include: { payment: { include: { booking: { select: { reference: true } } } } },
    orderBy: [{ openedAt: 'desc' }, { id: 'desc' }],
    take: limit + 1,
  });
  const page = pageOfRows(rows, limit, {
    item: row => ({
      id: row.id,
      amount: row.amount,
      currency: row.currency,
      reason: row.reason,
      status: row.status,
      open: !decidedStatuses.some(status => status === row.status),
      dueBy: row.dueBy?.toISOString() ?? null,
      paymentId: row.paymentId,
      bookingId: row.bookingId,
      bookingReference: row.payment.booking.reference,
      openedAt: row.openedAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
    }),
    position: row => [row.openedAt.toISOString(), row.id],
  });
  return { ok: true, value: page };
}
