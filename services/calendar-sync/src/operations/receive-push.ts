import { timingSafeEqual } from 'node:crypto';
import { ok, type Result, refuse } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import { hashOf } from '../google/oauth.ts';
import { wakeAt } from '../wake-at.ts';

const echoPauseMs = 400;

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
  const later = new Date(now.getTime() + echoPauseMs);
  const due = await context.db.$queryRaw<{ at_once: boolean }[]>`
    UPDATE calendars
       SET last_push_at = ${now}::timestamptz,
           next_sync_at = LEAST(next_sync_at, CASE WHEN echoes > 0 AND echoes_until > ${now}::timestamptz
                                                   THEN ${later}::timestamptz ELSE ${now}::timestamptz END),
           echoes = CASE WHEN echoes_until > ${now}::timestamptz THEN GREATEST(echoes - 1, 0) ELSE 0 END
     WHERE chalet_id = ${channel.chaletId}::uuid AND generation = ${channel.generation}
    RETURNING next_sync_at <= ${now}::timestamptz AS at_once`;
  const atOnce = due[0]?.at_once ?? false;
  pushes.inc({ outcome: atOnce ? 'due' : 'echo' });
  wakeAt(context, atOnce ? now : later, () => context.nudge.syncs());
  return ok({});
}
