import { expect, it } from '@jest/globals';
import { findUnpayable, leastPayable, mostPayable } from './payable.ts';

it.each([
  ['USD', 50, 99_999_999],
  ['EUR', 50, 99_999_999],
  ['CAD', 50, 99_999_999],
  ['GBP', 30, 99_999_999],
  ['JPY', 50, 99_999_999],
  ['SEK', 300, 99_999_999],
  ['MXN', 1_000, 99_999_999],
  ['HUF', 17_500, 999_999_999],
  ['COP', 50, 999_999_999],
  ['IDR', 50, 999_999_999],
])('of %s from %i to %i can be paid', (currency, least, most) => {
  expect([leastPayable(currency), mostPayable(currency)]).toEqual([least, most]);
  const problem = (total: number) => findUnpayable({ total, currency })?.code;
  expect([0, 1, least - 1, least, most, most + 1].map(problem)).toEqual([
    undefined,
    'too_cheap',
    'too_cheap',
    undefined,
    undefined,
    'too_expensive',
  ]);
});

it('says how little is too little', () => {
  expect(findUnpayable({ total: 205, currency: 'CZK' })?.message).toBe(
    'costs 2.05 CZK, and less than 15.00 cannot be paid by card',
  );
});

it('has room for a price that is paid twice by mistake in every currency', () => {
  const largestInteger = 2 ** 31 - 1;
  const currencies = Intl.supportedValuesOf('currency');
  expect(Math.max(...currencies.map(mostPayable)) * 2).toBeLessThanOrEqual(largestInteger);
});
