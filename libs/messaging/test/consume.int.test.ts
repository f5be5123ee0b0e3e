import { expect, test } from '@jest/globals';
import { listDeadLetters } from '@monde-sauvage/messaging';
import { useConsumerStage } from './consumer-stage.ts';

/** What a consumer makes of events: those it handles, those that fail, those that cannot be read. */

const stage = useConsumerStage();

test('an event is handled with its id and time, also when it was published before the consumer existed', async () => {
  const id = await stage().publish('b-1');
  const seen: unknown[] = [];
  await stage().consume(async (body, meta) => void seen.push([body, meta]));
  await stage().settled();
  expect(seen).toEqual([
    [
      { bookingId: 'b-1', version: 1 },
      { id, time: new Date('2026-01-25T10:00:00Z'), deliveries: 1 },
    ],
  ]);
});

test('only subjects that have a handler are asked for', async () => {
  const seen: string[] = [];
  await stage().consume(async ({ bookingId }) => void seen.push(bookingId));
  await stage().publish('b-1', { subject: 'booking.cancelled' });
  await stage().publish('b-2');
  await stage().settled();
  expect(seen).toEqual(['b-2']);
  expect(await listDeadLetters(stage().pool)).toEqual([]);
});

test('an unreadable event goes to the dead letters at once, with its raw text, and blocks no other', async () => {
  const seen: string[] = [];
  await stage().consume(async ({ bookingId }) => void seen.push(bookingId));
  const id = await stage().publish('b-1', { text: '{"bookingId": \u0000 not json' });
  await stage().publish('b-2');
  await stage().settled();
  expect(seen).toEqual(['b-2']);
  expect(await listDeadLetters(stage().pool)).toMatchObject([
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
  await stage().consume(
    async ({ bookingId }, { deliveries }) => {
      if (bookingId !== 'b-bad') return void seen.push(bookingId);
      tries.push(deliveries);
      throw new Error('no such chalet');
    },
    { maxDeliver: 4, concurrency: 1 },
  );
  await stage().publish('b-bad');
  await stage().publish('b-1');
  await stage().publish('b-2');
  await stage().settled();
  expect(tries).toEqual([1, 2, 3, 4]);
  expect(seen).toEqual(['b-1', 'b-2']);
  expect(await listDeadLetters(stage().pool)).toMatchObject([{ deliveries: 4, error: 'Error: no such chalet' }]);
});

test('an event that fails at first is handled in the end', async () => {
  const tries: number[] = [];
  await stage().consume(async (_, { deliveries }) => {
    tries.push(deliveries);
    if (deliveries < 3) throw new Error('not yet');
  });
  await stage().publish('b-1');
  await stage().settled();
  expect(tries).toEqual([1, 2, 3]);
  expect(await listDeadLetters(stage().pool)).toEqual([]);
});
