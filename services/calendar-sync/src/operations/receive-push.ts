import { timingSafeEqual } from 'node:crypto';
import { ok, type Result, refuse } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import type { Channel } from '../generated/prisma/client.ts';
import { hashOf } from '../google/oauth.ts';

interface Push {
  channelId: string;
  channelToken: string;
  resourceId: string;
  resourceState: string;
  messageNumber?: string | undefined;
}

const rememberedMessages = 20;

/**
 * Google says that a calendar changed. Only makes the calendar due and answers; the sync follows, one for a burst. A
 * push that a write of ours explains makes nothing due (docs/decisions/011).
 */
export async function receivePush(context: Context, input: Push): Promise<Result<Record<string, never>>> {
  const pushes = context.metrics.counter('google_pushes_total', 'Push notifications, by what became of them', [
    'outcome',
  ]);
  const channel = await context.db.channel.findUnique({ where: { id: input.channelId } });
  const given = Buffer.from(hashOf(input.channelToken));
  if (channel === null || !timingSafeEqual(given, Buffer.from(channel.tokenHash))) {
    pushes.inc({ outcome: 'unknown' });
    return refuse('not_found', 'There is no such channel.');
  }
  if (channel.resourceId === null) await learnResource(context, channel, input.resourceId);
  if (channel.stoppedAt !== null) {
    pushes.inc({ outcome: 'stopped' });
    await takeUpAgain(context, channel);
    return refuse('not_found', 'There is no such channel.');
  }
  if (input.resourceState === 'sync') {
    pushes.inc({ outcome: 'opened' });
    return ok({});
  }
  const outcome = await countPush(context, channel, messageOf(input));
  pushes.inc({ outcome });
  if (outcome === 'due') context.nudge.syncs();
  return ok({});
}

/**
 * The push was faster than the answer of the watch call, or that answer was lost: now the channel can be stopped. One
 * that was given up before that was known is taken up again, for the channel keeper to stop it.
 */
async function learnResource(context: Context, channel: Channel, resourceId: string): Promise<void> {
  await context.db.channel.updateMany({
    where: { id: channel.id, resourceId: null },
    data: { resourceId, stoppedAt: null },
  });
  if (channel.stoppedAt !== null) context.nudge.channels();
}

/**
 * A channel that was given up while nobody could stop it, the account being revoked, goes on pushing. Once its account is
 * connected again it is stopped; tried once for each connection, since another account cannot.
 */
async function takeUpAgain(context: Context, { id, establishmentId, stoppedAt }: Channel): Promise<void> {
  const connection = await context.db.connection.findUnique({ where: { establishmentId } });
  if (connection?.status !== 'active' || stoppedAt === null || connection.connectedAt <= stoppedAt) return;
  await context.db.channel.updateMany({ where: { id, stoppedAt }, data: { stoppedAt: null } });
  context.nudge.channels();
}

const messageOf = ({ messageNumber = '' }: Push): bigint | null =>
  /^\d{1,18}$/.test(messageNumber) ? BigInt(messageNumber) : null;

/**
 * Takes the push for the echo of a write of ours while fewer came than writes went out, and makes the calendar due
 * otherwise. After an echo the calendar is read no later than half an interval from now: should Google have put two
 * changes into one message, the owner's waits no longer than that.
 */
async function countPush(
  context: Context,
  channel: Channel,
  message: bigint | null,
): Promise<'due' | 'echo' | 'repeated'> {
  const now = context.now();
  const after = (ms: number) => new Date(now.getTime() + ms);
  const counted = await context.db.$queryRaw<{ due: boolean }[]>`
    WITH message AS (
      UPDATE channels
         SET messages = CASE WHEN ${message}::bigint IS NULL THEN messages
             ELSE (array_append(messages, ${message}::bigint))
                  [GREATEST(1, cardinality(messages) + 2 - ${rememberedMessages}::int):] END
       WHERE id = ${channel.id} AND (${message}::bigint IS NULL OR NOT messages @> ARRAY[${message}::bigint])
      RETURNING chalet_id, generation)
    UPDATE calendars
       SET last_push_at = ${now}::timestamptz,
           next_sync_at = LEAST(next_sync_at, CASE WHEN echoes > 0 AND echoes_until > ${now}::timestamptz
             THEN ${after(context.config.SYNC_INTERVAL_SECONDS * 500)}::timestamptz ELSE ${now}::timestamptz END),
           check_at = CASE WHEN echoes > 1 AND echoes_until > ${now}::timestamptz
                           THEN ${after(context.timing.missingEchoMs)}::timestamptz END,
           echoes = CASE WHEN echoes_until > ${now}::timestamptz THEN GREATEST(echoes - 1, 0) ELSE 0 END
      FROM message
     WHERE calendars.chalet_id = message.chalet_id AND calendars.generation = message.generation
    RETURNING next_sync_at <= ${now}::timestamptz AS due`;
  return counted[0] === undefined ? 'repeated' : counted[0].due ? 'due' : 'echo';
}
