import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Payment } from './payment.ts';
import { allocateRefund, percentageOf, planRefunds, refundKey } from './refund.ts';

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
  resolvedReason: null,
  version: 4,
};
const second: Payment = { ...payment, id: 'second', attempt: 2, paidAt: new Date('2027-01-15T14:20:00Z') };
const cancelledAt = new Date('2027-01-20T10:00:00.400Z');
const cancelled = (refundPercentage: number | null) =>
  ({ status: 'cancelled', refundPercentage, cancelledAt, refundBase: null }) as const;
const confirmed = { status: 'confirmed', refundPercentage: null, cancelledAt: null, refundBase: null } as const;

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
    const known = [{ paymentId: 'first', purpose: 'cancellation', status: 'succeeded', amount: 6_173 }];
    expect(planRefunds(cancelled(50), [payment], known)).toEqual([]);
  });

  test('gives back what counted as given back and then was not', () => {
    const made = { paymentId: 'first', purpose: 'cancellation', status: 'succeeded', amount: 4_173 };
    const dashboard = { paymentId: 'first', purpose: 'external', status: 'pending', amount: 2_000 };
    expect(planRefunds(cancelled(50), [payment], [made, dashboard])).toEqual([]);
    const known = [made, { ...dashboard, status: 'failed' }];
    expect(planRefunds(cancelled(50), [payment], known)).toMatchObject([{ purpose: 'cancellation', amount: 2_000 }]);
  });

  test('waits for a person once its own refund failed', () => {
    const failed = { paymentId: 'first', purpose: 'cancellation', status: 'failed', amount: 6_173 };
    expect(planRefunds(cancelled(50), [payment], [failed])).toEqual([]);
  });

  test.each([
    ['a person must look at', { needsReview: true }],
    ['a bank contests', { status: 'disputed', disputeStatus: 'under_review', amountDisputed: 12_345 }],
    ['a bank took back for good', { status: 'disputed', disputeStatus: 'lost', amountDisputed: 12_345 }],
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

describe('deposit and balance', () => {
  const deposit: Payment = { ...payment, id: 'deposit', purpose: 'deposit', amountPaid: 3_001 };
  const balance: Payment = { ...second, id: 'balance', purpose: 'balance', amountPaid: 7_000 };
  const refundFor =
    (purpose: string) =>
    (paymentId: string, amount: number, status = 'succeeded') =>
      ({ paymentId, purpose, status, amount }) as const;
  const [owner, byPolicy, byHand] = [refundFor('owner'), refundFor('cancellation'), refundFor('external')];

  test('are both kept', () => {
    expect(planRefunds(confirmed, [deposit, balance], [])).toEqual([]);
  });

  test('give back a share of their sum, the newest first', () => {
    expect(planRefunds(cancelled(50), [deposit, balance], [])).toEqual([
      { paymentId: 'balance', purpose: 'cancellation', amount: 5_001 },
    ]);
    expect(planRefunds(cancelled(80), [deposit, balance], [])).toEqual([
      { paymentId: 'balance', purpose: 'cancellation', amount: 7_000 },
      { paymentId: 'deposit', purpose: 'cancellation', amount: 1_001 },
    ]);
  });

  test('count what the owner gave back, of whichever', () => {
    expect(planRefunds(cancelled(50), [deposit, balance], [owner('deposit', 3_001)])).toEqual([
      { paymentId: 'balance', purpose: 'cancellation', amount: 2_000 },
    ]);
    const refunded = { ...deposit, status: 'refunded', amountRefunded: 3_001 } as const;
    expect(planRefunds(cancelled(50), [refunded, balance], [owner('deposit', 3_001)])).toMatchObject([
      { paymentId: 'balance', amount: 2_000 },
    ]);
    expect(planRefunds(cancelled(50), [deposit, balance], [owner('balance', 6_000)])).toEqual([]);
  });

  test('a balance that is paid after the cancellation goes back in full, whatever the policy', () => {
    const late = { ...balance, paidAt: new Date('2027-01-20T10:00:00Z') };
    expect(planRefunds(cancelled(0), [deposit, late], [])).toEqual([
      { paymentId: 'balance', purpose: 'cancellation', amount: 7_000 },
    ]);
  });

  test.each([
    ['neither was known to be paid', 0, 10_001],
    ['the deposit was', 3_001, 7_000 + 750],
    ['both were, in the very second too', 10_001, 2_500],
  ])('give back the share of what was paid at the cancellation, and all of the rest: %s', (_, refundBase, back) => {
    const now = { ...balance, paidAt: new Date('2027-01-20T10:00:00Z') };
    const planned = planRefunds({ ...cancelled(25), refundBase }, [deposit, now], []);
    expect(planned.reduce((sum, refund) => sum + refund.amount, 0)).toBe(back);
  });

  test('wait together when a bank contests one of them', () => {
    const contested = { ...balance, status: 'disputed', disputeStatus: 'needs_response' } as const;
    expect(planRefunds(cancelled(100), [deposit, contested], [])).toEqual([]);
  });

  test.each([
    ['nothing of it was made good yet', 100, [byPolicy('balance', 7_000, 'failed')], [3_001]],
    ['it was made good by hand', 100, [byPolicy('balance', 7_000, 'failed'), byHand('balance', 7_000)], [3_001]],
    ['an owner had given some back', 100, [owner('balance', 500), byPolicy('balance', 6_500, 'failed')], [3_001]],
    ['all of the sum fell on it', 50, [byPolicy('balance', 5_001, 'failed'), byHand('balance', 5_001)], []],
    ['some of the other was back before', 80, [byHand('deposit', 1_001), byPolicy('balance', 7_000, 'failed')], []],
  ])(
    'one whose refund failed stays with the person who dealt with it, the other goes back: %s',
    (_, share, known, back) => {
      const planned = planRefunds(cancelled(share), [deposit, balance], known);
      expect(planned.map(({ paymentId, amount }) => [paymentId, amount])).toEqual(
        back.map(amount => ['deposit', amount]),
      );
    },
  );

  test('what a bank took back for good counts as given back', () => {
    const lost = { ...balance, status: 'disputed', disputeStatus: 'lost', amountDisputed: 7_000 } as const;
    expect(planRefunds(cancelled(100), [deposit, lost], [])).toEqual([
      { paymentId: 'deposit', purpose: 'cancellation', amount: 3_001 },
    ]);
  });

  test('a balance that was paid twice goes back', () => {
    const twice = { ...balance, id: 'again', attempt: 3, paidAt: new Date('2027-01-15T15:00:00Z') };
    expect(planRefunds(confirmed, [deposit, twice, balance], [])).toEqual([
      { paymentId: 'again', purpose: 'duplicate', amount: 7_000 },
    ]);
  });

  test('an owner gives back from the newest, and no more than is left', () => {
    const ask = (wanted?: number, known = [owner('balance', 500)]) => allocateRefund([deposit, balance], known, wanted);
    expect(ask(7_000)).toEqual({
      ok: true,
      parts: [
        { paymentId: 'balance', purpose: 'owner', amount: 6_500 },
        { paymentId: 'deposit', purpose: 'owner', amount: 500 },
      ],
    });
    expect(ask()).toMatchObject({ parts: [{ amount: 6_500 }, { amount: 3_001 }] });
    expect(ask(9_502)).toEqual({ ok: false, refusal: { why: 'too_much', left: 9_501 } });
    expect(ask(undefined, [owner('balance', 500, 'failed')])).toMatchObject({ parts: [{ amount: 7_000 }, {}] });
    const all = [owner('balance', 7_000, 'pending'), owner('deposit', 3_001, 'requested')];
    expect(ask(1, all)).toEqual({ ok: false, refusal: { why: 'all_given_back', left: 0 } });
  });

  test('an owner gives nothing back of what was not paid, or is contested; an inquiry contests nothing yet', () => {
    expect(allocateRefund([{ ...payment, status: 'open', amountPaid: 0 }], [], 1)).toMatchObject({
      refusal: { why: 'nothing_paid' },
    });
    const contested = {
      ...balance,
      status: 'disputed',
      disputeStatus: 'needs_response',
      amountDisputed: 7_000,
    } as const;
    expect(allocateRefund([contested], [], undefined)).toMatchObject({ refusal: { why: 'disputed', left: 0 } });
    expect(allocateRefund([deposit, contested], [], 5_000)).toMatchObject({
      refusal: { why: 'disputed', left: 3_001 },
    });
    const inquiry = { ...balance, status: 'disputed', disputeStatus: 'warning_needs_response' } as const;
    expect(allocateRefund([inquiry], [], 100)).toMatchObject({ ok: true });
  });
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

test('the key names the booking, what for, and the attempt; an owner may ask more than once', () => {
  expect(refundKey(payment, 'owner', 'r-1')).toBe('booking:refund-owner:1:r-1');
  expect(refundKey(payment, 'cancellation')).toBe('booking:refund-cancellation:1');
});
