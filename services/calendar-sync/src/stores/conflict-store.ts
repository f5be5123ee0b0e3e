import type { calendarConflict } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { Context } from '../context.ts';
import { Prisma } from '../generated/prisma/client.ts';

type Conflict = z.input<typeof calendarConflict>;

/** Website bookings of a chalet and events of the owner that want the same night, of stays that are not over. */
const conflictsOf = (chaletId: string, now: Date) => Prisma.sql`
    FROM mirrors mirror
    JOIN external_events event ON event.chalet_id = mirror.chalet_id AND event.status = 'active'
     AND event.start_date < mirror.end_date AND mirror.start_date < event.end_date
    JOIN chalets chalet ON chalet.id = mirror.chalet_id
   WHERE mirror.chalet_id = ${chaletId}::uuid AND mirror.active
     AND mirror.end_date >= (${now}::timestamptz AT TIME ZONE chalet.timezone)::date`;

export async function countConflicts(context: Context, chaletId: string): Promise<number> {
  const rows = await context.db.$queryRaw<{ conflicts: number }[]>`
    SELECT count(*)::int AS conflicts ${conflictsOf(chaletId, context.now())}`;
  return rows[0]?.conflicts ?? 0;
}

/** The conflicts themselves, soonest first. */
export async function listConflicts(context: Context, chaletId: string, most: number): Promise<Conflict[]> {
  return context.db.$queryRaw<Conflict[]>`
    SELECT mirror.booking_id AS "bookingId", mirror.desired ->> 'reference' AS reference,
           to_char(mirror.start_date, 'YYYY-MM-DD') AS "startDate", to_char(mirror.end_date, 'YYYY-MM-DD') AS "endDate",
           jsonb_build_object('googleEventId', event.google_event_id, 'title', event.title,
                              'startDate', event.start_date, 'endDate', event.end_date) AS event
    ${conflictsOf(chaletId, context.now())}
    ORDER BY mirror.start_date, mirror.booking_id, event.google_event_id
    LIMIT ${most}`;
}
