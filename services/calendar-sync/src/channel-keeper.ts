import { fullJitter, startWorker, type Worker } from '@monde-sauvage/service-kit';
import { canBePushedTo } from './config.ts';
import type { Context, Transaction } from './context.ts';
import type { Calendar, Channel } from './generated/prisma/client.ts';
import { GoogleCallError } from './google/classify-error.ts';
import { hashOf, newSecret } from './google/oauth.ts';
import { transact } from './stores/transact.ts';

/** A channel is followed by a new one in the last fifth of its life: Google does not renew by itself. */
const renewalShare = 0.2;
const longestChannelMs = 7 * 86_400_000;

/**
 * Keeps one push channel open for every chosen calendar: opens it, opens the next one before it ends, and stops what is
 * not needed any more. Google: Calendar API, "Push notifications".
 */
export function startChannelKeeper(context: Context): Worker {
  const pushed = canBePushedTo(context.config);
  if (!pushed) {
    const { PUBLIC_URL } = context.config;
    context.logger.warn({ PUBLIC_URL }, 'Google pushes to https only: changes come with the periodic sync');
  }
  return startWorker({
    name: 'channel-keeper',
    everyMs: context.timing.lookForChannelsEveryMs,
    logger: context.logger,
    metrics: context.metrics,
    async run(signal) {
      if (pushed) {
        for (const chaletId of await findUnwatched(context)) {
          if (signal.aborted) return;
          await watchCalendar(context, chaletId);
        }
      }
      for (const channel of await findNeedless(context)) {
        if (signal.aborted) return;
        await stopChannel(context, channel);
      }
    },
  });
}

/** Calendars of working connections without a channel that lasts. */
async function findUnwatched(context: Context): Promise<string[]> {
  const now = context.now();
  const rows = await context.db.$queryRaw<{ chalet_id: string }[]>`
    SELECT calendar.chalet_id FROM calendars calendar
      JOIN connections connection USING (establishment_id)
     WHERE connection.status = 'active'
       AND (calendar.watch_at IS NULL OR calendar.watch_at <= ${now}::timestamptz)
       AND NOT EXISTS (
         SELECT 1 FROM channels channel
          WHERE channel.chalet_id = calendar.chalet_id AND channel.generation = calendar.generation
            AND channel.stopped_at IS NULL
            AND channel.expires_at - (channel.expires_at - channel.created_at) * ${renewalShare}::float8
                > ${now}::timestamptz)
     LIMIT 50`;
  return rows.map(row => row.chalet_id);
}

async function watchCalendar(context: Context, chaletId: string): Promise<void> {
  const now = context.now();
  const { count } = await context.db.calendar.updateMany({
    where: { chaletId, OR: [{ watchAt: null }, { watchAt: { lte: now } }] },
    data: { watchAt: new Date(now.getTime() + context.timing.watchClaimMs) },
  });
  const calendar = count === 1 ? await context.db.calendar.findUnique({ where: { chaletId } }) : null;
  if (calendar === null) return;
  const access = await context.google.access(calendar.establishmentId);
  if (access.status !== 'active') return;
  const id = context.newId();
  const token = newSecret();
  // Before the call: Google's first notification can be faster than its answer.
  await context.db.channel.create({
    data: {
      id,
      chaletId,
      establishmentId: calendar.establishmentId,
      generation: calendar.generation,
      tokenHash: hashOf(token),
      createdAt: now,
    },
  });
  await context.passing('channel noted, not opened');
  try {
    const address = `${context.config.PUBLIC_URL}/webhooks/google-calendar`;
    const channel = await access.api.watch(calendar.calendarId, { id, token, address });
    await context.passing('channel opened, not committed');
    // Another replica may have given it up meanwhile, not knowing that there was anything to stop: now there is.
    const isFirst = await transact(context.db, async tx => {
      await tx.channel.update({
        where: { id },
        data: {
          resourceId: channel.resourceId ?? null,
          expiresAt: endOfChannel(channel.expiration, now),
          stoppedAt: null,
        },
      });
      return recordWatched(tx, context, calendar, id);
    });
    if (isFirst) context.nudge.syncs();
  } catch (error) {
    await recordWatchFailure(context, calendar, error);
  }
}

/** Nobody told of what changed between the last listing and the opening of a channel that follows no other: look. */
async function recordWatched(
  tx: Transaction,
  context: Context,
  calendar: Calendar,
  channelId: string,
): Promise<boolean> {
  const { chaletId, generation } = calendar;
  const now = context.now();
  const others = await tx.channel.count({
    where: { chaletId, generation, stoppedAt: null, expiresAt: { gt: now }, id: { not: channelId } },
  });
  await tx.$executeRaw`
    UPDATE calendars
       SET watch_at = NULL, watch_failures = 0, watch_error = NULL,
           next_sync_at = CASE WHEN ${others === 0} AND status IN ('ok', 'syncing')
                               THEN LEAST(next_sync_at, ${now}::timestamptz) ELSE next_sync_at END
     WHERE chalet_id = ${chaletId}::uuid AND generation = ${generation}`;
  return others === 0;
}

/** Google: a channel lasts a week unless less is asked for. An answer that does not say is taken for that. */
function endOfChannel(expiration: string | null | undefined, now: Date): Date {
  const epochMs = Number(expiration ?? Number.NaN);
  return new Date(Number.isFinite(epochMs) && epochMs > 0 ? epochMs : now.getTime() + longestChannelMs);
}

async function recordWatchFailure(context: Context, calendar: Calendar, error: unknown): Promise<void> {
  const { chaletId, watchFailures } = calendar;
  const reason = error instanceof Error ? error.message : String(error);
  context.logger.warn({ chaletId, reason }, 'no push channel; changes come with the periodic sync until there is one');
  const pauseMs = fullJitter(watchFailures, context.timing.watchRetry);
  await context.db.calendar.updateMany({
    where: { chaletId, generation: calendar.generation },
    data: { watchFailures: { increment: 1 }, watchError: reason, watchAt: new Date(context.now().getTime() + pauseMs) },
  });
}

/** Channels of calendars that are not chosen any more, and those a newer one has followed. */
async function findNeedless(context: Context): Promise<Channel[]> {
  const now = context.now();
  const rows = await context.db.$queryRaw<{ id: string }[]>`
    SELECT channel.id FROM channels channel
     WHERE channel.stopped_at IS NULL
       AND (channel.expires_at <= ${now}::timestamptz
            OR (channel.expires_at IS NULL AND channel.created_at <= ${new Date(now.getTime() - 86_400_000)}::timestamptz)
            OR NOT EXISTS (SELECT 1 FROM calendars calendar
                            WHERE calendar.chalet_id = channel.chalet_id
                              AND calendar.generation = channel.generation)
            OR EXISTS (SELECT 1 FROM channels newer
                        WHERE newer.chalet_id = channel.chalet_id AND newer.generation = channel.generation
                          AND newer.stopped_at IS NULL AND newer.expires_at IS NOT NULL
                          AND (newer.created_at, newer.id) > (channel.created_at, channel.id)))
     LIMIT 50`;
  return context.db.channel.findMany({ where: { id: { in: rows.map(row => row.id) } } });
}

/** Stops a channel at Google; one that cannot be stopped ends by itself. A failure that may pass is tried again. */
export async function stopChannel(context: Context, channel: Channel): Promise<void> {
  const { id, resourceId } = channel;
  const access = await context.google.access(channel.establishmentId);
  const isOver = channel.expiresAt !== null && channel.expiresAt <= context.now();
  if (resourceId !== null && access.status === 'active' && !isOver) {
    try {
      await access.api.stopChannel({ id, resourceId });
      await context.passing('channel stopped, not committed');
    } catch (error) {
      const mayPass = !(error instanceof GoogleCallError) || ['retry', 'quota', 'project'].includes(error.failure.kind);
      if (mayPass) {
        context.logger.warn({ channelId: id, err: error }, 'a push channel could not be stopped yet');
        return;
      }
    }
  }
  await context.db.channel.updateMany({ where: { id }, data: { stoppedAt: context.now() } });
}
