import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { consumeEvents, type EventMeta, ensureStream, type NatsConnection, on } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { headers, type JetStreamManager } from 'nats';
import { bookingCreated, metrics, type Stage, setStage } from './support.ts';

export type Body = { bookingId: string; version: number };
type Options = Partial<Parameters<typeof consumeEvents>[0]>;

export interface ConsumerStage extends Stage {
  /** Of the service `availability`, whose consumer is tested. */
  nc: NatsConnection;
  jsm: JetStreamManager;
  /** What a consumer of `booking.created` is started with. */
  base(): Omit<Parameters<typeof consumeEvents>[0], 'handlers'>;
  /** Starts one; it is drained after the test. */
  consume(handler: (body: Body, meta: EventMeta) => Promise<void>, o?: Options): ReturnType<typeof consumeEvents>;
  /** @returns the event's id */
  publish(bookingId: string, o?: { subject?: string; text?: string; version?: number }): Promise<string>;
  /** Nothing waits for the consumer, or for its answer. */
  settled(): Promise<unknown>;
}

/** A stream BOOKING of its own for every test of a file, and consumers of it. @returns the stage, once tests run */
export function useConsumerStage(): () => ConsumerStage {
  let stage: ConsumerStage | undefined;
  const running: { drain(): Promise<void> }[] = [];
  const present = (): ConsumerStage => {
    if (stage === undefined) throw new Error('the stage is set once the tests run');
    return stage;
  };
  beforeAll(async () => {
    const bare = await setStage();
    const nc = await bare.connect('availability');
    const jsm = await nc.jetstreamManager({ checkAPI: false });
    const base = () =>
      ({
        nc,
        stream: 'BOOKING',
        durable: 'availability',
        pool: bare.pool,
        logger: silentLogger,
        metrics: metrics(),
        retry: { baseMs: 5, capMs: 20 },
      }) as const;
    stage = {
      ...bare,
      nc,
      jsm,
      base,
      async consume(handler, o = {}) {
        const consumer = await consumeEvents({ ...base(), handlers: [on(bookingCreated, handler)], ...o });
        running.push(consumer);
        return consumer;
      },
      async publish(bookingId, o = {}) {
        const h = headers();
        const id = newId();
        h.set('ce-id', id);
        h.set('ce-subject', bookingId);
        h.set('ce-time', '2026-01-25T10:00:00.000Z');
        const text = o.text ?? JSON.stringify({ bookingId, version: o.version ?? 1 });
        await nc.jetstream().publish(o.subject ?? 'booking.created', text, { msgID: id, headers: h });
        return id;
      },
      settled: () =>
        eventually(async () => {
          const info = await jsm.consumers.info('BOOKING', 'availability');
          return info.num_pending === 0 && info.num_ack_pending === 0;
        }),
    };
  });
  afterAll(() => stage?.close());
  beforeEach(async () => {
    await ensureStream(present().nc, 'BOOKING');
    await present().pool.query('TRUNCATE dead_letters');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(consumer => consumer.drain()));
    await present()
      .jsm.streams.delete('BOOKING')
      .catch(() => undefined);
  });
  return present;
}
