import { calendarEvents } from '@monde-sauvage/contracts';
import type { Context, Transaction } from '../context.ts';
import type { Connection } from '../generated/prisma/client.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirrors } from '../stores/wake-mirrors.ts';
import { spendToken } from '../token-revoker.ts';

type Needed = Pick<Context, 'db' | 'cipher' | 'now' | 'newId' | 'logger' | 'nudge'>;

/**
 * Keeps the refresh token that Google handed out in place of another. A connection that was revoked meanwhile, because
 * somebody else was refused the older one, works again, and what waited for it goes on. When the owner connected anew
 * or disconnected since, nobody needs it: it is revoked, unless the account is still in use.
 * @param o.used the token it replaces
 */
export async function storeRotatedToken(
  context: Needed,
  o: { establishmentId: string; account: string | null; used: string; rotated: string },
): Promise<void> {
  const { establishmentId, account } = o;
  const sealed = context.cipher.seal(o.rotated, establishmentId);
  const outcome = await transact(context.db, async tx => {
    await tx.$queryRaw`SELECT 1 FROM connections WHERE establishment_id = ${establishmentId}::uuid FOR UPDATE`;
    const row = await tx.connection.findUnique({ where: { establishmentId } });
    const stored = row && tokenOf(context, row);
    // By a try before, whose answer was lost.
    if (stored === o.rotated) return 'stored';
    if (row === null || stored !== o.used) {
      const { ciphertext: refreshToken, keyId } = sealed;
      if (account !== null) await spendToken(tx, context, { establishmentId, account, refreshToken, keyId });
      return 'superseded';
    }
    await tx.connection.update({
      where: { establishmentId },
      data: { refreshToken: sealed.ciphertext, keyId: sealed.keyId },
    });
    if (row.status === 'active') return 'stored';
    await reactivate(tx, context, establishmentId);
    return 'reactivated';
  });
  context.logger.info({ establishmentId, outcome }, 'Google rotated a refresh token');
  if (outcome !== 'reactivated') return;
  context.nudge.relay();
  context.nudge.mirrors();
  context.nudge.syncs();
  context.nudge.channels();
}

/** Compared opened: the same token may have been sealed with another key since. */
function tokenOf({ cipher }: Needed, row: Connection): string | undefined {
  try {
    return cipher.open({ ciphertext: row.refreshToken, keyId: row.keyId }, row.establishmentId);
  } catch {
    return undefined;
  }
}

async function reactivate(tx: Transaction, context: Needed, establishmentId: string): Promise<void> {
  const now = context.now();
  await tx.connection.update({
    where: { establishmentId },
    data: { status: 'active', reason: null, since: now },
  });
  await tx.calendar.updateMany({
    where: { establishmentId, problem: 'revoked' },
    data: { status: 'syncing', reason: null, problem: null, since: null, failures: 0, nextSyncAt: now, watchAt: null },
  });
  await wakeMirrors(tx, { establishmentId, now });
  const body = { establishmentId, status: 'active' as const, reason: null, at: now.toISOString() };
  await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
}
