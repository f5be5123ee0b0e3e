import {
  type BookingSnapshot,
  bookingSource,
  bookingStatus,
  type ChaletSnapshot,
  type CivilDate,
  chaletSnapshot,
  type Occupancy,
} from '@monde-sauvage/contracts';
import { civilDateFromDb, civilDateToDb } from '@monde-sauvage/persistence';
import { z } from 'zod';
import type { PrismaClient } from './generated/prisma/client.ts';

/** Rows of the read model ↔ contracts. Every write keeps the newest version it has seen, so order does not matter. */

/** Keeps a booking's nights, or that it has none any more; an older version than the kept one changes nothing. */
export async function keepStay(db: PrismaClient, booking: BookingSnapshot): Promise<void> {
  const start = civilDateToDb(booking.startDate);
  const end = civilDateToDb(booking.endDate);
  await db.$executeRaw`
    INSERT INTO stays (booking_id, chalet_id, start_date, end_date, source, status, hold_expires_at, google_event_id, version)
    VALUES (${booking.id}::uuid, ${booking.chaletId}::uuid, ${start}::date, ${end}::date, ${booking.source},
            ${booking.status}, ${booking.holdExpiresAt}::timestamptz, ${booking.googleEventId}, ${booking.version})
    ON CONFLICT (booking_id) DO UPDATE SET
      chalet_id = excluded.chalet_id, start_date = excluded.start_date, end_date = excluded.end_date,
      source = excluded.source, status = excluded.status, hold_expires_at = excluded.hold_expires_at,
      google_event_id = excluded.google_event_id, version = excluded.version
    WHERE excluded.version > stays.version`;
}

/** Keeps a chalet's newest snapshot. */
export async function keepChalet(db: PrismaClient, chalet: ChaletSnapshot): Promise<void> {
  await db.$executeRaw`
    INSERT INTO chalets (id, establishment_id, capacity, min_nights, max_nights, archived, version, snapshot)
    VALUES (${chalet.id}::uuid, ${chalet.establishmentId}::uuid, ${chalet.capacity}, ${chalet.minNights},
            ${chalet.maxNights}, ${chalet.archived}, ${chalet.version}, ${JSON.stringify(chalet)}::jsonb)
    ON CONFLICT (id) DO UPDATE SET
      establishment_id = excluded.establishment_id, capacity = excluded.capacity, min_nights = excluded.min_nights,
      max_nights = excluded.max_nights, archived = excluded.archived, version = excluded.version,
      snapshot = excluded.snapshot
    WHERE excluded.version > chalets.version`;
}

/** The kept snapshot of a chalet, or undefined when its announcement has not arrived yet. */
export async function findChalet(db: PrismaClient, chaletId: string): Promise<ChaletSnapshot | undefined> {
  const row = await db.chalet.findUnique({ where: { id: chaletId } });
  return row ? chaletSnapshot.parse(row.snapshot) : undefined;
}

/** Stays of one chalet that take nights in the range; holds that are over take none. */
export async function findStays(
  db: PrismaClient,
  o: { chaletId: string; from: CivilDate; to: CivilDate; now: Date },
): Promise<Occupancy[]> {
  const rows = await db.stay.findMany({
    where: {
      chaletId: o.chaletId,
      startDate: { lt: civilDateToDb(o.to) },
      endDate: { gt: civilDateToDb(o.from) },
      OR: [{ status: 'confirmed' }, { status: 'pending', holdExpiresAt: { gt: o.now } }],
    },
    orderBy: [{ startDate: 'asc' }, { bookingId: 'asc' }],
    take: 1_000,
  });
  return rows.map(row => ({
    bookingId: row.bookingId,
    startDate: civilDateFromDb(row.startDate),
    endDate: civilDateFromDb(row.endDate),
    source: bookingSource.parse(row.source),
    status: bookingStatus.parse(row.status),
    googleEventId: row.googleEventId,
  }));
}

const freeRow = z.array(z.object({ snapshot: chaletSnapshot }));

/**
 * Chalets whose rules allow the stay and whose nights are free, in order of their ids, after `after`. The season of the
 * arrival night decides about the length of the stay, as in `stayLimits`.
 * One statement, whatever the number of chalets.
 */
export async function findFreeChalets(
  db: PrismaClient,
  o: {
    from: CivilDate;
    to: CivilDate;
    nights: number;
    guests: number | null;
    establishmentId: string | null;
    after: string | null;
    limit: number;
    now: Date;
  },
): Promise<ChaletSnapshot[]> {
  const rows: unknown = await db.$queryRaw`
    SELECT c.snapshot FROM chalets c
    LEFT JOIN LATERAL (
      SELECT (season ->> 'minNights')::int AS min_nights, (season ->> 'maxNights')::int AS max_nights
      FROM jsonb_array_elements(c.snapshot -> 'seasons') AS season
      WHERE season ->> 'startDate' <= ${o.from} AND season ->> 'endDate' > ${o.from}) s ON true
    WHERE NOT c.archived
      AND ${o.nights} BETWEEN coalesce(s.min_nights, c.min_nights) AND coalesce(s.max_nights, c.max_nights)
      AND (${o.guests}::int IS NULL OR c.capacity >= ${o.guests}::int)
      AND (${o.establishmentId}::uuid IS NULL OR c.establishment_id = ${o.establishmentId}::uuid)
      AND (${o.after}::uuid IS NULL OR c.id > ${o.after}::uuid)
      AND NOT EXISTS (
        SELECT 1 FROM stays s
        WHERE s.chalet_id = c.id AND s.start_date < ${o.to}::date AND s.end_date > ${o.from}::date
          AND (s.status = 'confirmed' OR (s.status = 'pending' AND s.hold_expires_at > ${o.now}::timestamptz)))
    ORDER BY c.id
    LIMIT ${o.limit}`;
  return freeRow.parse(rows).map(row => row.snapshot);
}
