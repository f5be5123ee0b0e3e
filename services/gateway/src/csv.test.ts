import { expect, test } from '@jest/globals';
import { type LedgerEntry, toMajorUnits } from '@monde-sauvage/contracts';
import { csvHeader, escapeText, toCsvLine } from './csv.ts';

test.each([
  [-1_205, 'CAD', '-12.05'],
  [5, 'CAD', '0.05'],
  [0, 'CAD', '0.00'],
  [500, 'JPY', '500'],
  // Intl counts no digits of these; Stripe does.
  [1_000, 'HUF', '10.00'],
  [150_050, 'COP', '1500.50'],
  [-1_234, 'KWD', '-1.234'],
  [99_999_999, 'EUR', '999999.99'],
])('%i minor units of %s are %s', (amount, currency, expected) => {
  expect(toMajorUnits(amount, currency)).toBe(expected);
});

test.each([
  ['MS-7K3QXD', 'MS-7K3QXD'],
  ['=1+1', "'=1+1"],
  ['+33', "'+33"],
  ['-2', "'-2"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['a "b", c', '"a ""b"", c"'],
  ['two\r\nlines', '"two\r\nlines"'],
])('%j is written %j', (text, expected) => {
  expect(escapeText(text)).toBe(expected);
});

test('a line has a value for every column, and the day of the establishment', () => {
  const id = '01900000-0000-7000-8000-00000000000a';
  const entry: LedgerEntry = {
    id,
    occurredAt: '2027-02-10T04:30:00.000Z',
    kind: 'charge',
    amount: 12_000,
    currency: 'CAD',
    bookingId: id,
    bookingReference: 'MS-7K3QXD',
    paymentId: id,
    purpose: 'deposit',
    stripe: { id: 'ch_1', chargeId: 'ch_1', paymentIntentId: null },
    payment: { status: 'succeeded', needsReview: false, reason: null },
  };
  const line = toCsvLine(entry, 'America/Toronto');
  expect(line).toBe(
    `2027-02-09,2027-02-10T04:30:00.000Z,charge,120.00,CAD,12000,MS-7K3QXD,${id},${id},deposit,ch_1,ch_1,\r\n`,
  );
  expect(line.split(',')).toHaveLength(csvHeader.split(',').length);
});
