import { fullJitter } from '@monde-sauvage/service-kit';
import type { Context } from './context.ts';
import type { LeftMirror } from './generated/prisma/client.ts';
import { askedWaitMs, GoogleCallError } from './google/classify-error.ts';
import type { Surroundings } from './reconcile-mirror.ts';
import { removeMirror } from './remove-mirror.ts';
import { laneApi } from './stores/lane-api.ts';
import { LaneLostError } from './stores/lanes.ts';
import { forgetLeft, postponeCalendar, postponeDue, postponeEvent } from './stores/left-mirror-store.ts';
import { wakeAt } from './wake-at.ts';

/**
 * Deletes events of ours where they were left behind, as the holder of the chalet's lane: what is a mirror's again is
 * never among them. A calendar is asked for first, once, so that one that is still out of reach costs one call.
 * @returns whether the lane can go on
 */
export async function cleanLeftMirrors(
  context: Context,
  due: LeftMirror[],
  around: Pick<Surroundings, 'chaletId' | 'access' | 'reachOf'>,
  isOver: () => boolean,
): Promise<boolean> {
  const { access, chaletId } = around;
  if (access.status !== 'active') return false;
  const askedAt = context.now();
  const outOfReach = new Set<string>();
  for (const left of due) {
    if (isOver()) return true;
    const { calendarId, eventId } = left;
    if (outOfReach.has(calendarId)) continue;
    try {
      const reason = await around.reachOf(calendarId);
      if (reason !== undefined) {
        outOfReach.add(calendarId);
        await postponeCalendar(context, left, { reason, askedAt });
        continue;
      }
      const api = laneApi(context, chaletId, calendarId, access.api);
      // The guest heard of it when it had to go, or never will.
      const kept = await removeMirror(api, { calendarId, eventId }, left, {
        reachOf: around.reachOf,
        sendUpdates: 'none',
      });
      await context.passing('left mirror removed from Google, not forgotten');
      if (kept === undefined) await forgetLeft(context, left);
      else await postponeEvent(context, left, kept);
    } catch (error) {
      if (error instanceof LaneLostError) return false;
      await postpone(context, left, error);
      return false;
    }
  }
  return true;
}

async function postpone(context: Context, { chaletId, attempts }: LeftMirror, error: unknown): Promise<void> {
  const failure = error instanceof GoogleCallError ? error.failure : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  context.logger.warn(
    { chaletId, kind: failure?.kind, reason },
    'what was left in a calendar could not be removed yet',
  );
  const asked = askedWaitMs(failure) ?? 0;
  const at = new Date(context.now().getTime() + asked + fullJitter(attempts + 1, context.timing.mirrorRetry));
  await postponeDue(context, chaletId, at);
  wakeAt(context, at, () => context.nudge.mirrors());
}
