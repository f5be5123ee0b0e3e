import type { Context } from '../context.ts';

/** Calendars of one establishment that are written at once: more would only wait for the turns of its connection. */
const mostLanesOfOne = 4;

/**
 * Takes the lane of a chalet with mirrors that are due, or events to be removed where they were left; undefined when there is none or others hold them. The turn of
 * an establishment comes before that of one with more lanes at work, so that a backlog holds up nobody else.
 */
export async function claimLane(context: Context): Promise<{ chaletId: string; failures: number } | undefined> {
  const now = context.now();
  const lanes = await context.db.$queryRaw<{ chaletId: string; failures: number }[]>`
    WITH due AS (
      SELECT chalet_id, establishment_id, min(next_attempt_at) AS since
        FROM mirrors WHERE next_attempt_at <= ${now}::timestamptz GROUP BY chalet_id, establishment_id
      UNION ALL
      SELECT chalet_id, establishment_id, min(next_attempt_at)
        FROM left_mirrors JOIN connections connection USING (establishment_id)
       WHERE next_attempt_at <= ${now}::timestamptz AND connection.status = 'active'
       GROUP BY chalet_id, establishment_id),
    at_work AS (
      SELECT chalet.establishment_id, count(*) AS lanes
        FROM lanes lane JOIN chalets chalet ON chalet.id = lane.chalet_id
       WHERE lane.lease_until > ${now}::timestamptz GROUP BY chalet.establishment_id)
    UPDATE lanes SET lease_owner = ${context.replicaId}::uuid, lease_until = ${leaseEnd(context, now)}::timestamptz
     WHERE chalet_id = (
       SELECT lane.chalet_id
         FROM lanes lane
         JOIN due ON due.chalet_id = lane.chalet_id
         LEFT JOIN at_work ON at_work.establishment_id = due.establishment_id
        WHERE (lane.lease_until IS NULL OR lane.lease_until <= ${now}::timestamptz)
          AND COALESCE(at_work.lanes, 0) < ${mostLanesOfOne}::int
        ORDER BY COALESCE(at_work.lanes, 0), due.since
        LIMIT 1
          FOR UPDATE OF lane SKIP LOCKED)
    RETURNING chalet_id AS "chaletId", failures`;
  return lanes[0];
}

/** Holds a lane for longer; false when another replica has taken it over meanwhile. */
export async function renewLane(context: Context, chaletId: string): Promise<boolean> {
  const now = context.now();
  const { count } = await context.db.lane.updateMany({
    where: { chaletId, leaseOwner: context.replicaId, leaseUntil: { gt: now } },
    data: { leaseUntil: leaseEnd(context, now) },
  });
  return count === 1;
}

/** Gives a lane back; `failures` in a row are remembered with it. */
export async function releaseLane(context: Context, chaletId: string, failures: number): Promise<void> {
  await context.db.lane.updateMany({
    where: { chaletId, leaseOwner: context.replicaId },
    data: { leaseOwner: null, leaseUntil: null, failures },
  });
}

const leaseEnd = (context: Context, now: Date): Date => new Date(now.getTime() + context.timing.leaseMs);

/** Stops a writer that was so slow that another replica took over; what is found in Google decides there. */
export class LaneLostError extends Error {
  override name = 'LaneLostError';
  constructor() {
    super('another replica writes this calendar by now');
  }
}
