import { expect, test } from '@jest/globals';
import { eventually } from './eventually.ts';

test('returns the first truthy value', async () => {
  const values = [undefined, false, 'here'] as const;
  let asked = 0;
  expect(await eventually(() => values[asked++])).toBe('here');
});

test('fails with what was awaited and what was seen last', async () => {
  const never = eventually(() => undefined, { timeoutMs: 1, describe: 'the booking is confirmed' });
  await expect(never).rejects.toThrow('the booking is confirmed did not come true within 1 ms; last value: undefined');
  const broken = eventually(() => Promise.reject(new Error('no table')), { timeoutMs: 1 });
  await expect(broken).rejects.toThrow('no table');
});
