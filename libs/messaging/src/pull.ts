import { fullJitter, type Logger } from '@monde-sauvage/service-kit';
import { type Msg, type NatsConnection, nanos } from 'nats';
import { isConnected, newInbox, onConnectionChange, waitUntilConnected } from './connection.ts';
import { type PulledMessage, toPulledMessage } from './pulled-message.ts';
import { describeError } from './streams.ts';

const expiresMs = 20_000;
const heartbeatMs = 3_000;

/** How a pull request ended: ask again, look after the consumer first, or rest before asking. */
type Ending = 'again' | 'check' | 'rest';

/**
 * Pulls messages of a durable consumer, never more than there are free hands for: what a replica does not hold,
 * another replica can have, and nothing waits in memory while its ack_wait runs out.
 *
 * Written on the pull protocol itself (ADR-13) because the client's `consume()` fetches ahead and its `fetch()`
 * registers a status listener per call that is never released.
 * @param o.prepare creates the consumer where it is missing; called at first, after every outage, and again until it succeeds
 * @param o.freeHands how many more messages can be taken now
 */
export function startPull(o: {
  nc: NatsConnection;
  stream: string;
  durable: string;
  prepare(): Promise<void>;
  freeHands(): number;
  onMessage(message: PulledMessage): void;
  logger: Logger;
}): { wake(): void; stop(): Promise<void> } {
  const inbox = newInbox(o.nc);
  let stopping = false;
  let wake = () => {};
  let current: { replyTo: string; left: number; end(ending: Ending): void; heard(): void } | undefined;

  const subscription = o.nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error) {
        o.logger.error({ err: error }, 'may not receive events');
        return;
      }
      current?.heard();
      const pulled = toPulledMessage(message);
      if (pulled) {
        o.onMessage(pulled);
        if (current && --current.left === 0) current.end('again');
      } else if (current?.replyTo === message.subject) {
        const ending = readStatus(message, o.logger);
        if (ending) current.end(ending);
      }
    },
  });

  const pull = (batch: number, sequence: number) =>
    new Promise<Ending>(resolve => {
      const replyTo = `${inbox}.${sequence}`;
      let silence: NodeJS.Timeout | undefined;
      const end = (ending: Ending) => {
        clearTimeout(silence);
        current = undefined;
        resolve(ending);
      };
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(end, 2 * heartbeatMs + 500, 'check');
      };
      current = { replyTo, left: batch, end, heard };
      heard();
      const body = { batch, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) };
      o.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${o.stream}.${o.durable}`, JSON.stringify(body), { reply: replyTo });
    });

  const rest = (ms: number) =>
    new Promise<void>(resolve => {
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      wake = finish;
    });

  const prepareWithPatience = async (): Promise<boolean> => {
    for (let attempt = 0; !stopping && isConnected(o.nc); attempt += 1) {
      try {
        await o.prepare();
        if (attempt > 0) o.logger.info('events can be consumed');
        return true;
      } catch (error) {
        // The publisher may not have started yet: news once, then silence until it has.
        const level = attempt === 0 ? 'info' : 'debug';
        o.logger[level]({ error: describeError(error) }, 'events cannot be consumed yet; waiting for the stream');
        await rest(50 + fullJitter(attempt, { baseMs: 200, capMs: 3_000 }));
      }
    }
    return false;
  };

  const loop = async () => {
    let ready = false;
    for (let sequence = 0; !stopping; sequence += 1) {
      if (!isConnected(o.nc)) {
        ready = false;
        if (o.nc.isClosed()) return;
        await waitUntilConnected(o.nc, 1_000);
        continue;
      }
      if (!ready) {
        ready = await prepareWithPatience();
        continue;
      }
      const free = o.freeHands();
      if (free <= 0) {
        await rest(1_000);
        continue;
      }
      const ending = await pull(free, sequence);
      ready = ending !== 'check';
      if (ending !== 'again' && !stopping) await rest(50 + fullJitter(1, { baseMs: 100, capMs: 500 }));
    }
  };
  const unsubscribe = onConnectionChange(o.nc, connected => {
    if (!connected) current?.end('check');
  });
  const done = loop().catch(error => o.logger.error({ err: error }, 'stopped consuming events'));

  return {
    wake: () => wake(),
    async stop() {
      stopping = true;
      unsubscribe();
      current?.end('again');
      wake();
      // Messages on their way still arrive at onMessage; the server takes the open pull request back.
      if (isConnected(o.nc)) await subscription.drain().catch(() => undefined);
      else subscription.unsubscribe();
      await done;
    },
  };
}

/** Status messages of the pull protocol; undefined for those that end nothing. */
function readStatus(message: Msg, logger: Logger): Ending | undefined {
  const code = message.headers?.code ?? 0;
  const description = message.headers?.description ?? '';
  if (code === 100) return undefined;
  if (code === 404 || code === 408) return 'again';
  if (code === 409) {
    if (/deleted/i.test(description)) return 'check';
    return /exceeded|limit/i.test(description) ? 'rest' : 'check';
  }
  // 503: neither the consumer nor JetStream is there.
  if (code !== 503) logger.warn({ code, description }, 'unexpected answer to a pull request');
  return 'check';
}
