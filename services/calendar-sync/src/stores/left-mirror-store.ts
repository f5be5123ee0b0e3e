import { type CivilDate, dateInZone } from '@monde-sauvage/contracts';
import type { Context, Transaction } from '../context.ts';
import { type LeftReason, leftSince } from '../domain/left-mirrors.ts';
import type { LeftMirror } from '../generated/prisma/client.ts';
import type { Mirror, Place } from './mirror-store.ts';

/** Zones are up to 14 hours ahead or behind: what is kept for a month is not counted by the hour. */
const oldestStay = (context: Pick<Context, 'now'>): CivilDate => leftSince(dateInZone(context.now(), 'UTC'));

/** Without news from the owner, a calendar that was out of reach is looked at about once a day. */
const nextLook = (now: Date): Date => new Date(now.getTime() + 86_400_000 * (0.8 + Math.random() * 0.4));

/** Writes down that an event of ours is still in Google although it does not belong there. Safe to repeat. */
export async function rememberLeft(
  tx: Pick<Transaction, '$executeRaw'>,
  context: Pick<Context, 'now'>,
  mirror: Pick<Mirror, 'bookingId' | 'wakes'>,
  o: Place & { etag: string | null; left: LeftReason },
): Promise<void> {
  const now = context.now();
  await tx.$executeRaw`
    INSERT INTO left_mirrors (calendar_id, event_id, booking_id, chalet_id, establishment_id, account, etag, end_date,
                              reason, since, next_attempt_at)
    SELECT ${o.calendarId}, ${o.eventId}, mirror.booking_id, mirror.chalet_id, mirror.establishment_id,
           COALESCE(mirror.place_account, connection.account), ${o.etag}, mirror.end_date, ${o.left},
           ${now}::timestamptz,
           CASE WHEN mirror.wakes = ${mirror.wakes} THEN ${nextLook(now)}::timestamptz ELSE ${now}::timestamptz END
      FROM mirrors mirror LEFT JOIN connections connection USING (establishment_id)
     WHERE mirror.booking_id = ${mirror.bookingId}::uuid
    ON CONFLICT (calendar_id, event_id) DO UPDATE SET reason = excluded.reason, end_date = excluded.end_date,
      account = excluded.account, etag = excluded.etag, next_attempt_at = excluded.next_attempt_at`;
}

/** All events of an establishment, at once: there is no access to delete them, and their owner wants them gone. */
export async function rememberAllLeft(
  tx: Pick<Transaction, '$executeRaw'>,
  context: Pick<Context, 'now'>,
  establishmentId: string,
): Promise<void> {
  const now = context.now();
  await tx.$executeRaw`
    INSERT INTO left_mirrors (calendar_id, event_id, booking_id, chalet_id, establishment_id, account, etag, end_date,
                              reason, since, next_attempt_at)
    SELECT mirror.place_calendar_id, mirror.place_event_id, mirror.booking_id, mirror.chalet_id, mirror.establishment_id,
           COALESCE(mirror.place_account, connection.account), mirror.etag, mirror.end_date, 'revoked',
           ${now}::timestamptz, ${nextLook(now)}::timestamptz
      FROM mirrors mirror LEFT JOIN connections connection USING (establishment_id)
     WHERE mirror.establishment_id = ${establishmentId}::uuid AND mirror.place_event_id IS NOT NULL
       AND mirror.place_calendar_id IS NOT NULL AND mirror.end_date >= ${oldestStay(context)}::date
    ON CONFLICT (calendar_id, event_id) DO UPDATE SET reason = excluded.reason, etag = excluded.etag,
      next_attempt_at = excluded.next_attempt_at`;
}

/**
 * Events of a chalet's bookings that are to be deleted where they were left, a batch. Called by the holder of its lane.
 * Those that are a mirror's place again, or of stays long over, are forgotten.
 */
export async function findDueLeft(context: Context, chaletId: string): Promise<LeftMirror[]> {
  await context.db.$executeRaw`
    DELETE FROM left_mirrors one
     WHERE one.chalet_id = ${chaletId}::uuid
       AND (one.end_date < ${oldestStay(context)}::date
            OR EXISTS (SELECT 1 FROM mirrors mirror
                        WHERE mirror.place_event_id = one.event_id AND mirror.place_calendar_id = one.calendar_id))`;
  return context.db.leftMirror.findMany({
    where: { chaletId, nextAttemptAt: { lte: context.now() } },
    orderBy: [{ calendarId: 'asc' }, { eventId: 'asc' }],
    take: 20,
  });
}

/** Google has confirmed that the event is gone. */
export async function forgetLeft(context: Context, { calendarId, eventId }: LeftMirror): Promise<void> {
  await context.db.leftMirror.deleteMany({ where: { calendarId, eventId } });
}

/**
 * The calendar is still out of reach: all that was left there waits for the owner, or for tomorrow, but for what was woken
 * since `askedAt`.
 */
export async function postponeCalendar(
  context: Context,
  { establishmentId, calendarId }: LeftMirror,
  o: { reason: LeftReason; askedAt: Date },
): Promise<void> {
  await context.db.leftMirror.updateMany({
    where: { establishmentId, calendarId, nextAttemptAt: { lte: o.askedAt } },
    data: { reason: o.reason, attempts: 0, nextAttemptAt: nextLook(context.now()) },
  });
}

/** Google keeps this one event from the account. */
export async function postponeEvent(context: Context, left: LeftMirror, reason: LeftReason): Promise<void> {
  const { calendarId, eventId } = left;
  await context.db.leftMirror.updateMany({
    where: { calendarId, eventId, nextAttemptAt: left.nextAttemptAt },
    data: { reason, attempts: 0, nextAttemptAt: nextLook(context.now()) },
  });
}

/** Google could not be asked: everything that is due in this lane is tried again at `at`. */
export async function postponeDue(context: Context, chaletId: string, at: Date): Promise<void> {
  await context.db.leftMirror.updateMany({
    where: { chaletId, nextAttemptAt: { lte: context.now() } },
    data: { attempts: { increment: 1 }, nextAttemptAt: at },
  });
}

/** The account may see more by now: connected again, or a calendar was chosen. */
export async function wakeLeft(tx: Transaction, establishmentId: string, now: Date): Promise<void> {
  await tx.leftMirror.updateMany({ where: { establishmentId }, data: { attempts: 0, nextAttemptAt: now } });
}

export interface LeftInCalendar {
  calendarId: string;
  account: string | null;
  reason: string;
  since: Date;
  events: number;
  /** In all calendars of the establishment. */
  total: number;
}

/**
 * By calendar, the longest waiting first: what was left, and what waits to be removed from calendars that are not used
 * any more while there is no access.
 */
export const countLeft = (
  context: Pick<Context, 'db' | 'now'>,
  establishmentId: string,
  most: number,
): Promise<LeftInCalendar[]> =>
  context.db.$queryRaw<LeftInCalendar[]>`
    SELECT calendar_id AS "calendarId", max(account) AS account, (array_agg(reason ORDER BY since DESC))[1] AS reason,
           min(since) AS since, count(*)::int AS events, (sum(count(*)) OVER ())::int AS total
      FROM (SELECT calendar_id, account, reason, since FROM left_mirrors
             WHERE establishment_id = ${establishmentId}::uuid AND end_date >= ${oldestStay(context)}::date
            UNION ALL
            SELECT mirror.place_calendar_id, COALESCE(mirror.place_account, connection.account), 'revoked',
                   COALESCE(mirror.problem_since, mirror.updated_at)
              FROM mirrors mirror LEFT JOIN connections connection USING (establishment_id)
             WHERE mirror.establishment_id = ${establishmentId}::uuid AND mirror.state = 'blocked'
               AND mirror.problem = 'revoked' AND mirror.place_calendar_id IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM calendars calendar
                                WHERE calendar.chalet_id = mirror.chalet_id
                                  AND calendar.calendar_id = mirror.place_calendar_id)) one
     GROUP BY calendar_id
     ORDER BY min(since), calendar_id
     LIMIT ${most}::int`;
