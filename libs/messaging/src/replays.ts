import type { StreamName } from '@monde-sauvage/contracts';
import type { Logger } from '@monde-sauvage/service-kit';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import { z } from 'zod';
import { findDeadLetter, markReplayed, replaySubject } from './dead-letters.ts';
import { type EventHandler, runTraced } from './event-handler.ts';
import { parseJson } from './request.ts';
import { describeError } from './streams.ts';

/**
 * Handles dead letters again, in this process, when an operator asks for it. See replayDeadLetter.
 * @returns drain(): takes no more replays and resolves when those in hand are answered
 */
export function serveReplays(o: {
  nc: NatsConnection;
  stream: StreamName;
  durable: string;
  pool: pg.Pool;
  handlers: Map<string, EventHandler>;
  logger: Logger;
}): { drain(): Promise<void> } {
  const held = new Set<Promise<void>>();
  const replay = async (text: string): Promise<{ error: string | null }> => {
    try {
      const { id } = z.object({ id: z.uuid() }).parse(parseJson(text));
      const letter = await findDeadLetter(o.pool, id);
      const handler = letter && o.handlers.get(letter.subject);
      if (letter === undefined || handler === undefined) return { error: 'nothing here can handle it' };
      const traceparent = letter.headers.traceparent;
      await runTraced(handler, o.durable, parseJson(letter.body), {
        id: letter.messageId ?? letter.id,
        time: new Date(letter.headers['ce-time'] ?? letter.createdAt),
        deliveries: letter.deliveries + 1,
        ...(traceparent === undefined ? {} : { traceparent }),
      });
      await markReplayed(o.pool, id);
      o.logger.info({ id, subject: letter.subject }, 'a dead letter was replayed');
      return { error: null };
    } catch (error) {
      o.logger.warn({ err: error }, 'a dead letter failed again');
      return { error: describeError(error) };
    }
  };
  const subscription = o.nc.subscribe(replaySubject(o.stream, o.durable), {
    queue: o.durable,
    callback: (error, message) => {
      if (error) {
        o.logger.error({ err: error }, 'cannot receive replays of dead letters');
        return;
      }
      const work = replay(message.string())
        .then(answer => void message.respond(JSON.stringify(answer)))
        .catch(failure => o.logger.error({ err: failure }, 'could not answer a replay'))
        .finally(() => held.delete(work));
      held.add(work);
    },
  });
  return {
    async drain() {
      await subscription.drain().catch(() => undefined);
      await Promise.all(held);
    },
  };
}
