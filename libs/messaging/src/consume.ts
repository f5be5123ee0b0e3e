import type { StreamName } from '@monde-sauvage/contracts';
import { fullJitter, type Logger, type Metrics, readTraceparent, traceIdOf } from '@monde-sauvage/service-kit';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import { announceSubscriptions, isConnected } from './connection.ts';
import { ensureConsumer } from './consumer-config.ts';
import { storeDeadLetter } from './dead-letters.ts';
import { type EventHandler, type EventMeta, runTraced, UnreadableEventError } from './event-handler.ts';
import { startPull } from './pull.ts';
import type { PulledMessage } from './pulled-message.ts';
import { serveReplays } from './replays.ts';
import { parseJson } from './request.ts';
import { describeError } from './streams.ts';

/** JetStream gives a message to another replica when it has heard nothing of it for this long. */
const defaultAckWaitMs = 10_000;
const retryDelay = { baseMs: 500, capMs: 60_000 };
const databasePatience = { baseMs: 250, capMs: 3_000 };

/**
 * Reacts to events of a stream through a durable pull consumer that all replicas of the service share. Waits quietly
 * where the stream does not exist yet, and re-creates the consumer (from the beginning) when it is gone.
 *
 * A failed event comes back after a growing, jittered delay while others go on. After `maxDeliver` tries (8), or at
 * once when its body is unreadable, it goes to `dead_letters`. The limit is counted here and not by the server, which
 * would skip the message silently; while the database is away nothing is pulled, so that an outage uses up no tries.
 * Events about one aggregate (`ce-subject`) are not handled side by side in one replica.
 *
 * @param o.durable name of the consumer; by convention the service's name
 * @param o.concurrency events handled at once by this replica (8)
 * @returns drain(): takes no more events and resolves when those in hand are settled
 */
export async function consumeEvents(o: {
  nc: NatsConnection;
  stream: StreamName;
  durable: string;
  handlers: EventHandler[];
  pool: pg.Pool;
  logger: Logger;
  metrics: Metrics;
  concurrency?: number | undefined;
  maxDeliver?: number | undefined;
  retry?: { baseMs: number; capMs: number } | undefined;
  ackWaitMs?: number | undefined;
}): Promise<{ drain(): Promise<void> }> {
  const handlers = tableOf(o.stream, o.handlers);
  const concurrency = o.concurrency ?? 8;
  const maxDeliver = o.maxDeliver ?? 8;
  const ackWaitMs = o.ackWaitMs ?? defaultAckWaitMs;
  const logger = o.logger.child({ stream: o.stream, consumer: o.durable });
  const seconds = o.metrics.histogram('event_seconds', 'Time to handle an event', ['subject']);
  const outcomes = o.metrics.counter('events_total', 'Deliveries of events, by outcome', ['subject', 'outcome']);
  const held = new Set<Promise<void>>();
  const lastOfAggregate = new Map<string, Promise<void>>();
  let draining = false;
  let databaseAway = false;

  const settle = async (message: PulledMessage): Promise<void> => {
    const handler = handlers.get(message.subject);
    const count = (outcome: string) => outcomes.inc({ subject: handler?.subject ?? 'unknown', outcome });
    const retryLater = () => {
      count('retried');
      message.nak(50 + fullJitter(message.deliveries - 1, o.retry ?? retryDelay));
    };
    const failure = await attempt(handler, message);
    if (failure === undefined) {
      message.ack();
      count('handled');
      return;
    }
    const about = {
      subject: message.subject,
      eventId: message.headers['ce-id'],
      deliveries: message.deliveries,
      traceId: traceIdOf(readTraceparent(message.headers.traceparent)),
    };
    if (!(await databaseAnswers(o.pool))) {
      logger.warn({ ...about, err: failure }, 'an event failed while the database is away; it will be tried again');
      retryLater();
      return waitForDatabase();
    }
    if (message.deliveries < maxDeliver && !(failure instanceof UnreadableEventError)) {
      logger.warn({ ...about, err: failure }, 'an event failed; it will be tried again');
      return retryLater();
    }
    try {
      await storeDeadLetter(o.pool, {
        stream: o.stream,
        consumer: o.durable,
        subject: message.subject,
        messageId: message.headers['ce-id'] ?? message.headers['nats-msg-id'] ?? null,
        body: message.text,
        headers: message.headers,
        error: describeError(failure),
        deliveries: message.deliveries,
        streamSequence: message.streamSequence,
      });
    } catch (error) {
      logger.error({ ...about, err: error }, 'a dead letter could not be stored; the event will be tried again');
      return retryLater();
    }
    message.term('stored as a dead letter');
    count('dead_lettered');
    logger.error({ ...about, err: failure }, 'an event was given up and stored as a dead letter');
  };

  const attempt = async (handler: EventHandler | undefined, message: PulledMessage): Promise<Error | undefined> => {
    if (handler === undefined) return new Error(`no handler for ${message.subject}; perhaps a newer version has one`);
    // It was given up, or the process died on it, and that could not be written down: do not die on it for ever.
    if (message.deliveries > 2 * maxDeliver) return new Error(`delivered ${message.deliveries} times without an end`);
    const stillBusy = keepWorking(message);
    const stop = seconds.startTimer({ subject: handler.subject });
    try {
      await runTraced(handler, o.durable, parseJson(message.text), metaOf(message));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      stop();
      clearInterval(stillBusy);
    }
  };

  const keepWorking = (message: PulledMessage): NodeJS.Timeout =>
    setInterval(() => {
      if (isConnected(o.nc)) message.working();
    }, ackWaitMs / 3).unref();

  const waitForDatabase = async () => {
    if (databaseAway) return;
    databaseAway = true;
    for (let tries = 0; databaseAway && !draining; tries += 1) {
      await new Promise(resolve => setTimeout(resolve, 100 + fullJitter(tries, databasePatience)));
      databaseAway = !(await databaseAnswers(o.pool));
    }
    databaseAway = false;
  };

  /** After the event of the same aggregate that came before it, if that is still in hand. */
  const settleInTurn = async (message: PulledMessage, previous: Promise<void> | undefined): Promise<void> => {
    const waiting = previous && keepWorking(message);
    await previous;
    clearInterval(waiting);
    await settle(message);
  };

  const pull = startPull({
    nc: o.nc,
    stream: o.stream,
    durable: o.durable,
    logger,
    prepare: () => ensureConsumer(o.nc, { ...o, subjects: [...handlers.keys()], ackWaitMs }),
    freeHands: () => (databaseAway ? 0 : concurrency - held.size),
    onMessage(message) {
      if (draining) return message.nak(1);
      const aggregate = message.headers['ce-subject'] ?? '';
      const previous = aggregate === '' ? undefined : lastOfAggregate.get(aggregate);
      const work = settleInTurn(message, previous)
        .catch(error => logger.error({ err: error, subject: message.subject }, 'an event could not be settled'))
        .finally(() => {
          held.delete(work);
          if (lastOfAggregate.get(aggregate) === work) lastOfAggregate.delete(aggregate);
          pull.wake();
        });
      held.add(work);
      if (aggregate !== '') lastOfAggregate.set(aggregate, work);
    },
  });
  const replays = serveReplays({ ...o, handlers, logger });
  await announceSubscriptions(o.nc);

  return {
    async drain() {
      draining = true;
      await Promise.all([pull.stop(), replays.drain()]);
      while (held.size > 0) await Promise.all(held);
    },
  };
}

function tableOf(stream: StreamName, handlers: EventHandler[]): Map<string, EventHandler> {
  const table = new Map(handlers.map(handler => [handler.subject, handler]));
  if (table.size !== handlers.length) throw new Error('two handlers for one subject');
  const stranger = handlers.find(handler => handler.stream !== stream);
  if (stranger) throw new Error(`${stranger.subject} is not in stream ${stream}`);
  return table;
}

function metaOf(message: PulledMessage): EventMeta {
  const traceparent = message.headers.traceparent;
  const time = new Date(message.headers['ce-time'] ?? '');
  return {
    id: message.headers['ce-id'] ?? `${message.stream}-${message.streamSequence}`,
    time: Number.isNaN(time.getTime()) ? message.storedAt : time,
    deliveries: message.deliveries,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

async function databaseAnswers(pool: pg.Pool): Promise<boolean> {
  try {
    await pool.query('SELECT 1');
    return true;
  } catch {
    return false;
  }
}
