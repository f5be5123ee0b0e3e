import { fullJitter } from '@monde-sauvage/service-kit';
import type { Context } from '../context.ts';
import type { Connection } from '../generated/prisma/client.ts';
import { revokeConnection } from '../operations/revoke-connection.ts';
import { storeRotatedToken } from '../operations/store-rotated-token.ts';
import { keepLease } from '../stores/keep-lease.ts';
import type { Call } from './calendar-api.ts';
import { GoogleCallError } from './classify-error.ts';
import { createOAuthClient } from './oauth.ts';

/** As google-auth-library takes it; `expiry_date` in milliseconds since 1970. */
export interface AccessToken {
  access_token: string;
  expiry_date: number;
}

type Needed = Pick<Context, 'db' | 'config' | 'cipher' | 'now' | 'newId' | 'timing' | 'passing' | 'logger' | 'nudge'>;

/** Each time, another token than the one that was refused had been stored meanwhile. */
const mostTries = 3;
const storeAgain = { tries: 20, pause: { baseMs: 200, capMs: 30_000 } };

/**
 * Exchanges an establishment's refresh token for an access token. Only one replica at a time does so for a connection:
 * Google may rotate the refresh token, and whoever came with the old one before the new one is stored would be refused
 * for ever. The lease is therefore held until the new one is stored, however long Google takes. A connection is revoked
 * only when the token that was refused is still the one that is stored.
 * @throws GoogleCallError; `revoked` when there is no token that Google takes
 */
export async function refreshAccess(context: Needed, establishmentId: string, call: Call): Promise<AccessToken> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const lease = context.newId();
    const connection = await claimRefresh(context, establishmentId, lease);
    try {
      return await keepLease(
        context.timing,
        () => renewRefresh(context, establishmentId, lease),
        () => exchange(context, connection, call),
      );
    } catch (error) {
      if (!(error instanceof GoogleCallError) || error.failure.kind !== 'revoked') throw error;
      const { reason } = error.failure;
      if (await revokeConnection(context, establishmentId, connection.refreshToken, reason)) throw error;
    } finally {
      await context.db.connection.updateMany({
        where: { establishmentId, refreshOwner: lease },
        data: { refreshOwner: null, refreshUntil: null },
      });
    }
  }
  throw new GoogleCallError({ kind: 'retry', reason: 'the refresh token changes all the time' });
}

/** Waits while another replica is at it, for no longer than a replica that ended in the middle would keep its lease. */
async function claimRefresh(context: Needed, establishmentId: string, lease: string): Promise<Connection> {
  const { refreshLeaseMs, refreshPatienceMs } = context.timing;
  const giveUpAt = performance.now() + Math.max(refreshLeaseMs + 1_000, refreshPatienceMs);
  for (;;) {
    const now = context.now();
    const { count } = await context.db.connection.updateMany({
      where: {
        establishmentId,
        status: 'active',
        OR: [{ refreshUntil: null }, { refreshUntil: { lte: now } }],
      },
      data: { refreshOwner: lease, refreshUntil: leaseEnd(context, now) },
    });
    const row = await context.db.connection.findUnique({ where: { establishmentId } });
    if (row?.status !== 'active') {
      throw new GoogleCallError({ kind: 'revoked', reason: row?.reason ?? 'not connected to Google' });
    }
    // A lease that was taken slowly may be over, and another one's, before it was of any use.
    const isHeld = row.refreshOwner === lease && row.refreshUntil !== null && row.refreshUntil > context.now();
    if (count === 1 && isHeld) return row;
    if (performance.now() > giveUpAt) {
      throw new GoogleCallError({ kind: 'retry', reason: 'another replica asks Google for access' });
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

const leaseEnd = ({ timing }: Needed, now: Date): Date => new Date(now.getTime() + timing.refreshLeaseMs);

const renewRefresh = (context: Needed, establishmentId: string, lease: string): Promise<unknown> =>
  context.db.connection.updateMany({
    where: { establishmentId, refreshOwner: lease },
    data: { refreshUntil: leaseEnd(context, context.now()) },
  });

async function exchange(
  context: Needed,
  { establishmentId, account, refreshToken, keyId }: Connection,
  call: Call,
): Promise<AccessToken> {
  const used = context.cipher.open({ ciphertext: refreshToken, keyId }, establishmentId);
  const client = createOAuthClient(context.config, context.timing.refreshAnswerMs);
  client.setCredentials({ refresh_token: used });
  // The only place where google-auth-library hands out a refresh token that Google rotated.
  let rotated: string | undefined;
  client.on('tokens', tokens => {
    rotated = tokens.refresh_token ?? undefined;
  });
  const token = await call('token.refresh', async () => {
    const { credentials } = await client.refreshAccessToken();
    return { data: credentials };
  });
  if (rotated !== undefined && rotated !== used)
    await keepRotated(context, { establishmentId, account, used, rotated });
  if (!token.access_token) throw new GoogleCallError({ kind: 'retry', reason: 'Google gave no access token' });
  return {
    access_token: token.access_token,
    // An answer need not say for how long: what ends earlier is refused with a 401, and refreshed then.
    expiry_date: token.expiry_date ?? context.now().getTime() + 3_600_000,
  };
}

/** Nobody else has this token, and the old one may be dead: a database that is away for a while must not lose it. */
async function keepRotated(
  context: Needed,
  o: { establishmentId: string; account: string | null; used: string; rotated: string },
): Promise<void> {
  const { establishmentId } = o;
  for (let tries = 0; ; tries += 1) {
    await context.passing('token refreshed, the new one not stored');
    try {
      return await storeRotatedToken(context, o);
    } catch (error) {
      if (tries === storeAgain.tries) {
        context.logger.error(
          { err: error, establishmentId },
          'a rotated token is lost: its owner may have to reconnect',
        );
        return;
      }
      context.logger.error({ err: error, establishmentId, tries }, 'a rotated token was not stored yet');
    }
    await new Promise(resolve => setTimeout(resolve, fullJitter(tries, storeAgain.pause)));
  }
}
