import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import {
  connectNats,
  consumeEvents,
  type EventMeta,
  ensureStream,
  isConnected,
  listDeadLetters,
  type NatsConnection,
  on,
  pingNats,
  replayDeadLetter,
  UnavailableError,
} from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { headers, type JetStreamManager } from 'nats';
import { bookingCreated, metrics, type Stage, setStage } from './support.ts';

type Body = { bookingId: string; version: number };
type Options = Partial<Parameters<typeof consumeEvents>[0]>;

let stage: Stage;
let nc: NatsConnection;
let jsm: JetStreamManager;
const running: { drain(): Promise<void> }[] = [];

beforeAll(async () => {
  stage = await setStage();
  nc = await stage.connect('availability');
  jsm = await nc.jetstreamManager({ checkAPI: false });
});
afterAll(() => stage.close());
beforeEach(async () => {
  await ensureStream(nc, 'BOOKING');
  await stage.pool.query('TRUNCATE dead_letters');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(consumer => consumer.drain()));
  await jsm.streams.delete('BOOKING').catch(() => undefined);
});

const base = () =>
  ({
    nc,
    stream: 'BOOKING',
    durable: 'availability',
    pool: stage.pool,
    logger: silentLogger,
    metrics: metrics(),
    retry: { baseMs: 5, capMs: 20 },
  }) as const;

async function consume(handler: (body: Body, meta: EventMeta) => Promise<void>, o: Options = {}) {
  const consumer = await consumeEvents({ ...base(), handlers: [on(bookingCreated, handler)], ...o });
  running.push(consumer);
  return consumer;
}

async function publish(bookingId: string, o: { subject?: string; text?: string; version?: number } = {}) {
  const h = headers();
  const id = newId();
  h.set('ce-id', id);
  h.set('ce-subject', bookingId);
  h.set('ce-time', '2026-01-25T10:00:00.000Z');
  const text = o.text ?? JSON.stringify({ bookingId, version: o.version ?? 1 });
  await nc.jetstream().publish(o.subject ?? 'booking.created', text, { msgID: id, headers: h });
  return id;
}

const settled = () =>
  eventually(async () => {
    const info = await jsm.consumers.info('BOOKING', 'availability');
    return info.num_pending === 0 && info.num_ack_pending === 0;
  });

test('an event is handled with its id and time, also when it was published before the consumer existed', async () => {
  const id = await publish('b-1');
  const seen: unknown[] = [];
  await consume(async (body, meta) => void seen.push([body, meta]));
  await settled();
  expect(seen).toEqual([
    [
      { bookingId: 'b-1', version: 1 },
      { id, time: new Date('2026-01-25T10:00:00Z'), deliveries: 1 },
    ],
  ]);
});

test('only subjects that have a handler are asked for', async () => {
  const seen: string[] = [];
  await consume(async ({ bookingId }) => void seen.push(bookingId));
  await publish('b-1', { subject: 'booking.cancelled' });
  await publish('b-2');
  await settled();
  expect(seen).toEqual(['b-2']);
  expect(await listDeadLetters(stage.pool)).toEqual([]);
});

test('a consumer may start before its stream exists', async () => {
  await jsm.streams.delete('BOOKING');
  const seen: string[] = [];
  await consume(async ({ bookingId }) => void seen.push(bookingId));
  await ensureStream(nc, 'BOOKING');
  await publish('b-1');
  await eventually(() => seen.length === 1);
});

test('an unreadable event goes to the dead letters at once, with its raw text, and blocks no other', async () => {
  const seen: string[] = [];
  await consume(async ({ bookingId }) => void seen.push(bookingId));
  const id = await publish('b-1', { text: '{"bookingId": \u0000 not json' });
  await publish('b-2');
  await settled();
  expect(seen).toEqual(['b-2']);
  expect(await listDeadLetters(stage.pool)).toMatchObject([
    {
      stream: 'BOOKING',
      consumer: 'availability',
      subject: 'booking.created',
      messageId: id,
      body: '{"bookingId": \uFFFD not json',
      headers: { 'ce-subject': 'b-1' },
      deliveries: 1,
      replayedAt: null,
    },
  ]);
});

test('an event that fails is tried again while others go on, and given up after its last try', async () => {
  const tries: number[] = [];
  const seen: string[] = [];
  await consume(
    async ({ bookingId }, { deliveries }) => {
      if (bookingId !== 'b-bad') return void seen.push(bookingId);
      tries.push(deliveries);
      throw new Error('no such chalet');
    },
    { maxDeliver: 4, concurrency: 1 },
  );
  await publish('b-bad');
  await publish('b-1');
  await publish('b-2');
  await settled();
  expect(tries).toEqual([1, 2, 3, 4]);
  expect(seen).toEqual(['b-1', 'b-2']);
  expect(await listDeadLetters(stage.pool)).toMatchObject([{ deliveries: 4, error: 'Error: no such chalet' }]);
});

test('an event that fails at first is handled in the end', async () => {
  const tries: number[] = [];
  await consume(async (_, { deliveries }) => {
    tries.push(deliveries);
    if (deliveries < 3) throw new Error('not yet');
  });
  await publish('b-1');
  await settled();
  expect(tries).toEqual([1, 2, 3]);
  expect(await listDeadLetters(stage.pool)).toEqual([]);
});

test('while the database is away events wait, and none is given up', async () => {
  const tries: number[] = [];
  const counters = metrics();
  await consume(
    async (_, { deliveries }) => {
      tries.push(deliveries);
      await stage.pool.query('SELECT 1');
    },
    { maxDeliver: 1, metrics: counters },
  );
  await settled();
  await stage.allowDatabase(false);
  await publish('b-1');
  await eventually(async () => (await counters.registry.metrics()).includes('outcome="retried"'));
  await stage.allowDatabase(true);
  await settled();
  expect(tries.length).toBeGreaterThan(1);
  expect(await listDeadLetters(stage.pool)).toEqual([]);
});

test('an event that takes long is not given to another replica meanwhile', async () => {
  const ackWaitMs = 3_000;
  const gate = Promise.withResolvers<void>();
  const deliveries: number[] = [];
  const handler = async (_: Body, meta: EventMeta) => {
    deliveries.push(meta.deliveries);
    await gate.promise;
  };
  await consume(handler, { ackWaitMs });
  await consume(handler, { ackWaitMs, nc: await stage.connect('availability') });
  await publish('b-1');
  await eventually(() => deliveries.length > 0);
  const longEnough = performance.now() + 2 * ackWaitMs;
  await eventually(() => performance.now() > longEnough);
  gate.resolve();
  await settled();
  expect(deliveries).toEqual([1]);
});

test('an event that nobody ever finishes is given up without being tried for ever', async () => {
  const tries: number[] = [];
  const gate = Promise.withResolvers<void>();
  // Each replica takes the event and dies on it; a connection that is closed stands for the death.
  for (const _ of [1, 2]) {
    const doomed = await connectNats({ servers: stage.nats.url, service: 'availability', logger: silentLogger });
    const options = { nc: doomed, maxDeliver: 1, ackWaitMs: 200 };
    await consumeEvents({
      ...base(),
      ...options,
      handlers: [
        on(bookingCreated, async (_body, meta) => {
          tries.push(meta.deliveries);
          await gate.promise;
        }),
      ],
    });
    if (tries.length === 0) await publish('b-1');
    const before = tries.length;
    await eventually(() => tries.length > before);
    await doomed.close();
  }
  await consume(async (_, meta) => void tries.push(meta.deliveries), { maxDeliver: 1, ackWaitMs: 200 });
  await settled();
  expect(tries).toEqual([1, 2]);
  expect(await listDeadLetters(stage.pool)).toMatchObject([{ deliveries: 3 }]);
  gate.resolve();
});

test('two replicas share the events', async () => {
  const counts = [0, 0];
  const other = await stage.connect('availability');
  const count = (index: number) => async () => {
    counts[index] = (counts[index] ?? 0) + 1;
    await new Promise(resolve => setImmediate(resolve));
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => publish(`b-${index}`)));
  await Promise.all([consume(count(0), { concurrency: 2 }), consume(count(1), { nc: other, concurrency: 2 })]);
  await settled();
  expect(counts.reduce((sum, each) => sum + each)).toBe(200);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

test('events of different bookings are handled side by side, those of one booking in turn', async () => {
  const gate = Promise.withResolvers<void>();
  const started: string[] = [];
  await consume(async ({ bookingId, version }) => {
    started.push(`${bookingId}/${version}`);
    await gate.promise;
  });
  await publish('b-1', { version: 1 });
  await publish('b-1', { version: 2 });
  await publish('b-2', { version: 1 });
  await eventually(() => started.includes('b-2/1'));
  expect(started).toEqual(['b-1/1', 'b-2/1']);
  gate.resolve();
  await settled();
  expect(started).toEqual(['b-1/1', 'b-2/1', 'b-1/2']);
});

test('a replica takes no more than it can work on, so that another can have the rest', async () => {
  const gate = Promise.withResolvers<void>();
  let working = 0;
  await consume(
    async () => {
      working += 1;
      await gate.promise;
    },
    { concurrency: 2 },
  );
  for (const index of [1, 2, 3, 4, 5]) await publish(`b-${index}`);
  await eventually(() => working === 2);
  const info = await jsm.consumers.info('BOOKING', 'availability');
  expect([info.num_ack_pending, info.num_pending]).toEqual([2, 3]);
  gate.resolve();
  await settled();
});

test('draining finishes what is in hand and leaves the rest to others', async () => {
  const gate = Promise.withResolvers<void>();
  const finished: string[] = [];
  const consumer = await consume(
    async ({ bookingId }) => {
      await gate.promise;
      finished.push(bookingId);
    },
    { concurrency: 1 },
  );
  await publish('b-1');
  await publish('b-2');
  await eventually(async () => (await jsm.consumers.info('BOOKING', 'availability')).num_ack_pending === 1);
  const drained = consumer.drain();
  gate.resolve();
  await drained;
  expect(finished).toEqual(['b-1']);
  await consume(async ({ bookingId }) => void finished.push(bookingId));
  await settled();
  expect(finished).toEqual(['b-1', 'b-2']);
});

test('goes on after the consumer, or the whole stream, was deleted', async () => {
  const seen = new Set<string>();
  await consume(async ({ bookingId }) => void seen.add(bookingId));
  await publish('b-1');
  await eventually(() => seen.has('b-1'));
  await jsm.consumers.delete('BOOKING', 'availability');
  await publish('b-2');
  await eventually(() => seen.has('b-2'));
  await jsm.streams.delete('BOOKING');
  await ensureStream(nc, 'BOOKING');
  await publish('b-3');
  await eventually(() => seen.has('b-3'));
});

test('goes on after NATS was restarted', async () => {
  const seen = new Set<string>();
  await consume(async ({ bookingId }) => void seen.add(bookingId));
  await publish('b-1');
  await eventually(() => seen.has('b-1'));
  await stage.nats.restart();
  await eventually(() => isConnected(nc));
  await pingNats(nc);
  await publish('b-2');
  await eventually(() => seen.has('b-2'));
});

test('a new handler’s subject is added to the consumer that exists', async () => {
  const first = await consume(async () => {});
  await publish('b-1');
  await settled();
  await first.drain();
  const seen: string[] = [];
  const cancelled = { ...bookingCreated, subject: 'booking.cancelled' };
  await consume(async () => {}, {
    handlers: [on(bookingCreated, async () => {}), on(cancelled, async ({ bookingId }) => void seen.push(bookingId))],
  });
  await publish('b-2', { subject: 'booking.cancelled' });
  await eventually(() => seen.length === 1);
});

test('an older version beside a newer one passes over nothing that only the newer one handles', async () => {
  const cancelled = { ...bookingCreated, subject: 'booking.cancelled' };
  const seen: string[] = [];
  const handlers = [
    on(bookingCreated, async () => {}),
    on(cancelled, async ({ bookingId }) => void seen.push(bookingId)),
  ];
  const newer = await consume(async () => {}, { handlers });
  await newer.drain();
  const older = await consume(async () => {}, { maxDeliver: 2 });
  await publish('b-1', { subject: 'booking.cancelled' });
  const letter = await eventually(async () => (await listDeadLetters(stage.pool))[0]);
  expect(letter).toMatchObject({ subject: 'booking.cancelled' });
  await older.drain();

  await consume(async () => {}, { handlers });
  await replayDeadLetter({ pool: stage.pool, nc, id: letter.id });
  expect(seen).toEqual(['b-1']);
});

test('a dead letter is replayed by the consumer that gave it up, and by no other', async () => {
  let broken = true;
  const replayed: EventMeta[] = [];
  const elsewhere: string[] = [];
  await consume(
    async (_, meta) => {
      if (broken) throw new Error('a bug');
      replayed.push(meta);
    },
    { maxDeliver: 1 },
  );
  await consume(async ({ bookingId }) => void elsewhere.push(bookingId), { durable: 'payment' });
  const id = await publish('b-1');
  const letter = await eventually(async () => (await listDeadLetters(stage.pool))[0]);

  const replay = () => replayDeadLetter({ pool: stage.pool, nc, id: letter.id });
  await expect(replay()).rejects.toThrow('a bug');
  expect(await listDeadLetters(stage.pool)).toHaveLength(1);

  broken = false;
  await replay();
  expect(replayed).toMatchObject([{ id, deliveries: 2 }]);
  expect(elsewhere).toEqual(['b-1']);
  expect(await listDeadLetters(stage.pool)).toEqual([]);
  expect(await listDeadLetters(stage.pool, { replayed: true })).toMatchObject([{ replayedAt: expect.any(Date) }]);
});

test('an operator lists what was given up, without its content, and has all of it handled again', async () => {
  let broken = true;
  await consume(
    async () => {
      if (broken) throw new Error('a bug');
    },
    { maxDeliver: 1 },
  );
  await publish('b-1');
  await eventually(async () => (await listDeadLetters(stage.pool)).length === 1);
  const env = { DATABASE_URL: stage.pool.options.connectionString ?? '', NATS_URL: stage.nats.url };
  const entry = path.join(import.meta.dirname, '..', 'src', 'dead-letters-main.ts');
  const run = promisify(execFile);

  const { stdout: listed } = await run(process.execPath, [entry], { env });
  expect(JSON.parse(listed)).toMatchObject({ subject: 'booking.created', error: expect.stringContaining('a bug') });
  expect(listed).not.toContain('b-1');
  await expect(run(process.execPath, [entry, 'replay', 'all'], { env })).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('a bug'),
  });

  broken = false;
  const { stdout: replayed } = await run(process.execPath, [entry, 'replay', 'all'], { env });
  expect(replayed).toMatch(/^\S+ booking\.created: handled\n$/);
  expect((await run(process.execPath, [entry], { env })).stdout).toBe('');
}, 60_000);

test('a replay without a running replica is unavailable', async () => {
  const consumer = await consume(async () => Promise.reject(new Error('a bug')), { maxDeliver: 1 });
  await publish('b-1');
  const letter = await eventually(async () => (await listDeadLetters(stage.pool))[0]);
  await consumer.drain();
  await expect(replayDeadLetter({ pool: stage.pool, nc, id: letter.id })).rejects.toThrow(UnavailableError);
});
