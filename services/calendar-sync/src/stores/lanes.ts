import type { Context } from '../context.ts';

/** Takes the lane of a chalet with mirrors that are due; undefined when there is none or others hold them. */
export async function claimLane(context: Context): Promise<{ chaletId: string; failures: number } | undefined> {
  const now = context.now();
  const lanes = await context.db.$queryRaw<{ chaletId: string; failures: number }[]>`
    UPDATE lanes SET lease_owner = ${context.replicaId}::uuid, lease_until = ${leaseEnd(context, now)}::timestamptz
     WHERE chalet_id = (
       SELECT lane.chalet_id
         FROM mirrors mirror
         JOIN lanes lane ON lane.chalet_id = mirror.chalet_id
        WHERE mirror.next_attempt_at <= ${now}::timestamptz
          AND (lane.lease_until IS NULL OR lane.lease_until <= ${now}::timestamptz)
        ORDER BY mirror.next_attempt_at
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
