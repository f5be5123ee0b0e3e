import { expect, test } from '@jest/globals';
import { currentTraceparent, inTrace } from './trace-context.ts';
import { startSpan, traced } from './tracing.ts';

const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const current = '00-11111111111111111111111111111111-2222222222222222-01';

/** Nothing here has a collector: spans are only the trace that they belong to. */
const parentOf = (kind: 'server' | 'client' | 'consumer' | 'internal', parent?: string) =>
  inTrace(current, () => startSpan('work', { kind, parent }).traceparent);

test('work that begins here belongs to the trace it is told, else to the current one', () => {
  expect([parentOf('client', given), parentOf('client'), parentOf('internal')]).toEqual([given, current, current]);
});

test('work that comes from outside belongs to the trace it brings, else to none', () => {
  expect([parentOf('server', given), parentOf('server'), parentOf('consumer')]).toEqual([given, undefined, undefined]);
  expect(parentOf('server', 'nonsense')).toBeUndefined();
});

test('what is traced runs inside its trace, and its result or error comes through', async () => {
  const work = traced('work', { parent: given }, async ({ traceparent }) => [traceparent, currentTraceparent()]);
  await expect(work).resolves.toEqual([given, given]);
  const failing = traced('work', {}, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
});
