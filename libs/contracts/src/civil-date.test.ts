import { expect, test } from '@jest/globals';
import { startOfDay } from './civil-date.ts';

test.each([
  ['2027-01-15', 'America/Toronto', '2027-01-15T05:00:00.000Z'],
  ['2027-03-14', 'America/Toronto', '2027-03-14T05:00:00.000Z'],
  ['2027-03-15', 'America/Toronto', '2027-03-15T04:00:00.000Z'],
  // Santiago puts its clocks forward at midnight: the day begins at one.
  ['2026-09-06', 'America/Santiago', '2026-09-06T04:00:00.000Z'],
  ['2028-02-29', 'UTC', '2028-02-29T00:00:00.000Z'],
])('%s begins in %s at %s', (date, timezone, instant) => {
  expect(startOfDay(date, timezone).toISOString()).toBe(instant);
});
