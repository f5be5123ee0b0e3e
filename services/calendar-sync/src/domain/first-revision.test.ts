import { expect, test } from '@jest/globals';
import { firstRevision } from './first-revision.ts';

test('a first revision is above any that a database before this one counted to from its own first', () => {
  const first = firstRevision(new Date('2026-06-01T00:00:00Z'));
  expect(firstRevision(new Date('2026-06-01T01:00:00Z'))).toBeGreaterThan(first + 3_000);
});

test('a first revision is a positive number that a column takes until 2094', () => {
  expect(firstRevision(new Date('2025-01-01T00:00:00Z'))).toBe(1);
  expect(firstRevision(new Date('2094-01-01T00:00:00Z'))).toBeLessThan(2 ** 31);
});
