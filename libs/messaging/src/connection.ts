import { readFileSync } from 'node:fs';
import type { Logger } from '@monde-sauvage/service-kit';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  createInbox,
  credsAuthenticator,
  Events,
  type NatsConnection,
} from 'nats';
import { parseServers } from './servers.ts';

export type { NatsConnection };

interface ConnectionState {
  connected: boolean;
  inboxPrefix: string;
  listeners: Set<(connected: boolean) => void>;
}

/** What the client does not tell: whether it is connected at this moment. Filled by connectNats. */
const states = new WeakMap<NatsConnection, ConnectionState>();

/** A dead server is noticed after two unanswered pings: 8 to 12 s. */
const pingIntervalMs = 4_000;
const dialTimeoutMs = 5_000;
const defaultConnectTimeoutMs = 20_000;

/**
 * Connects a service to NATS and stays connected: reconnects for ever, with jitter, to any of the servers, also after
 * credentials were refused (they may be in rotation; the file is read again for every attempt).
 *
 * Replies come to `_INBOX_<service>.>` only, so that permissions can keep one service from reading another's.
 * @param o.servers comma-separated, e.g. `nats://a:4222,nats://b:4222`; a user and password may stand in the first URL
 * @param o.connectTimeoutMs how long to wait for the first connection (20 s)
 * @throws Error with one line naming the servers and NATS_URL when the first connection cannot be made in time
 */
export async function connectNats(o: {
  servers: string;
  service: string;
  credsFile?: string | undefined;
  logger: Logger;
  onStatus?: ((connected: boolean) => void) | undefined;
  connectTimeoutMs?: number | undefined;
}): Promise<NatsConnection> {
  const { servers, user, pass } = parseServers(o.servers);
  const patienceMs = o.connectTimeoutMs ?? defaultConnectTimeoutMs;
  const giveUpAt = Date.now() + patienceMs;
  const inboxPrefix = `_INBOX_${o.service}`;
  let connectedOnce = false;
  const options: ConnectionOptions = {
    servers,
    name: o.service,
    inboxPrefix,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    timeout: Math.min(dialTimeoutMs, patienceMs),
    noAsyncTraces: true,
    ...(o.credsFile === undefined ? {} : { authenticator: credsFromFile(o.credsFile) }),
    ...(user === undefined ? {} : { user, pass: pass ?? '' }),
  };
  let nc: NatsConnection;
  try {
    nc = await connect({
      ...options,
      maxReconnectAttempts: -1,
      waitOnFirstConnect: true,
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => {
        // The client has no limit of its own for the first connection; throwing here ends its dial loop.
        if (!connectedOnce && Date.now() > giveUpAt) throw new Error('gave up');
        return 200 + Math.random() * 1_000;
      },
    });
  } catch {
    const reason = await reasonOfFailure(options);
    throw new Error(`NATS does not answer at ${servers.join(', ')} (${reason}); start it or set NATS_URL`);
  }
  connectedOnce = true;
  watch(nc, { connected: true, inboxPrefix, listeners: new Set() }, o);
  o.logger.info({ server: nc.getServer() }, 'connected to NATS');
  o.onStatus?.(true);
  return nc;
}

/** Whether messages can be sent now. The client would buffer them while it reconnects, and lose them on the way. */
export const isConnected = (nc: NatsConnection): boolean =>
  !nc.isClosed() && !nc.isDraining() && (states.get(nc)?.connected ?? true);

/** Resolves as soon as there is a connection, or after `timeoutMs`; says which. */
export async function waitUntilConnected(nc: NatsConnection, timeoutMs: number): Promise<boolean> {
  if (isConnected(nc)) return true;
  if (nc.isClosed() || nc.isDraining()) return false;
  return new Promise(resolve => {
    const finish = () => {
      clearTimeout(timer);
      unsubscribe();
      resolve(isConnected(nc));
    };
    const timer = setTimeout(finish, timeoutMs);
    const unsubscribe = onConnectionChange(nc, finish);
  });
}

/** Calls back on every loss and return of the connection; returns the function that stops it. */
export function onConnectionChange(nc: NatsConnection, listener: (connected: boolean) => void): () => void {
  const listeners = states.get(nc)?.listeners;
  listeners?.add(listener);
  return () => listeners?.delete(listener);
}

/** A fresh reply subject under the service's own prefix. */
export const newInbox = (nc: NatsConnection): string => createInbox(states.get(nc)?.inboxPrefix);

/**
 * Readiness probe: a round trip to the server.
 * @throws Error when there is no connection
 */
export async function pingNats(nc: NatsConnection): Promise<void> {
  if (!isConnected(nc)) throw new Error('not connected to NATS');
  await nc.flush();
}

/** Resolves when the server knows of the subscriptions made so far; without a connection it learns of them on reconnect. */
export async function announceSubscriptions(nc: NatsConnection): Promise<void> {
  if (isConnected(nc)) await nc.flush().catch(() => undefined);
}

/** Sends what is still to be sent and closes. Waits at most `timeoutMs` for the server, which may be gone. */
export async function closeNats(nc: NatsConnection, timeoutMs = 2_000): Promise<void> {
  if (nc.isClosed()) return;
  if (!isConnected(nc)) return nc.close();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>(resolve => {
    timer = setTimeout(() => resolve(nc.close()), timeoutMs);
  });
  await Promise.race([nc.drain(), limit]).finally(() => clearTimeout(timer));
}

function watch(
  nc: NatsConnection,
  state: ConnectionState,
  o: { logger: Logger; onStatus?: ((connected: boolean) => void) | undefined },
): void {
  states.set(nc, state);
  const change = (connected: boolean) => {
    if (state.connected === connected) return;
    state.connected = connected;
    o.onStatus?.(connected);
    for (const listener of [...state.listeners]) listener(connected);
  };
  const follow = async () => {
    for await (const status of nc.status()) {
      if (status.type === Events.Disconnect) {
        o.logger.warn({ server: status.data }, 'lost the connection to NATS; reconnecting');
        change(false);
      } else if (status.type === Events.Reconnect) {
        o.logger.info({ server: status.data }, 'reconnected to NATS');
        change(true);
      } else if (status.type === Events.Error) {
        o.logger.error({ error: status.data, permission: status.permissionContext }, 'NATS reported an error');
      }
    }
  };
  follow().catch(error => o.logger.error({ err: error }, 'lost sight of the NATS connection status'));
  nc.closed().then(() => change(false));
}

/** Reads the file for every connection, so that rotated credentials are taken up without a restart. */
function credsFromFile(path: string): Authenticator {
  try {
    readFileSync(path);
  } catch (error) {
    throw new Error(`NATS_CREDS: cannot read ${path} (${error instanceof Error ? error.message : String(error)})`);
  }
  return nonce => credsAuthenticator(readFileSync(path))(nonce);
}

/** One last attempt that, unlike the patient ones, says what is wrong. */
async function reasonOfFailure(options: ConnectionOptions): Promise<string> {
  try {
    const nc = await connect({ ...options, reconnect: false, timeout: 2_000 });
    await nc.close();
    return 'it answers only now';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
