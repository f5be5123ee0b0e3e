import { calendarEvents, ok, type Result, refuse } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { Context } from '../context.ts';
import { classifyGoogleError, GoogleCallError } from '../google/classify-error.ts';
import { createOAuthClient, hashOf, scopes } from '../google/oauth.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirrors } from '../stores/wake-mirrors.ts';

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
    return refuse('validation_failed', 'This link was used before or is too old. Start again from your settings.');
  }
  if (input.code === undefined) {
    const declined = input.error === 'access_denied';
    const why = declined ? 'Access was not granted in Google.' : `Google answered: ${input.error ?? 'no code'}.`;
    return refuse('forbidden', `${why} Nothing was connected.`);
  }
  const client = createOAuthClient(context.config);
  const tokens = await client
    .getToken({ code: input.code, codeVerifier: attempt.codeVerifier })
    .then(answer => answer.tokens)
    .catch(error => failureOf(error));
  if (typeof tokens === 'string') {
    return refuse('forbidden', `Google did not accept the connection (${tokens}). Please start again.`);
  }
  // An answer that does not say what was granted means all that was asked for (RFC 6749, section 5.1).
  const granted = tokens.scope?.split(' ') ?? scopes;
  if (!tokens.refresh_token || scopes.some(scope => !granted.includes(scope))) {
    // Not revoked: Google would take back the account's whole consent, and with it a connection that works.
    return refuse('forbidden', 'Not every permission was ticked in Google. Please connect again and leave all ticked.');
  }
  client.setCredentials(tokens);
  const account = await findAccount(context, client);
  await context.passing('code exchanged for tokens, connection not stored');
  await storeConnection(context, {
    establishmentId: attempt.establishmentId,
    account,
    refreshToken: tokens.refresh_token,
    granted,
  });
  context.nudge.relay();
  context.nudge.mirrors();
  context.nudge.syncs();
  context.nudge.channels();
  context.logger.info({ establishmentId: attempt.establishmentId }, 'an establishment connected its Google account');
  return ok({ establishmentId: attempt.establishmentId, account });
}

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

/** Why Google refused, in its words. @throws UnavailableError when it did not answer */
function failureOf(error: unknown): string {
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

async function storeConnection(
  context: Context,
  o: { establishmentId: string; account: string | null; refreshToken: string; granted: string[] },
): Promise<void> {
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
  await transact(context.db, async tx => {
    await tx.connection.upsert({
      where: { establishmentId },
      create: { establishmentId, ...data },
      update: data,
    });
    await tx.calendar.updateMany({
      where: { establishmentId },
      data: {
        nextSyncAt: now,
        status: 'syncing',
        reason: null,
        since: null,
        failures: 0,
        watchAt: null,
        watchFailures: 0,
      },
    });
    // Google closed the channels of the grant before, or they belong to another account: open new ones.
    await tx.channel.updateMany({ where: { establishmentId, stoppedAt: null }, data: { stoppedAt: now } });
    await wakeMirrors(tx, { establishmentId, now });
    const body = { establishmentId, status: 'active' as const, reason: null, at: now.toISOString() };
    await writeEvents(tx, context, calendarEvents.connectionChanged, [{ aggregateId: establishmentId, body }]);
  });
}
