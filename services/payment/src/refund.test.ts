import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Payment } from './payment.ts';
import { percentageOf, planRefunds, refundKey } from './refund.ts';

const payment: Payment = {
  id: 'first',
  bookingId: 'booking',
  establishmentId: 'establishment',
  attempt: 1,
  purpose: 'full',
  status: 'succeeded',
  sessionStatus: 'complete',
  amount: 12_345,
  currency: 'CAD',
  checkoutSessionId: 'cs_1',
  paymentIntentId: 'pi_1',
  chargeId: 'ch_1',
  expiresAt: new Date('2027-01-15T15:00:00Z'),
  amountPaid: 12_345,
  amountRefunded: 0,
  paidAt: new Date('2027-01-15T14:00:00Z'),
  disputeStatus: null,
  amountDisputed: 0,
  reason: null,
  needsReview: false,
  version: 4,
};
const second: Payment = { ...payment, id: 'second', attempt: 2, paidAt: new Date('2027-01-15T14:20:00Z') };
const cancelled = (refundPercentage: number | null) => ({ status: 'cancelled', refundPercentage }) as const;
const confirmed = { status: 'confirmed', refundPercentage: null } as const;

test.each([
  [12_345, 50, 6_173],
  [12_344, 50, 6_172],
  [101, 33, 33],
  [150, 33, 50],
  [1, 49, 0],
  [1, 50, 1],
  [100_000_000, 100, 100_000_000],
  [9_999, 0, 0],
])('of %i minor units %i %% is %i, rounded half up', (amount, percentage, expected) => {
  expect(percentageOf(amount, percentage)).toBe(expected);
});

describe('a cancelled booking', () => {
  test('gives back its share', () => {
    expect(planRefunds(cancelled(50), [payment], [])).toEqual([
      { paymentId: 'first', purpose: 'cancellation', amount: 6_173 },
    ]);
  });

  test('gives back nothing while nobody has decided how much', () => {
    expect(planRefunds(cancelled(null), [payment], [])).toEqual([]);
  });

  test('counts what went back already, in the dashboard too', () => {
    const refunded = { ...payment, status: 'partially_refunded', amountRefunded: 2_000 } as const;
    expect(planRefunds(cancelled(50), [refunded], [])).toMatchObject([{ amount: 4_173 }]);
    expect(planRefunds(cancelled(10), [refunded], [])).toEqual([]);
  });

  test('is refunded once', () => {
    const known = [{ paymentId: 'first', purpose: 'cancellation', amount: 6_173 }];
    expect(planRefunds(cancelled(50), [payment], known)).toEqual([]);
  });

  test.each([
    ['a person must look at', { needsReview: true }],
    ['a bank contests', { status: 'disputed' }],
    ['went back already', { status: 'refunded', amountRefunded: 12_345 }],
    ['was never paid', { status: 'expired', amountPaid: 0 }],
  ] as const)('leaves alone a payment that %s', (_what, changes) => {
    expect(planRefunds(cancelled(100), [{ ...payment, ...changes }], [])).toEqual([]);
  });
});

test('a confirmed booking keeps its payment', () => {
  expect(planRefunds(confirmed, [payment], [])).toEqual([]);
});

test('of two payments of one booking the later goes back in full, whatever their order here', () => {
  const whole = [{ paymentId: 'second', purpose: 'duplicate', amount: 12_345 }];
  expect(planRefunds(confirmed, [payment, second], [])).toEqual(whole);
  expect(planRefunds(confirmed, [second, payment], [])).toEqual(whole);
});

test('a payment that went back makes the next one the first', () => {
  expect(planRefunds(confirmed, [{ ...payment, status: 'refunded', amountRefunded: 12_345 }, second], [])).toEqual([]);
});

test('never more than was paid goes back, in sum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e8 }),
      fc.integer({ min: 0, max: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (amountPaid, percentage, share) => {
        const amountRefunded = Math.floor(amountPaid * share);
        const one = { ...payment, amountPaid, amountRefunded };
        const sum = planRefunds(cancelled(percentage), [one], []).reduce((total, refund) => total + refund.amount, 0);
        expect(sum + amountRefunded).toBeLessThanOrEqual(amountPaid);
      },
    ),
  );
});

test('the key names the booking, what for, and the attempt', () => {
  expect(refundKey(payment, 'cancellation')).toBe('booking:refund-cancellation:1');
});
