import { expect, test } from '@jest/globals';
import { silentLogger } from '@monde-sauvage/testkit';
import { type Comparison, createRepairs } from './repairs.ts';
import { UnavailableError } from './unavailable-error.ts';

const minutes = 60_000;

function start({ fails = () => undefined as Error | undefined } = {}) {
  const made: string[] = [];
  let nowMs = 0;
  const takeIn = createRepairs({
    now: () => new Date(nowMs),
    logger: silentLogger,
    async repair(id, difference) {
      const error = fails();
      if (error) throw error;
      made.push(`${id}: ${difference}`);
    },
  });
  async function* look(found: Record<string, string | null>): AsyncGenerator<Comparison> {
    for (const [id, difference] of Object.entries(found)) yield { id, difference };
  }
  return {
    made,
    look: (found: Record<string, string | null>) => takeIn(look(found)),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a difference is repaired when two looks in a row saw it unchanged, and not again at once', async () => {
  const { look, made } = start();
  await look({ one: 'a', two: 'a', three: null });
  expect(made).toEqual([]);
  await look({ one: 'a', two: 'b', three: 'a' });
  expect(made).toEqual(['one: a']);
  await look({ one: 'a', two: 'b', three: null });
  await look({ one: 'a', two: 'b', three: 'a' });
  expect(made).toEqual(['one: a', 'two: b']);
});

test('what a repair did not mend is repaired again each hour, and what is another difference at once', async () => {
  const { look, made, pass } = start();
  await look({ one: 'a' });
  await look({ one: 'a' });
  pass(59 * minutes);
  await look({ one: 'a' });
  expect(made).toHaveLength(1);
  pass(minutes);
  await look({ one: 'a' });
  expect(made).toHaveLength(2);
  await look({ one: 'b' });
  await look({ one: 'b' });
  expect(made.at(-1)).toBe('one: b');
});

test('what was mended and differs again in the same way is repaired again', async () => {
  const { look, made } = start();
  for (const difference of ['a', 'a', null, 'a', 'a']) await look({ one: difference });
  expect(made).toEqual(['one: a', 'one: a']);
});

test('a repair that fails keeps no other from being made, and is tried at the next look', async () => {
  let failures = 1;
  const { look, made } = start({
    fails: () => {
      failures -= 1;
      return failures >= 0 ? new Error('refused') : undefined;
    },
  });
  await look({ one: 'a', two: 'a' });
  await look({ one: 'a', two: 'a' });
  expect(made).toEqual(['two: a']);
  await look({ one: 'a', two: 'a' });
  expect(made).toEqual(['two: a', 'one: a']);
});

test('a look that ends because nobody answers is no look: what was suspected before stays so', async () => {
  let isAway = true;
  const { look, made } = start({
    fails: () => (isAway ? new UnavailableError('booking', 'nobody listens') : undefined),
  });
  await look({ one: 'a', two: 'a' });
  await expect(look({ one: 'a', two: 'a' })).rejects.toThrow(UnavailableError);
  isAway = false;
  await look({ one: 'a', two: 'a' });
  expect(made).toEqual(['one: a', 'two: a']);
});
