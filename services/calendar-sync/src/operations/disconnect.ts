import { type Actor, calendarEvents, mayManage, ok, type Result, refuse, refuseForNow } from '@monde-sauvage/contracts';
import { stopChannel } from '../channel-keeper.ts';
import type { Context, Transaction } from '../context.ts';
import { closeDecisions } from '../stores/decision-store.ts';
import { rememberAllLeft } from '../stores/left-mirror-store.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeLinkedWithoutPlace, wakeMirrors } from '../stores/wake-mirrors.ts';
import { revokeSpentToken, spendToken } from '../token-revoker.ts';

const removalPatienceMs = 12_000;

/**
 * Forgets an establishment's Google account: its channels are stopped, the token is revoked. The owner's events that are
 * known keep their nights. Mirrors stay in Google unless they are to be removed first; if that does not end in time the connection
 * stays, and asking again goes on. What cannot be removed now is remembered, and removed once the owner connects again;
 * who leaves mirrors leaves also those that were to be removed before.
 */
export async function disconnect(
  context: Context,
  input: { actor: Actor; establishmentId: string; removeMirrors: boolean },
): Promise<Result<Record<string, never>>> {
  const { establishmentId } = input;
  if (!mayManage(input.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const connection = await context.db.connection.findUnique({ where: { establishmentId } });
  if (!input.removeMirrors) await context.db.leftMirror.deleteMany({ where: { establishmentId } });
  if (connection === null) return ok({});
  const removeMirrors = input.removeMirrors && connection.status === 'active';
  await transact(context.db, async tx => {
    if (input.removeMirrors && !removeMirrors) await rememberAllLeft(tx, context, establishmentId);
    await forgetCalendars(tx, context, { establishmentId, removeMirrors });
  });
  context.nudge.relay();

  if (removeMirrors) {
    context.nudge.mirrors();
    if (!(await mirrorsAreRemoved(context, establishmentId))) {
      return refuseForNow(
        'The events of bookings are still being removed from Google; that goes on by itself. Ask again to disconnect once they are.',
      );
    }
  }
  const channels = await context.db.channel.findMany({ where: { establishmentId, stoppedAt: null } });
  await Promise.all(channels.map(channel => stopChannel(context, channel)));
  const spent = await transact(context.db, async tx => {
    await tx.mirror.updateMany({ where: { establishmentId }, data: forgottenPlace });
    await tx.mirror.updateMany({ where: { establishmentId, active: true }, data: { state: 'wanted' } });
    await tx.mirror.updateMany({ where: { establishmentId, active: false }, data: { state: 'removed' } });
    await wakeLinkedWithoutPlace(tx, establishmentId, context.now());
    await tx.channel.updateMany({ where: { establishmentId, stoppedAt: null }, data: { stoppedAt: context.now() } });
    // As it is now: Google may have rotated the token while mirrors were removed.
    const last = await tx.connection.findUnique({ where: { establishmentId } });
    const { count } = await tx.connection.deleteMany({ where: { establishmentId } });
    if (count === 0 || last === null) return null;
    const body = { establishmentId, status: 'not_connected' as const, reason: null, at: context.now().toISOString() };
    await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
    return last.status === 'active' ? spendToken(tx, context, last) : null;
  });
  if (spent !== null) await revokeSpentToken(context, spent);
  context.nudge.relay();
  context.nudge.mirrors();
  context.logger.info({ establishmentId }, 'an establishment disconnected its Google account');
  return ok({});
}

const forgottenPlace = {
  placeCalendarId: null,
  placeEventId: null,
  placeAccount: null,
  etag: null,
  writtenHash: null,
  drift: null,
  nextAttemptAt: null,
  lastError: null,
  problem: null,
  problemSince: null,
  // Who is writing one just now looks at it again, and finds that nothing is to be done.
  wakes: { increment: 1 },
};

/**
 * Nothing comes in any more; what came in stays, since a stay that is known must not become free because we look no
 * longer. Choosing no calendar, or another one, for a chalet lets go of it. Mirrors are either removed by their writer, as they
 * belong nowhere now, or forgotten.
 */
async function forgetCalendars(
  tx: Transaction,
  context: Context,
  o: { establishmentId: string; removeMirrors: boolean },
): Promise<void> {
  const { establishmentId } = o;
  await tx.$queryRaw`
    SELECT 1 FROM calendars WHERE establishment_id = ${establishmentId}::uuid ORDER BY chalet_id FOR UPDATE`;
  await closeDecisions(tx, { establishmentId }, context.now());
  await tx.calendar.deleteMany({ where: { establishmentId } });
  if (o.removeMirrors) await wakeMirrors(tx, { establishmentId, now: context.now() });
  else await tx.mirror.updateMany({ where: { establishmentId }, data: forgottenPlace });
}

/**
 * All were woken: one that is still due may be about to be made by a writer that has not seen yet that its calendar is
 * not used any more.
 */
async function mirrorsAreRemoved(context: Context, establishmentId: string): Promise<boolean> {
  const giveUpAt = Date.now() + removalPatienceMs;
  const unsettled = { establishmentId, OR: [{ placeEventId: { not: null } }, { nextAttemptAt: { not: null } }] };
  // What was left before waits for a day where it is out of reach; what is due sooner may be removed now.
  const soon = new Date(context.now().getTime() + context.timing.mirrorRetry.capMs);
  const isBusy = async () =>
    (await context.db.mirror.count({ where: unsettled })) > 0 ||
    (await context.db.leftMirror.count({ where: { establishmentId, nextAttemptAt: { lte: soon } } })) > 0;
  while (await isBusy()) {
    if (Date.now() > giveUpAt) return false;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return true;
}
