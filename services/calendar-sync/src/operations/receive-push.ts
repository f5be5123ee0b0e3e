import { timingSafeEqual } from 'node:crypto';
import { ok, type Result, refuse } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import { busyFrom } from '../google/limiter.ts';
import { hashOf } from '../google/oauth.ts';
import { wakeAt } from '../wake-at.ts';

/** How long a push that our own write explains may wait for others: longer while Google's quota is nearly used up. */
const echoPauseMs = { usual: 400, busy: 1_500 };

/**
 * Google says that a calendar changed. Only makes the calendar due and answers; the sync follows, one for a burst. A
 * push that a write of ours explains waits a moment, so that a burst of our own writes costs one listing. Not longer:
 * a push does not say what it stands for, and an owner's change may hide behind ours (docs/decisions/006).
 */
export async function receivePush(
  context: Context,
  input: { channelId: string; channelToken: string; resourceId: string; resourceState: string },
): Promise<Result<Record<string, never>>> {
  const pushes = context.metrics.counter('google_pushes_total', 'Push notifications, by what became of them', [
    'outcome',
  ]);
  const channel = await context.db.channel.findUnique({ where: { id: input.channelId } });
  const given = Buffer.from(hashOf(input.channelToken));
  if (channel === null || channel.stoppedAt !== null || !timingSafeEqual(given, Buffer.from(channel.tokenHash))) {
    pushes.inc({ outcome: 'unknown' });
    return refuse('not_found', 'There is no such channel.');
  }
  if (channel.resourceId === null) {
    // Faster than the answer of the watch call, or that answer was lost: now the channel can be stopped one day.
    await context.db.channel.updateMany({
      where: { id: channel.id, resourceId: null },
      data: { resourceId: input.resourceId },
    });
  }
  if (input.resourceState === 'sync') {
    pushes.inc({ outcome: 'opened' });
    return ok({});
  }
  const now = context.now();
  const later = (pauseMs: number) => new Date(now.getTime() + pauseMs);
  const due = await context.db.$queryRaw<{ next_sync_at: Date }[]>`
    UPDATE calendars
       SET last_push_at = ${now}::timestamptz,
           next_sync_at = LEAST(next_sync_at, CASE
             WHEN NOT (echoes > 0 AND echoes_until > ${now}::timestamptz) THEN ${now}::timestamptz
             WHEN connection.limiter_at > ${busyFrom(now, context.timing.callSpacingMs)}::timestamptz THEN ${later(echoPauseMs.busy)}::timestamptz
             ELSE ${later(echoPauseMs.usual)}::timestamptz END),
           echoes = CASE WHEN echoes_until > ${now}::timestamptz THEN GREATEST(echoes - 1, 0) ELSE 0 END
      FROM connections connection
     WHERE connection.establishment_id = calendars.establishment_id
       AND chalet_id = ${channel.chaletId}::uuid AND generation = ${channel.generation}
    RETURNING next_sync_at`;
  const dueAt = due[0]?.next_sync_at;
  pushes.inc({ outcome: dueAt !== undefined && dueAt <= now ? 'due' : 'echo' });
  if (dueAt !== undefined) wakeAt(context, dueAt, () => context.nudge.syncs());
  return ok({});
}
