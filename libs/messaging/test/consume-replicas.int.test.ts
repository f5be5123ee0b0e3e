import { expect, test } from '@jest/globals';
import { connectNats, consumeEvents, type EventMeta, listDeadLetters, on } from '@monde-sauvage/messaging';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { type Body, useConsumerStage } from './consumer-stage.ts';
import { bookingCreated } from './support.ts';

/** Replicas of one consumer share its events; within one, bookings go side by side. */

const stage = useConsumerStage();

test('an event that takes long is not given to another replica meanwhile', async () => {
  // Of which a machine may stand still for a good part.
  const ackWaitMs = 10_000;
  const gate = Promise.withResolvers<void>();
  const deliveries: number[] = [];
  const handler = async (_: Body, meta: EventMeta) => {
    deliveries.push(meta.deliveries);
    await gate.promise;
  };
  await stage().consume(handler, { ackWaitMs });
  await stage().consume(handler, { ackWaitMs, nc: await stage().connect('availability') });
  await stage().publish('b-1');
  await eventually(() => deliveries.length > 0);
  const longEnough = performance.now() + 1.5 * ackWaitMs;
  await eventually(() => performance.now() > longEnough);
  gate.resolve();
  await stage().settled();
  expect(deliveries).toEqual([1]);
});

test('an event that nobody ever finishes is given up without being tried for ever', async () => {
  const tries: number[] = [];
  const gate = Promise.withResolvers<void>();
  // Long enough for a busy machine to close the connection before the event comes back to the replica that has it.
  const ackWaitMs = 8_000;
  // Each replica takes the event and dies on it; a connection that is closed stands for the death.
  for (const _ of [1, 2]) {
    const doomed = await connectNats({ servers: stage().nats.url, service: 'availability', logger: silentLogger });
    const options = { nc: doomed, maxDeliver: 1, ackWaitMs };
    await consumeEvents({
      ...stage().base(),
      ...options,
      handlers: [
        on(bookingCreated, async (_body, meta) => {
          tries.push(meta.deliveries);
          await gate.promise;
        }),
      ],
    });
    if (tries.length === 0) await stage().publish('b-1');
    const before = tries.length;
    await eventually(() => tries.length > before);
    await doomed.close();
  }
  await stage().consume(async (_, meta) => void tries.push(meta.deliveries), { maxDeliver: 1, ackWaitMs });
  await stage().settled();
  expect(tries).toEqual([1, 2]);
  expect(await listDeadLetters(stage().pool)).toMatchObject([{ deliveries: 3 }]);
  gate.resolve();
});

test('two replicas share the events', async () => {
  const counts = [0, 0];
  const other = await stage().connect('availability');
  const bothHaveSome = Promise.withResolvers<void>();
  // Who is first has no more than it can work on, until the other is there as well.
  const count = (index: number) => async () => {
    counts[index] = (counts[index] ?? 0) + 1;
    if (Math.min(...counts) > 0) bothHaveSome.resolve();
    await bothHaveSome.promise;
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => stage().publish(`b-${index}`)));
  await Promise.all([
    stage().consume(count(0), { concurrency: 2 }),
    stage().consume(count(1), { nc: other, concurrency: 2 }),
  ]);
  await stage().settled();
  expect(counts.reduce((sum, each) => sum + each)).toBe(200);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

test('events of different bookings are handled side by side, those of one booking in turn', async () => {
  const gate = Promise.withResolvers<void>();
  const started: string[] = [];
  await stage().consume(async ({ bookingId, version }) => {
    started.push(`${bookingId}/${version}`);
    await gate.promise;
  });
  await stage().publish('b-1', { version: 1 });
  await stage().publish('b-1', { version: 2 });
  await stage().publish('b-2', { version: 1 });
  await eventually(() => started.includes('b-2/1'));
  expect(started).toEqual(['b-1/1', 'b-2/1']);
  gate.resolve();
  await stage().settled();
  expect(started).toEqual(['b-1/1', 'b-2/1', 'b-1/2']);
});

test('a replica takes no more than it can work on, so that another can have the rest', async () => {
  const gate = Promise.withResolvers<void>();
  let working = 0;
  await stage().consume(
    async () => {
      working += 1;
      await gate.promise;
    },
    { concurrency: 2 },
  );
  for (const index of [1, 2, 3, 4, 5]) await stage().publish(`b-${index}`);
  await eventually(() => working === 2);
  const info = await stage().jsm.consumers.info('BOOKING', 'availability');
  expect([info.num_ack_pending, info.num_pending]).toEqual([2, 3]);
  gate.resolve();
  await stage().settled();
});

test('draining finishes what is in hand and leaves the rest to others', async () => {
  const gate = Promise.withResolvers<void>();
  const finished: string[] = [];
  const consumer = await stage().consume(
    async ({ bookingId }) => {
      await gate.promise;
      finished.push(bookingId);
    },
    { concurrency: 1 },
  );
  await stage().publish('b-1');
  await stage().publish('b-2');
  await eventually(async () => (await stage().jsm.consumers.info('BOOKING', 'availability')).num_ack_pending === 1);
  const drained = consumer.drain();
  gate.resolve();
  await drained;
  expect(finished).toEqual(['b-1']);
  await stage().consume(async ({ bookingId }) => void finished.push(bookingId));
  await stage().settled();
  expect(finished).toEqual(['b-1', 'b-2']);
});
