import { describe, expect, test } from '@jest/globals';
import { decidePayment, type Payment, type StripeState } from './payment.ts';
import { needsReviewAnew } from './review.ts';

const paidAt = new Date('2027-01-15T14:03:22Z');

const open: Payment = {
  id: 'payment',
  bookingId: 'booking',
  establishmentId: 'establishment',
  attempt: 1,
  purpose: 'full',
  status: 'open',
  sessionStatus: 'open',
  amount: 12_000,
  currency: 'CAD',
  checkoutSessionId: 'cs_1',
  paymentIntentId: null,
  chargeId: null,
  expiresAt: new Date('2027-01-15T15:00:00Z'),
  amountPaid: 0,
  amountRefunded: 0,
  paidAt: null,
  disputeStatus: null,
  amountDisputed: 0,
  reason: null,
  needsReview: false,
  resolvedReason: null,
  version: 3,
};

const untouched: StripeState = {
  sessionId: 'cs_1',
  sessionStatus: 'open',
  paymentStatus: 'unpaid',
  amountTotal: 12_000,
  currency: 'CAD',
  paymentIntentId: null,
  processing: true,
  chargeId: null,
  charge: null,
  amountRefunded: 0,
  declineReason: null,
  refunds: [],
  disputes: [],
};

const paid: StripeState = {
  ...untouched,
  sessionStatus: 'complete',
  paymentStatus: 'paid',
  paymentIntentId: 'pi_1',
  processing: false,
  chargeId: 'ch_1',
  charge: { id: 'ch_1', amount: 12_000, currency: 'CAD', at: paidAt },
};

/** The bank took all of it; a dispute that was won gave it back. */
const disputed = (status: string): StripeState['disputes'] => {
  const taken = { id: 'txn_1', amount: -12_000, at: paidAt };
  const movements = status === 'won' ? [taken, { id: 'txn_2', amount: 12_000, at: paidAt }] : [taken];
  const told = { amount: 12_000, currency: 'CAD', reason: 'fraudulent', dueBy: null, openedAt: paidAt };
  return [{ id: 'dp_1', status, movements, ...told }];
};

const factsOf = (payment: Payment, state: StripeState) => decidePayment(payment, state).map(step => step.fact);
const after = (payment: Payment, state: StripeState): Payment =>
  decidePayment(payment, state).at(-1)?.payment ?? payment;

describe('an open payment', () => {
  test('stays as it is while nobody has paid', () => {
    expect(decidePayment(open, untouched)).toEqual([]);
  });

  test('succeeds when the session is paid, with the next version', () => {
    expect(decidePayment(open, paid)).toMatchObject([
      { fact: 'succeeded', payment: { status: 'succeeded', amountPaid: 12_000, paidAt, chargeId: 'ch_1', version: 4 } },
    ]);
  });

  test('does not succeed because its session is complete: a slow method is under way', () => {
    const slow = { ...paid, paymentStatus: 'unpaid', processing: true, charge: null } as const;
    expect(decidePayment(open, slow)).toMatchObject([
      { fact: null, payment: { status: 'open', sessionStatus: 'complete' } },
    ]);
  });

  test('fails when the slow method does', () => {
    const failed = { ...paid, paymentStatus: 'unpaid', charge: null, declineReason: 'card_declined' } as const;
    expect(decidePayment(open, failed)).toMatchObject([
      { fact: 'failed', payment: { status: 'failed', reason: 'card_declined' } },
    ]);
  });

  test('remembers why a card was declined and stays open for another', () => {
    const declined = { ...untouched, paymentIntentId: 'pi_1', declineReason: 'card_declined' };
    expect(decidePayment(open, declined)).toMatchObject([
      { fact: null, payment: { status: 'open', reason: 'card_declined' } },
    ]);
  });

  test('expires with its session', () => {
    expect(decidePayment(open, { ...untouched, sessionStatus: 'expired' })).toMatchObject([
      { fact: 'expired', payment: { status: 'expired', reason: 'session_expired' } },
    ]);
  });

  test('found paid and partly refunded tells of both, in order', () => {
    expect(decidePayment(open, { ...paid, amountRefunded: 2_000 })).toMatchObject([
      { fact: 'succeeded', payment: { status: 'succeeded', amountRefunded: 0, version: 4 } },
      { fact: 'refunded', payment: { status: 'partially_refunded', amountRefunded: 2_000, version: 5 } },
    ]);
  });

  test.each([
    ['another amount', { amountTotal: 11_999 }],
    ['another currency', { currency: 'USD' }],
    ['nothing to pay', { paymentStatus: 'no_payment_required' } as const],
  ])('with %s waits for a person', (_what, differing) => {
    const [step, ...more] = decidePayment(open, { ...paid, ...differing });
    expect(step).toMatchObject({ fact: null, payment: { status: 'open', amountPaid: 0, needsReview: true } });
    expect(step?.payment.reason).toMatch(/^amount_mismatch/);
    expect(more).toEqual([]);
  });
});

describe('a payment of another amount than we asked for', () => {
  const less = { ...paid, amountTotal: 11_000, charge: { id: 'ch_1', amount: 11_000, currency: 'CAD', at: paidAt } };
  const taken = [{ id: 'txn_1', amount: -6_000, at: paidAt }];
  const partly = (status: string) => disputed(status).map(dispute => ({ ...dispute, amount: 6_000, movements: taken }));

  test('is none any more once all of it went back, by a refund and by a dispute that is lost', () => {
    const gone = after(open, { ...less, amountRefunded: 5_000, disputes: partly('lost') });
    expect(gone).toMatchObject({ status: 'failed', amountPaid: 0, needsReview: false });
  });

  test.each(['needs_response', 'under_review', 'won'])('waits for a person while the dispute is %s', status => {
    const waiting = after(open, { ...less, amountRefunded: 5_000, disputes: partly(status) });
    expect(waiting).toMatchObject({ status: 'open', needsReview: true });
  });
});

describe('a closed payment', () => {
  test.each(['expired', 'failed'] as const)('that %s and turns out paid has succeeded', status => {
    expect(factsOf({ ...open, status }, paid)).toEqual(['succeeded']);
  });

  test('is not opened again', () => {
    expect(after({ ...open, status: 'expired', sessionStatus: 'expired' }, untouched).status).toBe('expired');
  });
});

describe('a paid payment', () => {
  const succeeded = after(open, paid);

  test('is not changed by the same news again, nor by older', () => {
    expect(decidePayment(succeeded, paid)).toEqual([]);
    expect(factsOf(succeeded, { ...untouched, sessionStatus: 'expired' })).toEqual([]);
  });

  test('is refunded in part and then in full', () => {
    const partly = after(succeeded, { ...paid, amountRefunded: 6_000 });
    expect(partly.status).toBe('partially_refunded');
    expect(after(partly, { ...paid, amountRefunded: 12_000 }).status).toBe('refunded');
  });

  test('holds its money again, and needs a person, when a refund fails', () => {
    const refunded = after(succeeded, { ...paid, amountRefunded: 12_000 });
    const refund = {
      id: 're_1',
      refundId: null,
      amount: 12_000,
      status: 'failed',
      failureReason: 'lost_or_stolen_card',
      at: paidAt,
    } as const;
    expect(decidePayment(refunded, { ...paid, refunds: [refund] })).toMatchObject([
      { fact: 'refunded', payment: { status: 'succeeded', amountRefunded: 0, needsReview: true } },
    ]);
  });

  test('is disputed while the bank contests it, and stands again once that is won', () => {
    const contested = after(succeeded, { ...paid, disputes: disputed('needs_response') });
    expect(contested).toMatchObject({ status: 'disputed', needsReview: true, amountDisputed: 12_000 });
    expect(after(contested, { ...paid, disputes: disputed('won') })).toMatchObject({
      status: 'succeeded',
      needsReview: false,
    });
    expect(after(contested, { ...paid, disputes: disputed('lost') })).toMatchObject({
      status: 'disputed',
      needsReview: true,
    });
  });
});

test('a person hears of a payment once for each reason, and of a dispute as such', () => {
  const mismatch = after(open, { ...paid, amountTotal: 11_999 });
  expect(needsReviewAnew(open, mismatch)).toBe(true);
  expect(needsReviewAnew(mismatch, mismatch)).toBe(false);
  expect(needsReviewAnew(mismatch, { ...mismatch, reason: 'refund_failed: unknown (re_1)' })).toBe(true);
  const succeeded = after(open, paid);
  expect(needsReviewAnew(open, succeeded)).toBe(false);
  expect(needsReviewAnew(succeeded, after(succeeded, { ...paid, disputes: disputed('needs_response') }))).toBe(false);
});

test('whatever Stripe says, applying it twice is applying it once', () => {
  for (const sessionStatus of ['open', 'complete', 'expired'] as const)
    for (const paymentStatus of ['paid', 'unpaid', 'no_payment_required'] as const)
      for (const processing of [true, false])
        for (const amountRefunded of [0, 500, 12_000])
          for (const disputes of [[], disputed('needs_response'), disputed('won'), disputed('lost')])
            for (const failed of [true, false]) {
              const refunds = failed
                ? [
                    {
                      id: 're_1',
                      refundId: null,
                      amount: 5,
                      status: 'failed' as const,
                      failureReason: null,
                      at: paidAt,
                    },
                  ]
                : [];
              const state = {
                ...paid,
                sessionStatus,
                paymentStatus,
                processing,
                amountRefunded,
                disputes,
                refunds,
              };
              expect(decidePayment(after(open, state), state)).toEqual([]);
            }
});

test('a dispute that hid behind a refund that failed comes to the fore once that is made good, with its reason', () => {
  const refund = (id: string, status: 'failed' | 'succeeded') => ({
    ...{ id, refundId: null, amount: 1_000, status, at: paidAt },
    failureReason: status === 'failed' ? 'expired_or_canceled_card' : null,
  });
  const failed = { ...paid, refunds: [refund('re_1', 'failed')] };
  const contested = { ...failed, disputes: disputed('warning_needs_response') };
  const madeGood = { ...contested, amountRefunded: 1_000, refunds: [refund('re_2', 'succeeded'), ...failed.refunds] };
  const before = after(after(after(open, paid), failed), contested);
  expect(before).toMatchObject({ needsReview: true, reason: expect.stringContaining('refund_failed') });
  expect(after(before, madeGood)).toMatchObject({ needsReview: true, reason: 'dispute_warning_needs_response' });
  const dealtWith = { ...before, resolvedReason: 'dispute_warning_needs_response' };
  expect(after(dealtWith, madeGood)).toMatchObject({ needsReview: false });
});
