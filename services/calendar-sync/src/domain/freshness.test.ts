import { describe, expect, test } from '@jest/globals';
import { freshnessAfter, isFresh } from './freshness.ts';

const oldest = new Date('2027-01-15T12:00:00Z');
const young = new Date('2027-01-15T12:00:01Z');
const old = new Date('2027-01-15T11:59:59Z');

describe('the freshness of a copy', () => {
  test.each([
    ['ok', young, true],
    ['ok', old, false],
    ['syncing', null, false],
    ['failing', young, false],
    ['blocked', young, false],
  ])('with status %s, read at %p: %p', (status, lastSyncAt, fresh) => {
    expect(isFresh({ status, lastSyncAt }, oldest)).toBe(fresh);
  });

  test.each([
    ['ok', young, 'synced', 'fresh'],
    // Another replica was faster.
    ['ok', young, 'busy', 'fresh'],
    ['ok', young, 'late', 'fresh'],
    ['ok', old, 'busy', 'stale'],
    ['syncing', null, 'busy', 'stale'],
    ['failing', old, 'busy', 'unreachable'],
    ['ok', old, 'late', 'unreachable'],
    ['failing', old, 'failed', 'unreachable'],
    ['blocked', young, 'failed', 'unreachable'],
    ['blocked', old, 'not_connected', 'not_connected'],
  ] as const)('after a try, with status %s, read at %p, that ended %s: %s', (status, lastSyncAt, outcome, said) => {
    expect(freshnessAfter({ status, lastSyncAt }, outcome, oldest)).toBe(said);
  });
});
