import { expect, test } from '@jest/globals';
import { selectFields } from './fields.ts';

const list = {
  kind: 'calendar#events',
  nextSyncToken: 't',
  items: [{ id: 'a', summary: 'A', start: { date: '2026-02-01', timeZone: 'UTC' } }],
};

test.each([
  ['nextSyncToken', { nextSyncToken: 't' }],
  ['items(id,start/date),kind', { kind: 'calendar#events', items: [{ id: 'a', start: { date: '2026-02-01' } }] }],
  ['items/summary', { items: [{ summary: 'A' }] }],
  ['items(start(timeZone),id)', { items: [{ id: 'a', start: { timeZone: 'UTC' } }] }],
  ['*', list],
])('keeps what %s names', (fields, expected) => {
  expect(selectFields(list, fields)).toEqual(expected);
});

test('refuses a mask whose brackets do not match', () => {
  expect(() => selectFields(list, 'items(id')).toThrow('Invalid field selection');
});
