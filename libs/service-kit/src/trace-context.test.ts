import { expect, test } from '@jest/globals';
import { currentTraceparent, inTrace, newTraceparent, readTraceparent, traceIdOf } from './trace-context.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('takes a valid traceparent as it is', () => {
  expect(readTraceparent(traceparent)).toBe(traceparent);
  expect(traceIdOf(traceparent)).toBe('0af7651916cd43dd8448eb211c80319c');
});

test.each([
  undefined,
  '',
  'nonsense',
  traceparent.toUpperCase(),
  `${traceparent}0`,
  traceparent.replace('00-', 'ff-'),
  traceparent.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
  traceparent.replace('b7ad6b7169203331', '0'.repeat(16)),
])('takes %p for no trace at all', text => {
  expect(readTraceparent(text)).toBeUndefined();
});

test('begins traces that are valid and differ', () => {
  const [one, other] = [newTraceparent(), newTraceparent()];
  expect(readTraceparent(one)).toBe(one);
  expect(traceIdOf(one)).not.toBe(traceIdOf(other));
});

test('the current trace goes along with what is awaited, and no further', async () => {
  const seen = await inTrace(traceparent, async () => {
    await Promise.resolve();
    const outside = inTrace(undefined, currentTraceparent);
    return [currentTraceparent(), outside];
  });
  expect(seen).toEqual([traceparent, undefined]);
  expect(currentTraceparent()).toBeUndefined();
});
