import type { Context } from '../context.ts';
import type { ProblemKind } from '../domain/problems.ts';
import type { Calendar } from '../generated/prisma/client.ts';

/** Calendars that were synced this recently have missed nothing: replicas that start together share one round. */
const recentMs = 3_000;

/**
 * Takes a calendar for a sync, so that no two replicas sync it at once; undefined when another has it, or when it is
 * not due and had to be, or was read since `lastSyncAt`, where that is given. The next periodic sync is planned here already: a push that comes meanwhile moves it to now.
 */
export async function claimCalendar(
  context: Context,
  chaletId: string,
  o: { onlyIfDue: boolean; lastSyncAt?: Date | null | undefined },
): Promise<Calendar | undefined> {
  const now = context.now();
  // Who reads because a push is missing has read what it stood for: pushes to come are counted anew.
  const claimed = await context.db.$executeRaw`
    UPDATE calendars
       SET lease_owner = ${context.replicaId}::uuid,
           lease_until = ${new Date(now.getTime() + context.timing.leaseMs)}::timestamptz,
           next_sync_at = ${nextSync(context)}::timestamptz,
           echoes = CASE WHEN check_at <= ${now}::timestamptz THEN 0 ELSE echoes END,
           check_at = CASE WHEN check_at > ${now}::timestamptz THEN check_at END
     WHERE chalet_id = ${chaletId}::uuid
       AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz)
       AND (${o.lastSyncAt === undefined}::boolean OR last_sync_at IS NOT DISTINCT FROM ${o.lastSyncAt ?? null}::timestamptz)
       AND (NOT ${o.onlyIfDue}::boolean OR next_sync_at <= ${now}::timestamptz OR check_at <= ${now}::timestamptz
            OR lease_until <= ${now}::timestamptz)`;
  if (claimed === 0) return undefined;
  return (await context.db.calendar.findFirst({ where: { chaletId, leaseOwner: context.replicaId } })) ?? undefined;
}

/** @throws Error when another replica has taken the calendar over */
export async function renewCalendarLease(context: Context, calendar: Calendar): Promise<void> {
  const { count } = await context.db.calendar.updateMany({
    where: { chaletId: calendar.chaletId, generation: calendar.generation, leaseOwner: context.replicaId },
    data: { leaseUntil: new Date(context.now().getTime() + context.timing.leaseMs) },
  });
  if (count === 0) throw new Error('another replica syncs this calendar by now');
}

/** Calendars of one establishment that are read at once. */
const mostSyncsOfOne = 3;

/** Calendars that are due, those of establishments with fewer being read first, so that nobody waits for another. */
export async function findDueCalendars(context: Context, most: number): Promise<string[]> {
  const now = context.now();
  const rows = await context.db.$queryRaw<{ chalet_id: string }[]>`
    SELECT chalet_id
      FROM (SELECT chalet_id, next_sync_at,
                   row_number() OVER (PARTITION BY establishment_id ORDER BY next_sync_at)
                   + (SELECT count(*) FROM calendars other
                       WHERE other.establishment_id = calendar.establishment_id
                         AND other.lease_until > ${now}::timestamptz) AS place
              FROM calendars calendar
             WHERE (next_sync_at <= ${now}::timestamptz OR check_at <= ${now}::timestamptz OR lease_until <= ${now}::timestamptz)
               AND (lease_until IS NULL OR lease_until <= ${now}::timestamptz)) due
     WHERE place <= ${mostSyncsOfOne}::int
     ORDER BY place, next_sync_at
     LIMIT ${most}::int`;
  return rows.map(row => row.chalet_id);
}

/**
 * Makes calendars due within seconds: while no replica ran, pushes were lost. Those that fail or are blocked keep the
 * time that was planned for them.
 */
export async function catchUp(context: Pick<Context, 'db' | 'now' | 'timing'>): Promise<number> {
  const now = context.now();
  return context.db.$executeRaw`
    UPDATE calendars
       SET next_sync_at = LEAST(next_sync_at, ${now}::timestamptz
                                + random() * make_interval(secs => ${context.timing.catchUpSpreadMs / 1_000}::float8))
     WHERE status IN ('ok', 'syncing')
       AND (last_sync_at IS NULL OR last_sync_at < ${new Date(now.getTime() - recentMs)}::timestamptz)`;
}

/** A sync failed: says why and since when, gives the calendar back, and plans the next try. */
export async function recordSyncFailure(
  context: Context,
  calendar: Calendar,
  o: { status: 'failing' | 'blocked'; problem: ProblemKind; reason: string; nextAt: Date },
): Promise<void> {
  const now = context.now();
  await context.db.$executeRaw`
    UPDATE calendars
       SET failures = failures + 1, status = ${o.status}, reason = ${o.reason}, problem = ${o.problem},
           since = CASE WHEN status IN ('failing', 'blocked') THEN since ELSE ${now}::timestamptz END,
           next_sync_at = ${o.nextAt}::timestamptz, lease_owner = NULL, lease_until = NULL
     WHERE chalet_id = ${calendar.chaletId}::uuid AND generation = ${calendar.generation}
       AND lease_owner = ${context.replicaId}::uuid`;
}

/** Spread over the interval, so that calendars chosen together do not stay together. */
export const nextSync = (context: Context): Date =>
  new Date(context.now().getTime() + context.config.SYNC_INTERVAL_SECONDS * 1_000 * (0.8 + Math.random() * 0.4));
