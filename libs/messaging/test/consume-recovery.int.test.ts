import { expect, test } from '@jest/globals';
import { ensureStream, isConnected, listDeadLetters, on, pingNats, replayDeadLetter } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import { useConsumerStage } from './consumer-stage.ts';
import { bookingCreated, metrics } from './support.ts';

/** A consumer outlives what it needs, and stands beside other versions of itself. */

const stage = useConsumerStage();

test('a consumer may start before its stream exists', async () => {
  await stage().jsm.streams.delete('BOOKING');
  const seen: string[] = [];
  await stage().consume(async ({ bookingId }) => void seen.push(bookingId));
  await ensureStream(stage().nc, 'BOOKING');
  await stage().publish('b-1');
  await eventually(() => seen.length === 1);
});

test('while the database is away events wait, and none is given up', async () => {
  const tries: number[] = [];
  const counters = metrics();
  await stage().consume(
    async (_, { deliveries }) => {
      tries.push(deliveries);
      await stage().pool.query('SELECT 1');
    },
    { maxDeliver: 1, metrics: counters },
  );
  await stage().settled();
  await stage().allowDatabase(false);
  await stage().publish('b-1');
  await eventually(async () => (await counters.registry.metrics()).includes('outcome="retried"'));
  await stage().allowDatabase(true);
  await stage().settled();
  expect(tries.length).toBeGreaterThan(1);
  expect(await listDeadLetters(stage().pool)).toEqual([]);
});

test('goes on after the consumer, or the whole stream, was deleted', async () => {
  const seen = new Set<string>();
  await stage().consume(async ({ bookingId }) => void seen.add(bookingId));
  await stage().publish('b-1');
  await eventually(() => seen.has('b-1'));
  await stage().jsm.consumers.delete('BOOKING', 'availability');
  await stage().publish('b-2');
  await eventually(() => seen.has('b-2'));
  await stage().jsm.streams.delete('BOOKING');
  await ensureStream(stage().nc, 'BOOKING');
  await stage().publish('b-3');
  await eventually(() => seen.has('b-3'));
});

test('goes on after NATS was restarted', async () => {
  const seen = new Set<string>();
  await stage().consume(async ({ bookingId }) => void seen.add(bookingId));
  await stage().publish('b-1');
  await eventually(() => seen.has('b-1'));
  await stage().nats.restart();
  await eventually(() => isConnected(stage().nc));
  await pingNats(stage().nc);
  await stage().publish('b-2');
  await eventually(() => seen.has('b-2'));
});

test('a new handler’s subject is added to the consumer that exists', async () => {
  const first = await stage().consume(async () => {});
  await stage().publish('b-1');
  await stage().settled();
  await first.drain();
  const seen: string[] = [];
  const cancelled = { ...bookingCreated, subject: 'booking.cancelled' };
  await stage().consume(async () => {}, {
    handlers: [on(bookingCreated, async () => {}), on(cancelled, async ({ bookingId }) => void seen.push(bookingId))],
  });
  await stage().publish('b-2', { subject: 'booking.cancelled' });
  await eventually(() => seen.length === 1);
});

test('an older version beside a newer one passes over nothing that only the newer one handles', async () => {
  const cancelled = { ...bookingCreated, subject: 'booking.cancelled' };
  const seen: string[] = [];
  const handlers = [
    on(bookingCreated, async () => {}),
    on(cancelled, async ({ bookingId }) => void seen.push(bookingId)),
  ];
  const newer = await stage().consume(async () => {}, { handlers });
  await newer.drain();
  const older = await stage().consume(async () => {}, { maxDeliver: 2 });
  await stage().publish('b-1', { subject: 'booking.cancelled' });
  const letter = await eventually(async () => (await listDeadLetters(stage().pool))[0]);
  expect(letter).toMatchObject({ subject: 'booking.cancelled' });
  await older.drain();

  await stage().consume(async () => {}, { handlers });
  await replayDeadLetter({ pool: stage().pool, nc: stage().nc, id: letter.id });
  expect(seen).toEqual(['b-1']);
});
