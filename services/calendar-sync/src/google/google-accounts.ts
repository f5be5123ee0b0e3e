import type { Clock, Logger, Metrics } from '@monde-sauvage/service-kit';
import { fullJitter, traced } from '@monde-sauvage/service-kit';
import type { OAuth2Client } from 'google-auth-library';
import type { CalendarSyncConfig } from '../config.ts';
import type { Context, Database } from '../context.ts';
import type { Connection } from '../generated/prisma/client.ts';
import type { Timing } from '../timing.ts';
import type { TokenCipher } from '../token-cipher.ts';
import { type CalendarApi, type Call, createCalendarApi } from './calendar-api.ts';
import { classifyGoogleError, GoogleCallError, type GoogleFailure } from './classify-error.ts';
import { pause, takeTurn } from './limiter.ts';
import { createOAuthClient } from './oauth.ts';

/** How an establishment's Google account can be used now. */
export type Access =
  | { status: 'active'; api: CalendarApi }
  | { status: 'revoked'; reason: string }
  | { status: 'not_connected' };

export interface GoogleAccounts {
  access(establishmentId: string): Promise<Access>;
  /** Calls with tokens that belong to no stored connection yet. */
  apiFor(client: OAuth2Client): CalendarApi;
}

interface Cached {
  /** The refresh token as it is stored: tells whether the row has another one by now. */
  sealed: string;
  client: OAuth2Client;
  /** Refresh tokens on their way to the database; a call does not return before they are there. */
  saving: Promise<void>;
}

/**
 * Gives out clients for the accounts in the `connections` table, one per account and refresh token, so that access
 * tokens are shared by the calls of this replica. `onRevoked` is told once a refresh token is known to be dead.
 */
export function createGoogleAccounts(o: {
  db: Database;
  config: CalendarSyncConfig;
  cipher: TokenCipher;
  now: Clock;
  timing: Timing;
  passing: Context['passing'];
  logger: Logger;
  metrics: Metrics;
  onRevoked: (establishmentId: string, refreshToken: string, reason: string) => Promise<void>;
}): GoogleAccounts {
  const cache = new Map<string, Cached>();
  const calls = o.metrics.counter('google_calls_total', 'Calls to Google', ['operation', 'outcome']);
  const seconds = o.metrics.histogram('google_call_seconds', 'Time Google takes to answer', ['operation']);

  /** @throws GoogleCallError in place of whatever the client library threw */
  const measured = async <T>(operation: string, run: () => Promise<{ data: T }>): Promise<T> => {
    const stop = seconds.startTimer({ operation });
    try {
      const { data } = await traced(`google ${operation}`, { kind: 'client' }, run);
      calls.inc({ operation, outcome: 'ok' });
      return data;
    } catch (error) {
      const failure = classifyGoogleError(error);
      calls.inc({ operation, outcome: failure.kind });
      throw new GoogleCallError(failure);
    } finally {
      stop();
    }
  };

  const cached = (row: Connection): Cached => {
    const known = cache.get(row.establishmentId);
    if (known?.sealed === row.refreshToken) return known;
    const client = createOAuthClient(o.config);
    client.setCredentials({
      refresh_token: o.cipher.open({ ciphertext: row.refreshToken, keyId: row.keyId }, row.establishmentId),
    });
    const entry: Cached = { sealed: row.refreshToken, client, saving: Promise.resolve() };
    // The only place where google-auth-library hands out a refresh token that Google rotated. It must also be put into
    // the client at once: the library would go on using the old one.
    client.on('tokens', tokens => {
      const rotated = tokens.refresh_token;
      if (!rotated || rotated === client.credentials.refresh_token) return;
      client.credentials.refresh_token = rotated;
      entry.saving = entry.saving
        .then(() => saveRotated(row.establishmentId, entry, rotated))
        .catch(error =>
          o.logger.error({ err: error, establishmentId: row.establishmentId }, 'a rotated token was not stored'),
        );
    });
    cache.set(row.establishmentId, entry);
    return entry;
  };

  const saveRotated = async (establishmentId: string, entry: Cached, refreshToken: string) => {
    await o.passing('token refreshed, the new one not stored');
    const sealed = o.cipher.seal(refreshToken, establishmentId);
    const { count } = await o.db.connection.updateMany({
      where: { establishmentId, refreshToken: entry.sealed },
      data: { refreshToken: sealed.ciphertext, keyId: sealed.keyId },
    });
    if (count === 1) entry.sealed = sealed.ciphertext;
    o.logger.info({ establishmentId, stored: count === 1 }, 'Google rotated a refresh token');
  };

  const react = async (establishmentId: string, entry: Cached, failure: GoogleFailure): Promise<void> => {
    const asked = 'retryAfterMs' in failure ? failure.retryAfterMs : undefined;
    if (failure.kind === 'quota' || asked !== undefined) {
      const waitMs = asked ?? o.timing.quotaPause.baseMs + fullJitter(2, o.timing.quotaPause);
      await pause(o.db, establishmentId, new Date(o.now().getTime() + waitMs));
    }
    if (failure.kind === 'revoked') {
      cache.delete(establishmentId);
      await o.onRevoked(establishmentId, entry.sealed, failure.reason);
    }
  };

  const callFor =
    (establishmentId: string, entry: Cached): Call =>
    async (operation, run) => {
      await takeTurn(o.db, establishmentId, o.now, o.timing.callSpacingMs);
      try {
        return await measured(operation, run).catch(error => {
          if (!(error instanceof GoogleCallError) || error.failure.kind !== 'unauthorized') throw error;
          // The access token ended early: the library refreshes when it has none, and this is tried once.
          entry.client.credentials.access_token = null;
          return measured(operation, run);
        });
      } catch (error) {
        if (error instanceof GoogleCallError) await react(establishmentId, entry, error.failure);
        throw error;
      } finally {
        await entry.saving;
      }
    };

  return {
    async access(establishmentId) {
      const row = await o.db.connection.findUnique({ where: { establishmentId } });
      if (row === null) return { status: 'not_connected' };
      if (row.status !== 'active') return { status: 'revoked', reason: row.reason ?? 'the access was withdrawn' };
      const entry = cached(row);
      const call = callFor(establishmentId, entry);
      return {
        status: 'active',
        api: createCalendarApi({ auth: entry.client, rootUrl: o.config.GOOGLE_API_BASE_URL, call }),
      };
    },
    apiFor: client => createCalendarApi({ auth: client, rootUrl: o.config.GOOGLE_API_BASE_URL, call: measured }),
  };
}
