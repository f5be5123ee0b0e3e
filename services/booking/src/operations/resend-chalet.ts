import type { CivilDate, Result } from '@monde-sauvage/contracts';
import { civilDateToDb } from '@monde-sauvage/persistence';
import { bookingEventRow, fromRow } from '../booking-rows.ts';
import type { BookingContext, Origin } from '../context.ts';
import { chaletNotFound } from '../establishment-queries.ts';
import { chaletEventRow, establishmentEventRow } from '../establishment-rows.ts';

const batchSize = 500;

interface ChaletDigest {
  chaletId: string;
  chaletVersion: number;
  count: number;
  hash: string;
}

/** Which bookings a consumer keeps: those that end on `endingFrom` or later, external ones too or not. */
interface Scope {
  endingFrom: CivilDate;
  source: 'all' | 'website';
}

/** Per chalet, how many bookings there are and a hash of ids and versions, for consumers to compare with theirs. */
export async function digestChalets(
  ctx: Pick<BookingContext, 'prisma'>,
  input: Scope & { after: string | null; limit: number },
): Promise<Result<{ items: ChaletDigest[]; next: string | null }>> {
  const items = await ctx.prisma.$queryRaw<ChaletDigest[]>`
    SELECT c.id AS "chaletId", c.version AS "chaletVersion", d.count, d.hash
    FROM (SELECT id, version FROM chalets
          WHERE ${input.after}::uuid IS NULL OR id > ${input.after}::uuid ORDER BY id LIMIT ${input.limit}) c
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS count, md5(coalesce(string_agg(b.id || ':' || b.version, ',' ORDER BY b.id), '')) AS hash
      FROM bookings b
      WHERE b.chalet_id = c.id AND b.end_date >= ${civilDateToDb(input.endingFrom)}::date
        AND (${input.source}::text = 'all' OR b.source::text = ${input.source}::text)) d
    ORDER BY c.id`;
  const next = items.length === input.limit ? (items.at(-1)?.chaletId ?? null) : null;
  return { ok: true, value: { items, next } };
}

/**
 * Announces a chalet, its establishment and its bookings in scope again, for a consumer that lost some. Each snapshot is
 * read with its version, so one that is overtaken by a change meanwhile is ignored as older.
 */
export async function resendChalet(
  ctx: BookingContext,
  input: Scope & { chaletId: string },
  origin: Origin,
): Promise<Result<{ queued: number }>> {
  const chalet = await ctx.prisma.chalet.findUnique({
    where: { id: input.chaletId },
    include: { establishment: true },
  });
  if (!chalet) return chaletNotFound();
  const at = ctx.now();
  const events = { newId: ctx.newId, ...origin };
  await ctx.prisma.outbox.createMany({
    data: [
      establishmentEventRow('updated', chalet.establishment, at, events),
      chaletEventRow('updated', chalet, at, events),
    ],
  });
  let queued = 2;
  for (let after: string | undefined; ; ) {
    const rows = await ctx.prisma.booking.findMany({
      where: {
        chaletId: chalet.id,
        endDate: { gte: civilDateToDb(input.endingFrom) },
        ...(input.source === 'all' ? {} : { source: input.source }),
        ...(after === undefined ? {} : { id: { gt: after } }),
      },
      orderBy: { id: 'asc' },
      take: batchSize,
    });
    await ctx.prisma.outbox.createMany({
      data: rows.map(row => bookingEventRow('updated', fromRow(row), at, events)),
    });
    queued += rows.length;
    after = rows.at(-1)?.id;
    if (rows.length < batchSize) break;
  }
  ctx.nudgeRelay();
  return { ok: true, value: { queued } };
}
