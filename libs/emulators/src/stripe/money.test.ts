import { expect, test } from '@jest/globals';
import { formatMoney, leastCharge, smallestStep } from './money.ts';

test.each([
  [12_000, 'cad', '$120.00'],
  [500, 'jpy', '500'],
  [1_000, 'huf', '10.00'],
  [5_120, 'kwd', '5.120'],
])('%i of %s reads as %s', (amount, currency, text) => {
  expect(formatMoney(amount, currency)).toContain(text);
});

test.each([
  ['cad', 1],
  ['jpy', 1],
  ['kwd', 10],
  ['isk', 100],
])('an amount in %s is a multiple of %i', (currency, step) => {
  expect(smallestStep(currency)).toBe(step);
});

test.each([
  ['cad', 50],
  ['jpy', 50],
  ['gbp', 30],
  ['huf', 17_500],
])('a charge in %s is of at least %i', (currency, least) => {
  expect(leastCharge(currency)).toBe(least);
});
