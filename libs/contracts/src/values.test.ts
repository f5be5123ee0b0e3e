import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  civilDate,
  currency,
  dateRange,
  decimalsOf,
  line,
  payableCurrency,
  text,
  timezone,
  withRangeRule,
} from './values.ts';

const messages = (schema: z.ZodType, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(issue => `${issue.path.join('.')}: ${issue.message}`);

describe('a range of dates', () => {
  const range = withRangeRule(z.object(dateRange), 400);
  it.each([
    [{ from: '2027-03-01', to: '2027-03-05' }, []],
    [{ from: '2027-03-05', to: '2027-03-05' }, ['to: must be after from']],
    [{ from: '2027-01-01', to: '2028-02-06' }, ['to: must be at most 400 days after from']],
    [{ from: '2027-02-29', to: '2027-03-03' }, ['from: must be an existing date written YYYY-MM-DD']],
    [
      { from: 'x', to: '2027-3-1' },
      ['from: must be an existing date written YYYY-MM-DD', 'to: must be an existing date written YYYY-MM-DD'],
    ],
    [{ from: '2028-02-29', to: '2028-03-01' }, []],
  ])('%j: %j', (value, expected) => {
    expect(messages(range, value)).toEqual(expected);
  });

  it('takes no instant for a date', () => {
    expect(civilDate.safeParse('2027-03-01T00:00:00Z').success).toBe(false);
  });
});

describe('text a person typed', () => {
  it.each([
    ['  John Doe ', 'John Doe'],
    ['Ève-Océane 🏔️', 'Ève-Océane 🏔️'],
    ['محمد', 'محمد'],
  ])('keeps %j', (given, kept) => {
    expect(line(120).parse(given)).toBe(kept);
  });

  it.each(['', '   ', '\u200b', 'a\u0000b', 'a\nb', '\ud800'])('refuses %j', given => {
    expect(line(120).safeParse(given).success).toBe(false);
  });

  it('keeps the lines of a note', () => {
    expect(text(100).parse('Une ligne\net une autre')).toBe('Une ligne\net une autre');
  });
});

describe('a time zone', () => {
  it.each([
    ['America/Toronto', true],
    ['UTC', true],
    ['+05:00', false],
    ['Mars/Olympus', false],
  ])('%s: %s', (name, accepted) => {
    expect(timezone.safeParse(name).success).toBe(accepted);
  });
});

describe('a currency', () => {
  it.each([
    ['CAD', 2],
    ['HUF', 2],
    ['JPY', 0],
    ['MGA', 0],
    ['KWD', 3],
  ])('of %s, %i digits stand behind the point, as Stripe counts', (code, decimals) => {
    expect(decimalsOf(code)).toBe(decimals);
  });

  it.each(['CAD', 'EUR', 'HUF', 'JPY'])('%s can be chosen', code => {
    expect(payableCurrency.safeParse(code).success).toBe(true);
  });

  it.each(['KWD', 'TND', 'ISK', 'UGX'])('%s can be read, but not chosen: Stripe refuses its last digit', code => {
    expect(currency.safeParse(code).success).toBe(true);
    expect(messages(payableCurrency, code)).toEqual([
      ': cannot be charged to the last digit by card; choose another currency',
    ]);
  });
});
