import type { Clock, Metrics } from '@monde-sauvage/service-kit';
import { fullJitter, traced } from '@monde-sauvage/service-kit';
import type { OAuth2Client } from 'google-auth-library';
import type { CalendarSyncConfig } from '../config.ts';
import type { Database } from '../context.ts';
import type { Connection } from '../generated/prisma/client.ts';
import type { Timing } from '../timing.ts';
import { type CalendarApi, type Call, createCalendarApi } from './calendar-api.ts';
import { askedWaitMs, classifyGoogleError, GoogleCallError, type GoogleFailure, isOfGoogle } from './classify-error.ts';
import { pause, takeTurn } from './limiter.ts';
import { createOAuthClient } from './oauth.ts';
import type { AccessToken } from './refresh-token.ts';

/** How an establishment's Google account can be used now. */
export type Access =
  | { status: 'active'; api: CalendarApi }
  | { status: 'revoked'; reason: string }
  | { status: 'not_connected' };

export interface GoogleAccounts {
  access(establishmentId: string): Promise<Access>;
  /** Calls with tokens that belong to no stored connection yet. */
  apiFor(client: OAuth2Client): CalendarApi;
  /** Resolves when no refresh token is being exchanged: ending in the middle may lose one that Google rotated. */
  settled(): Promise<void>;
}

interface Cached {
  /** Tells one grant from the next: its refresh token may be another one by now, its access token is good all the same. */
  grant: string;
  client: OAuth2Client;
}

/**
 * Gives out clients for the accounts in the `connections` table, one per grant, so that access tokens are shared by the
 * calls of this replica. `refresh` is asked for an access token when there is none that lasts.
 */
export function createGoogleAccounts(o: {
  db: Database;
  config: CalendarSyncConfig;
  now: Clock;
  timing: Timing;
  metrics: Metrics;
  refresh: (establishmentId: string, measured: Call) => Promise<AccessToken>;
}): GoogleAccounts {
  const cache = new Map<string, Cached>();
  const exchanges = new Set<Promise<unknown>>();
  const calls = o.metrics.counter('google_calls_total', 'Calls to Google', ['operation', 'outcome']);
  const seconds = o.metrics.histogram('google_call_seconds', 'Time Google takes to answer', ['operation']);

  /** @throws GoogleCallError in place of whatever the client library threw; what failed on our side is thrown as it is */
  const measured: Call = async (operation, run) => {
    const stop = seconds.startTimer({ operation });
    try {
      const { data } = await traced(`google ${operation}`, { kind: 'client' }, run);
      calls.inc({ operation, outcome: 'ok' });
      return data;
    } catch (error) {
      const isOurs = !(error instanceof GoogleCallError) && !isOfGoogle(error);
      const failure = error instanceof GoogleCallError ? error.failure : classifyGoogleError(error);
      calls.inc({ operation, outcome: isOurs ? 'internal' : failure.kind });
      throw isOurs ? error : new GoogleCallError(failure);
    } finally {
      stop();
    }
  };

  const cached = ({ establishmentId, account, connectedAt }: Connection): Cached => {
    const grant = `${account} ${connectedAt.toISOString()}`;
    const known = cache.get(establishmentId);
    if (known?.grant === grant) return known;
    const client = createOAuthClient(o.config);
    let refreshing: Promise<AccessToken> | undefined;
    const refresh = async (): Promise<AccessToken> => {
      try {
        const token = await o.refresh(establishmentId, measured);
        // Also for those who come after whoever asked for it has given up.
        client.setCredentials(token);
        return token;
      } finally {
        refreshing = undefined;
      }
    };
    // In place of the library's own refreshing: it knows nothing of the other replicas.
    client.refreshHandler = () => {
      if (refreshing === undefined) {
        refreshing = refresh();
        const ended = refreshing.then(nothing, nothing).finally(() => exchanges.delete(ended));
        exchanges.add(ended);
      }
      return patiently(o.timing.refreshPatienceMs, refreshing);
    };
    const entry = { grant, client };
    cache.set(establishmentId, entry);
    return entry;
  };

  const react = async (establishmentId: string, failure: GoogleFailure): Promise<void> => {
    const asked = askedWaitMs(failure);
    if (failure.kind === 'quota' || asked !== undefined) {
      const waitMs = asked ?? o.timing.quotaPause.baseMs + fullJitter(2, o.timing.quotaPause);
      await pause(o.db, establishmentId, new Date(o.now().getTime() + waitMs));
    }
    if (failure.kind === 'revoked') cache.delete(establishmentId);
  };

  const callFor =
    (establishmentId: string, entry: Cached): Call =>
    async (operation, run) => {
      await takeTurn(o.db, establishmentId, o.now, o.timing.callSpacingMs);
      try {
        return await withFreshToken(entry.client, () => measured(operation, run));
      } catch (error) {
        if (error instanceof GoogleCallError) await react(establishmentId, error.failure);
        throw error;
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
    settled: async () => void (await Promise.all(exchanges)),
  };
}

/**
 * An access token that ended early is refreshed, once: the library does so when there is none. One that somebody else got
 * while the call was under way is tried first.
 */
async function withFreshToken<T>(client: OAuth2Client, run: () => Promise<T>): Promise<T> {
  for (let isRefreshed = false; ; ) {
    const used = client.credentials.access_token;
    try {
      return await run();
    } catch (error) {
      const isRefused = error instanceof GoogleCallError && error.failure.kind === 'unauthorized';
      if (!isRefused || isRefreshed) throw error;
      const now = client.credentials.access_token;
      if (used && now && now !== used) continue;
      client.credentials.access_token = null;
      isRefreshed = true;
    }
  }
}

const nothing = () => undefined;

/** @throws GoogleCallError `retry` when the token does not come in time; it is waited for no longer, but not given up */
async function patiently(patienceMs: number, token: Promise<AccessToken>): Promise<AccessToken> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const failure = { kind: 'retry', reason: 'Google does not answer (access is asked for)' } as const;
    timer = setTimeout(() => reject(new GoogleCallError(failure)), patienceMs).unref();
  });
  return Promise.race([token, tooLate]).finally(() => clearTimeout(timer));
}
