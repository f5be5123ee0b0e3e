import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventually } from './eventually.ts';
import { readPropertyRun, runSequences, type SequenceProperty } from './run-sequences.ts';

const holdsWhile = (isRight: (sequence: number[]) => boolean, seen: number[][] = []): SequenceProperty<number[]> => ({
  name: 'small numbers',
  sequence: fc.array(fc.nat(100), { maxLength: 8 }),
  describe: sequence => sequence.join(' '),
  batchSize: 10,
  async runBatch(sequences) {
    seen.push(...sequences);
    return sequences.map(one => (isRight(one) ? undefined : new Error('too large')));
  },
});
const failureOf = (run: Promise<void>): Promise<string> =>
  run.then(
    () => 'it held',
    error => error.message,
  );
const all = { seed: 7, first: 0, count: 40, path: undefined };

describe('a property of sequences', () => {
  test('runs as many as asked for, the same ones for the same seed', async () => {
    const [one, other]: number[][][] = [[], []];
    await runSequences(
      holdsWhile(() => true, one),
      all,
    );
    await runSequences(
      holdsWhile(() => true, other),
      all,
    );
    expect(one).toHaveLength(40);
    expect(other).toEqual(one);
  });

  test('says how to run a failing sequence again, and makes it smaller', async () => {
    const message = await failureOf(
      runSequences(
        holdsWhile(sequence => sequence.every(number => number < 50)),
        all,
      ),
    );
    const path = /PROPERTY_SEED=7 PROPERTY_PATH=(\d+(?::\d+)*)\n50\n/.exec(message)?.[1];
    expect(message).toContain('run it again with PROPERTY_SEED=7 PROPERTY_PATH=0-9');
    expect(path).toBeDefined();
    const seen: number[][] = [];
    const again = runSequences(
      holdsWhile(sequence => sequence.every(number => number < 50), seen),
      { ...all, path },
    );
    expect(await failureOf(again)).toContain('too large');
    expect(seen).toEqual([[50]]);
  });

  test('finds the same sequence again by its number alone', async () => {
    const seen: number[][] = [];
    await runSequences(
      holdsWhile(() => true, seen),
      all,
    );
    const alone: number[][] = [];
    await runSequences(
      holdsWhile(() => true, alone),
      { ...all, path: '23' },
    );
    expect(alone).toEqual([seen[23]]);
  });

  test('tells of a sequence that fails only among others', async () => {
    const fails: SequenceProperty<number[]> = {
      ...holdsWhile(() => true),
      runBatch: async batch => batch.map((_, index) => (index === 3 ? new Error('crowded') : undefined)),
    };
    expect(await failureOf(runSequences(fails, all))).toMatch(/sequence 3 fails[\s\S]*alone it holds[\s\S]*crowded/);
  });
});

test('what is cut short while it is made smaller has ended before the failure is told', async () => {
  const shrinkForMs = 1_000;
  let calls = 0;
  let under = 0;
  let cutShort = 0;
  const slow: SequenceProperty<number[]> = {
    ...holdsWhile(() => false),
    shrinkForMs,
    async runBatch(batch) {
      calls += 1;
      under += 1;
      // The first is the whole batch; those after it are made smaller, and each outlasts the time there is for all.
      const until = performance.now() + 2 * shrinkForMs;
      if (calls > 1) await eventually(() => performance.now() > until);
      if (calls > 1) cutShort += 1;
      under -= 1;
      return batch.map(sequence => (sequence.length > 2 ? new Error('too long') : undefined));
    },
  };
  expect(await failureOf(runSequences(slow, all))).toContain('too long');
  expect([under, cutShort]).toEqual([0, 1]);
});

describe('what to run', () => {
  test('is read from the environment', () => {
    const read = (env: Record<string, string>) => readPropertyRun(env, { count: 500 });
    expect(read({ PROPERTY_SEED: '-12' })).toEqual({ seed: -12, first: 0, count: 500, path: undefined });
    expect(read({ PROPERTY_SEED: '1', PROPERTY_PATH: '100-149' })).toEqual({
      seed: 1,
      first: 100,
      count: 50,
      path: undefined,
    });
    expect(read({ PROPERTY_SEED: '1', PROPERTY_PATH: '117:3:0' })).toMatchObject({ count: 1, path: '117:3:0' });
    expect(read({ PROPERTY_RUNS: '20' }).count).toBe(20);
  });

  test('is the same every time by default, and random when asked', () => {
    const seedOf = (env: Record<string, string>) => readPropertyRun(env, { count: 1 }).seed;
    expect(seedOf({})).toBe(seedOf({ PROPERTY_SEED: '' }));
    expect(new Set([1, 2, 3].map(() => seedOf({ PROPERTY_SEED: 'random' }))).size).toBe(3);
  });

  test('refuses what cannot be read', () => {
    expect(() => readPropertyRun({ PROPERTY_SEED: 'x' }, { count: 1 })).toThrow('PROPERTY_SEED must be a whole number');
    expect(() => readPropertyRun({ PROPERTY_PATH: 'all' }, { count: 1 })).toThrow('PROPERTY_PATH must be like 117');
  });
});
