import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { type EventMeta, listDeadLetters, replayDeadLetter, UnavailableError } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import { useConsumerStage } from './consumer-stage.ts';

/** What was given up can be listed and handled again. */

const stage = useConsumerStage();

test('a dead letter is replayed by the consumer that gave it up, and by no other', async () => {
  let broken = true;
  const replayed: EventMeta[] = [];
  const elsewhere: string[] = [];
  await stage().consume(
    async (_, meta) => {
      if (broken) throw new Error('a bug');
      replayed.push(meta);
    },
    { maxDeliver: 1 },
  );
  await stage().consume(async ({ bookingId }) => void elsewhere.push(bookingId), { durable: 'payment' });
  const id = await stage().publish('b-1');
  const letter = await eventually(async () => (await listDeadLetters(stage().pool))[0]);

  const replay = () => replayDeadLetter({ pool: stage().pool, nc: stage().nc, id: letter.id });
  await expect(replay()).rejects.toThrow('a bug');
  expect(await listDeadLetters(stage().pool)).toHaveLength(1);

  broken = false;
  await replay();
  expect(replayed).toMatchObject([{ id, deliveries: 2 }]);
  await eventually(() => elsewhere.length > 0);
  expect(elsewhere).toEqual(['b-1']);
  expect(await listDeadLetters(stage().pool)).toEqual([]);
  expect(await listDeadLetters(stage().pool, { replayed: true })).toMatchObject([{ replayedAt: expect.any(Date) }]);
});

test('an operator lists what was given up, without its content, and has all of it handled again', async () => {
  let broken = true;
  await stage().consume(
    async () => {
      if (broken) throw new Error('a bug');
    },
    { maxDeliver: 1 },
  );
  await stage().publish('b-1');
  await eventually(async () => (await listDeadLetters(stage().pool)).length === 1);
  const env = { DATABASE_URL: stage().pool.options.connectionString ?? '', NATS_URL: stage().nats.url };
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
});

test('a replay without a running replica is unavailable', async () => {
  const consumer = await stage().consume(async () => Promise.reject(new Error('a bug')), { maxDeliver: 1 });
  await stage().publish('b-1');
  const letter = await eventually(async () => (await listDeadLetters(stage().pool))[0]);
  await consumer.drain();
  await expect(replayDeadLetter({ pool: stage().pool, nc: stage().nc, id: letter.id })).rejects.toThrow(
    UnavailableError,
  );
});
