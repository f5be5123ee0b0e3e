import { calendarEvents, ok, type Result, refuse } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import { atMost } from '@monde-sauvage/service-kit';
import { stopChannel } from '../channel-keeper.ts';
import type { Context } from '../context.ts';
import type { SpentToken } from '../generated/prisma/client.ts';
import { classifyGoogleError, GoogleCallError, isOfGoogle } from '../google/classify-error.ts';
import { createOAuthClient, hashOf, scopes } from '../google/oauth.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirrors } from '../stores/wake-mirrors.ts';
import { revokeSpentToken, spendToken } from '../token-revoker.ts';

const channelPatienceMs = 3_000;

type Completed = Result<{ establishmentId: string; account: string | null }>;

/**
 * The owner's browser came back from Google: exchanges the code for tokens and stores the connection. Whatever waited
 * for it (mirrors, syncs, channels) goes on.
 */
export async function completeConnection(
  context: Context,
  input: { state: string; code?: string | undefined; error?: string | undefined },
): Promise<Completed> {
  const attempt = await takeState(context, input.state);
  if (attempt === undefined) {
    return refuseFor(
      'state',
      'This link was used before or is too old. Start again from your settings.',
      'validation_failed',
    );
  }
  if (input.code === undefined) {
    const declined = input.error === 'access_denied';
    const why = declined ? 'Access was not granted in Google.' : `Google answered: ${input.error ?? 'no code'}.`;
    return refuseFor(declined ? 'error' : 'code', `${why} Nothing was connected.`);
  }
  const client = createOAuthClient(context.config);
  const tokens = await client
    .getToken({ code: input.code, codeVerifier: attempt.codeVerifier })
    .then(answer => answer.tokens)
    .catch(error => failureOf(error));
  if (typeof tokens === 'string') {
    return refuseFor('code', `Google did not accept the connection (${tokens}). Please start again.`);
  }
  // An answer that does not say what was granted means all that was asked for (RFC 6749, section 5.1).
  const granted = tokens.scope?.split(' ') ?? scopes;
  // Nothing is revoked here: Google would take back the account's whole consent, and with it a connection that works.
  if (scopes.some(scope => !granted.includes(scope))) {
    return refuseFor('scope', 'Not every permission was ticked in Google. Please connect again and leave all ticked.');
  }
  if (!tokens.refresh_token) {
    return refuseFor(
      'refresh_token',
      'Google gave no lasting access to this account. Nothing was connected. Please start again.',
    );
  }
  client.setCredentials(tokens);
  const account = await findAccount(context, client);
  await context.passing('code exchanged for tokens, connection not stored');
  await leaveOtherAccount(context, attempt.establishmentId, account);
  const replaced = await storeConnection(context, {
    establishmentId: attempt.establishmentId,
    account,
    refreshToken: tokens.refresh_token,
    granted,
  });
  if (replaced !== null) await revokeSpentToken(context, replaced);
  context.nudge.relay();
  context.nudge.mirrors();
  context.nudge.syncs();
  context.nudge.channels();
  context.logger.info({ establishmentId: attempt.establishmentId }, 'an establishment connected its Google account');
  return ok({ establishmentId: attempt.establishmentId, account });
}

/** `about` is what of OAuth it is about, for pages that say it in the owner's language. */
const refuseFor = (
  about: 'state' | 'error' | 'code' | 'scope' | 'refresh_token',
  message: string,
  code: 'forbidden' | 'validation_failed' = 'forbidden',
): Result<never> => refuse(code, message, [{ path: about, message }]);

async function takeState(
  context: Context,
  state: string,
): Promise<{ establishmentId: string; codeVerifier: string } | undefined> {
  const stateHash = hashOf(state);
  const now = context.now();
  const { count } = await context.db.oauthState.updateMany({
    where: { stateHash, usedAt: null, expiresAt: { gt: now } },
    data: { usedAt: now },
  });
  if (count === 0) return undefined;
  const row = await context.db.oauthState.findUniqueOrThrow({ where: { stateHash } });
  const codeVerifier = context.cipher.open({ ciphertext: row.codeVerifier, keyId: row.keyId }, stateHash);
  return { establishmentId: row.establishmentId, codeVerifier };
}

/** Why Google refused, in its words. @throws UnavailableError when it did not answer; what failed on our side as it is */
function failureOf(error: unknown): string {
  if (!isOfGoogle(error)) throw error;
  const failure = classifyGoogleError(error);
  if (failure.kind === 'retry' && !failure.reason.startsWith('Google refused')) {
    // Without its cause, which holds the request with its secrets.
    throw new UnavailableError('google', failure.reason);
  }
  return failure.reason;
}

/** The id of an account's primary calendar is its address, so no further permission is needed to know it. */
async function findAccount(context: Context, client: ReturnType<typeof createOAuthClient>): Promise<string | null> {
  try {
    return (await context.google.apiFor(client).getCalendar('primary')).id ?? null;
  } catch (error) {
    if (error instanceof GoogleCallError) return null;
    throw error;
  }
}

/** Best effort: only the account that opened a channel can stop it. One that is left open ends by itself. */
async function leaveOtherAccount(context: Context, establishmentId: string, account: string | null): Promise<void> {
  const before = await context.db.connection.findUnique({ where: { establishmentId } });
  if (before === null || before.status !== 'active' || !isOtherAccount(before, account)) return;
  const channels = await context.db.channel.findMany({ where: { establishmentId, stoppedAt: null } });
  await atMost(channelPatienceMs, Promise.all(channels.map(channel => stopChannel(context, channel))));
}

/** Of an account that could not be asked for its name nothing is known: its consent may be the same one. */
const isOtherAccount = (before: { account: string | null }, account: string | null): boolean =>
  before.account !== null && account !== null && before.account !== account;

/** @returns the token of another account that was connected before, which is to be revoked; null when there was none */
async function storeConnection(
  context: Context,
  o: { establishmentId: string; account: string | null; refreshToken: string; granted: string[] },
): Promise<SpentToken | null> {
  const now = context.now();
  const { establishmentId, account } = o;
  const { ciphertext, keyId } = context.cipher.seal(o.refreshToken, establishmentId);
  const data = {
    status: 'active',
    account,
    refreshToken: ciphertext,
    keyId,
    scopes: o.granted,
    reason: null,
    since: now,
    connectedAt: now,
    pausedUntil: null,
  };
  return transact(context.db, async tx => {
    // Owners who connect at once follow each other, also when there is no row yet.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${establishmentId}, 0))`;
    const before = await tx.connection.findUnique({ where: { establishmentId } });
    const isOther = before !== null && isOtherAccount(before, account);
    await tx.connection.upsert({
      where: { establishmentId },
      create: { establishmentId, ...data },
      update: data,
    });
    // A generation of its own: channels of the grant before may be closed, or go on. New ones are opened, and old ones
    // stopped, as after a choice. What the account before had to read is read anew.
    await tx.$executeRaw`
      UPDATE chalets SET calendar_generation = calendar_generation + 1
       WHERE id IN (SELECT chalet_id FROM calendars WHERE establishment_id = ${establishmentId}::uuid)`;
    await tx.$executeRaw`
      UPDATE calendars
         SET generation = chalets.calendar_generation, next_sync_at = ${now}::timestamptz, status = 'syncing',
             reason = NULL, problem = NULL, since = NULL, failures = 0, watch_at = NULL, watch_failures = 0, lease_owner = NULL,
             lease_until = NULL, sync_token = CASE WHEN ${isOther} THEN NULL ELSE sync_token END
        FROM chalets
       WHERE chalets.id = calendars.chalet_id AND calendars.establishment_id = ${establishmentId}::uuid`;
    if (isOther) {
      // Should the new account not see where they are, the owner is told which one does.
      await tx.mirror.updateMany({
        where: { establishmentId, placeEventId: { not: null }, placeAccount: null },
        data: { placeAccount: before.account },
      });
    }
    await wakeMirrors(tx, { establishmentId, now });
    const body = { establishmentId, status: 'active' as const, reason: null, at: now.toISOString() };
    await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
    return isOther && before.status === 'active' ? spendToken(tx, context, before) : null;
  });
}
