import { calendarEvents } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';

/**
 * Google does not take the refresh token any more, for ever: no call is made until the owner connects again. What the
 * mirrors want is kept. Nothing happens when another token has been stored since the one that was refused.
 * @param refreshToken the refused token as it is stored
 * @returns whether it was the one that is stored
 */
export async function revokeConnection(
  context: Pick<Context, 'db' | 'now' | 'newId' | 'logger' | 'nudge'>,
  establishmentId: string,
  refreshToken: string,
  reason: string,
): Promise<boolean> {
  const now = context.now();
  const revoked = await transact(context.db, async tx => {
    const { count } = await tx.connection.updateMany({
      where: { establishmentId, refreshToken, status: 'active' },
      data: { status: 'revoked', reason, since: now },
    });
    if (count === 0) return false;
    await tx.calendar.updateMany({
      where: { establishmentId },
      data: { status: 'blocked', problem: 'revoked', reason, since: now },
    });
    await tx.mirror.updateMany({
      where: { establishmentId, nextAttemptAt: { not: null } },
      data: { state: 'blocked', nextAttemptAt: null, lastError: reason, problem: 'revoked', problemSince: now },
    });
    const body = { establishmentId, status: 'revoked' as const, reason, at: now.toISOString() };
    await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
    return true;
  });
  if (!revoked) return false;
  context.logger.warn({ establishmentId, reason }, 'a Google connection was revoked');
  context.nudge.relay();
  return true;
}
