import { expect, test } from '@jest/globals';
import { withRetries } from './retry.ts';

function failing(times: number, code: string): { run: () => Promise<string>; tries: () => number } {
  let tries = 0;
  const run = async () => {
    tries += 1;
    if (tries <= times) throw Object.assign(new Error(code), { code });
    return 'done';
  };
  return { run, tries: () => tries };
}

const random = () => 0;

test('runs again after a serialization failure and a lost connection', async () => {
  for (const code of ['40001', 'ECONNRESET', '57P01', 'P1001', 'P2034']) {
    const { run, tries } = failing(2, code);
    expect([await withRetries(run, { random }), tries()]).toEqual(['done', 3]);
  }
});

test('stops after the last try and throws what it threw', async () => {
  const { run, tries } = failing(9, '40001');
  await expect(withRetries(run, { random, attempts: 3 })).rejects.toMatchObject({ code: '40001' });
  expect(tries()).toBe(3);
});

test('leaves a deadlock to the caller unless asked', async () => {
  await expect(withRetries(failing(1, '40P01').run, { random })).rejects.toMatchObject({ code: '40P01' });
  expect(await withRetries(failing(1, '40P01').run, { random, deadlocks: true })).toBe('done');
});

test('never repeats what the database refused', async () => {
  const { run, tries } = failing(1, '23P01');
  await expect(withRetries(run, { random })).rejects.toMatchObject({ code: '23P01' });
  expect(tries()).toBe(1);
});

test('does not queue up again after a wait for a connection that took too long', async () => {
  let tries = 0;
  const run = async () => {
    tries += 1;
    throw new Error('timeout exceeded when trying to connect');
  };
  await expect(withRetries(run, { random })).rejects.toThrow('timeout exceeded');
  expect(tries).toBe(1);
});
