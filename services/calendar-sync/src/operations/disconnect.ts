import { type Actor, calendarEvents, mayManage, ok, type Result, refuse } from '@monde-sauvage/contracts';
import { stopChannel } from '../channel-keeper.ts';
import type { Context, Transaction } from '../context.ts';
import { remove } from '../domain/plan-external-changes.ts';
import { classifyGoogleError } from '../google/classify-error.ts';
import { createOAuthClient } from '../google/oauth.ts';
import { closeDecisions } from '../stores/decision-store.ts';
import { findActiveExternalEvents, writeExternalChanges } from '../stores/external-event-store.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirrors } from '../stores/wake-mirrors.ts';

const removalPatienceMs = 12_000;

/**
 * Forgets an establishment's Google account: its channels are stopped, the token is revoked, the owner's events stop
 * counting. Mirrors stay in Google unless they are to be removed first; if that does not end in time the connection
 * stays, and asking again goes on.
 */
export async function disconnect(
  context: Context,
  input: { actor: Actor; establishmentId: string; removeMirrors: boolean },
): Promise<Result<Record<string, never>>> {
  const { establishmentId } = input;
  if (!mayManage(input.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const connection = await context.db.connection.findUnique({ where: { establishmentId } });
  if (connection === null) return ok({});
  const removeMirrors = input.removeMirrors && connection.status === 'active';
  await transact(context.db, tx => forgetCalendars(tx, context, { establishmentId, removeMirrors }));
  context.nudge.relay();

  if (removeMirrors) {
    context.nudge.mirrors();
    if (!(await mirrorsAreRemoved(context, establishmentId))) {
      return refuse('unavailable', 'The events of bookings are still being removed from Google. Please ask again.');
    }
  }
  const channels = await context.db.channel.findMany({ where: { establishmentId, stoppedAt: null } });
  await Promise.all(channels.map(channel => stopChannel(context, channel)));
  await revokeToken(context, connection);
  await transact(context.db, async tx => {
    await tx.mirror.updateMany({ where: { establishmentId }, data: forgottenPlace });
    await tx.mirror.updateMany({ where: { establishmentId, active: true }, data: { state: 'wanted' } });
    await tx.mirror.updateMany({ where: { establishmentId, active: false }, data: { state: 'removed' } });
    await tx.channel.updateMany({ where: { establishmentId, stoppedAt: null }, data: { stoppedAt: context.now() } });
    const { count } = await tx.connection.deleteMany({ where: { establishmentId } });
    if (count === 0) return;
    const body = { establishmentId, status: 'not_connected' as const, reason: null, at: context.now().toISOString() };
    await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
  });
  context.nudge.relay();
  context.logger.info({ establishmentId }, 'an establishment disconnected its Google account');
  return ok({});
}

const forgottenPlace = {
  placeCalendarId: null,
  placeEventId: null,
  etag: null,
  writtenHash: null,
  drift: null,
  nextAttemptAt: null,
  lastError: null,
};

/** Nothing comes in any more. Mirrors are either removed by their writer, as they belong nowhere now, or forgotten. */
async function forgetCalendars(
  tx: Transaction,
  context: Context,
  o: { establishmentId: string; removeMirrors: boolean },
): Promise<void> {
  const { establishmentId } = o;
  await tx.$queryRaw`
    SELECT 1 FROM calendars WHERE establishment_id = ${establishmentId}::uuid ORDER BY chalet_id FOR UPDATE`;
  const calendars = await tx.calendar.findMany({ where: { establishmentId } });
  for (const { chaletId } of calendars) {
    const gone = (await findActiveExternalEvents(tx, chaletId)).map(row => remove(row, 'Google was disconnected'));
    await writeExternalChanges(tx, context, { chaletId, establishmentId }, gone);
  }
  await closeDecisions(tx, { establishmentId }, context.now());
  await tx.calendar.deleteMany({ where: { establishmentId } });
  if (o.removeMirrors) await wakeMirrors(tx, { establishmentId, now: context.now() });
  else await tx.mirror.updateMany({ where: { establishmentId }, data: forgottenPlace });
}

async function mirrorsAreRemoved(context: Context, establishmentId: string): Promise<boolean> {
  const giveUpAt = Date.now() + removalPatienceMs;
  while ((await context.db.mirror.count({ where: { establishmentId, placeEventId: { not: null } } })) > 0) {
    if (Date.now() > giveUpAt) return false;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return true;
}

/** Best effort: a token that Google keeps is worthless once we have forgotten it. */
async function revokeToken(
  context: Context,
  connection: { establishmentId: string; account: string | null; refreshToken: string; keyId: string },
): Promise<void> {
  const { establishmentId, account, refreshToken, keyId } = connection;
  // Google takes back the whole consent of an account, and with it the tokens of its other establishments.
  const shared = await context.db.connection.count({ where: { account, establishmentId: { not: establishmentId } } });
  if (account !== null && shared > 0) return;
  try {
    const token = context.cipher.open({ ciphertext: refreshToken, keyId }, establishmentId);
    await createOAuthClient(context.config).revokeToken(token);
  } catch (error) {
    // The address of the call contains the token: only what it means is logged.
    const { reason } = classifyGoogleError(error);
    context.logger.warn({ establishmentId, reason }, 'the token could not be revoked at Google');
  }
}
