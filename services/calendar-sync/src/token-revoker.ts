import { fullJitter, startWorker, type Worker } from '@monde-sauvage/service-kit';
import type { Context, Transaction } from './context.ts';
import type { SpentToken } from './generated/prisma/client.ts';
import { classifyGoogleError } from './google/classify-error.ts';
import { createOAuthClient } from './google/oauth.ts';

const claimMs = 30_000;
const retryPause = { baseMs: 2_000, capMs: 10 * 60_000 };
/** About two hours of tries. A token that Google keeps after that is worthless: nobody has it any more. */
const mostAttempts = 20;

/** Revokes tokens that are not used any more at Google, also those for which Google was away when they were given up. */
export const startTokenRevoker = (context: Context): Worker =>
  startWorker({
    name: 'token-revoker',
    everyMs: context.timing.lookForChannelsEveryMs,
    logger: context.logger,
    metrics: context.metrics,
    async run(signal) {
      const due = await context.db.spentToken.findMany({ where: { nextAttemptAt: { lte: context.now() } }, take: 20 });
      for (const token of due) {
        if (signal.aborted) return;
        await revokeSpentToken(context, token);
      }
    },
  });

/** Takes a connection's token out of use, in the transaction that gives it up; returns what is to be revoked. */
export const spendToken = (
  tx: Transaction,
  context: Pick<Context, 'newId' | 'now'>,
  o: { establishmentId: string; account: string | null; refreshToken: string; keyId: string },
): Promise<SpentToken> => {
  const { establishmentId, account, refreshToken, keyId } = o;
  const id = context.newId();
  return tx.spentToken.create({
    data: { id, establishmentId, account, refreshToken, keyId, nextAttemptAt: context.now() },
  });
};

/** One try, by one replica. What fails for now is tried again by the worker. */
export async function revokeSpentToken(context: Context, token: SpentToken): Promise<void> {
  const { id, establishmentId, account, attempts } = token;
  const now = context.now();
  const after = (ms: number) => new Date(now.getTime() + ms);
  const { count } = await context.db.spentToken.updateMany({
    where: { id, nextAttemptAt: { lte: now } },
    data: { nextAttemptAt: after(claimMs), attempts: { increment: 1 } },
  });
  if (count === 0) return;
  // Google takes back the whole consent of an account, and with it the tokens of its other establishments.
  const isNeeded = account !== null && (await context.db.connection.count({ where: { account } })) > 0;
  const failure = isNeeded ? undefined : await revoke(context, token);
  if (failure !== undefined) {
    // The address of the call contains the token: only what it means is logged.
    context.logger.warn({ establishmentId, reason: failure, attempts }, 'a token could not be revoked at Google');
    if (attempts + 1 < mostAttempts) {
      const nextAttemptAt = after(fullJitter(attempts, retryPause));
      await context.db.spentToken.updateMany({ where: { id }, data: { nextAttemptAt } });
      return;
    }
  }
  await context.db.spentToken.deleteMany({ where: { id } });
}

/** Why Google has not revoked it; undefined when it has, or does not know it any more. */
async function revoke(
  context: Context,
  { establishmentId, refreshToken, keyId }: SpentToken,
): Promise<string | undefined> {
  try {
    const token = context.cipher.open({ ciphertext: refreshToken, keyId }, establishmentId);
    await createOAuthClient(context.config).revokeToken(token);
    return undefined;
  } catch (error) {
    const failure = classifyGoogleError(error);
    const isDead = failure.kind !== 'retry' || failure.reason.startsWith('Google refused');
    return isDead && failure.kind !== 'quota' ? undefined : failure.reason;
  }
}
