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
  calendarHash?: string;
}

/** Which bookings a consumer keeps: those that end on `endingFrom` or later, external ones too or not. */
interface Scope {
  endingFrom: CivilDate;
  source: 'all' | 'website';
}

/**
 * Per chalet, how many bookings there are and a hash of ids and versions, for consumers to compare with theirs; on demand
 * also a hash of what was heard of its calendar, for calendar-sync to compare with what it said.
 */
export async function digestChalets(
  ctx: Pick<BookingContext, 'prisma'>,
  input: Scope & { after: string | null; limit: number; withCalendar?: boolean | undefined },
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
  if (!input.withCalendar) return { ok: true, value: { items, next } };
  const heard = await hashHeardCalendars(
    ctx,
    items.map(({ chaletId }) => chaletId),
    input,
  );
  const withCalendars = items.map(item => {
    const calendarHash = heard.get(item.chaletId);
    return calendarHash === undefined ? item : { ...item, calendarHash };
  });
  return { ok: true, value: { items: withCalendars, next } };
}

/**
 * Which events website bookings name, and the newest revision of each external event that takes nights.
 * @returns md5 of these lines by chalet id
 */
export async function hashHeardCalendars(
  ctx: Pick<BookingContext, 'prisma'>,
  chaletIds: string[],
  { endingFrom }: Pick<Scope, 'endingFrom'>,
): Promise<Map<string, string>> {
  const from = civilDateToDb(endingFrom);
  const rows = await ctx.prisma.$queryRaw<{ id: string; hash: string }[]>`
    SELECT c.id, (
      SELECT md5(coalesce(string_agg(line, ',' ORDER BY line COLLATE "C"), '')) FROM (
        SELECT b.id || ':' || b.google_event_id AS line FROM bookings b
         WHERE b.chalet_id = c.id AND b.end_date >= ${from}::date
           AND b.source = 'website' AND b.google_event_id IS NOT NULL
        UNION ALL
        SELECT e.google_event_id || ':' || e.revision FROM bookings b
          JOIN external_events e
            ON e.chalet_id = b.chalet_id AND e.google_event_id = b.google_event_id AND e.booking_id = b.id
         WHERE b.chalet_id = c.id AND b.end_date >= ${from}::date
           AND b.source = 'google' AND b.status <> 'cancelled') AS lines) AS hash
    FROM unnest(${chaletIds}::uuid[]) AS c (id)`;
  return new Map(rows.map(({ id, hash }) => [id, hash]));
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
