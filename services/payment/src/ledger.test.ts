import { expect, test } from '@jest/globals';
import { movementsOf } from './ledger.ts';
import type { StripeState } from './payment.ts';

const at = (minute: number) => new Date(Date.UTC(2027, 0, 15, 14, minute));
const seenAt = at(59);

const unpaid: StripeState = {
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
const charge = { id: 'ch_1', amount: 12_000, currency: 'CAD', at: at(0) };
const refund = {
  id: 're_1',
  refundId: null,
  amount: 2_000,
  status: 'succeeded',
  failureReason: null,
  at: at(1),
} as const;
const movements = (state: Partial<StripeState>) =>
  movementsOf({ ...unpaid, ...state }, { seenAt }).map(({ entryKey, kind, amount, occurredAt }) => ({
    entryKey,
    kind,
    amount,
    occurredAt,
  }));

test('nothing moved before somebody paid', () => {
  expect(movements({})).toEqual([]);
});

test('a charge comes in, refunds go out, pending ones too, and a failed one comes back', () => {
  const pending = { ...refund, id: 're_2', status: 'pending' as const, at: at(2) };
  const failed = { ...refund, id: 're_3', status: 'failed' as const, at: at(3) };
  expect(movements({ charge, refunds: [failed, pending, refund] })).toEqual([
    { entryKey: 'ch_1', kind: 'charge', amount: 12_000, occurredAt: at(0) },
    { entryKey: 're_3', kind: 'refund', amount: -2_000, occurredAt: at(3) },
    { entryKey: 're_3:failed', kind: 'refund_failed', amount: 2_000, occurredAt: seenAt },
    { entryKey: 're_2', kind: 'refund', amount: -2_000, occurredAt: at(2) },
    { entryKey: 're_1', kind: 'refund', amount: -2_000, occurredAt: at(1) },
  ]);
});

test('a dispute takes and gives back what its own movements say; an inquiry nothing', () => {
  const dispute = { amount: 12_000, currency: 'CAD', reason: 'fraudulent', dueBy: null, openedAt: at(4) };
  const won = { ...dispute, id: 'dp_2', status: 'won' };
  const inquiry = { ...dispute, id: 'dp_1', status: 'warning_needs_response', movements: [] };
  const taken = { id: 'txn_1', amount: -12_000, at: at(4) };
  const returned = { id: 'txn_2', amount: 12_000, at: at(5) };
  expect(movements({ charge, disputes: [{ ...won, movements: [taken, returned] }, inquiry] }).slice(1)).toEqual([
    { entryKey: 'txn_1', kind: 'dispute', amount: -12_000, occurredAt: at(4) },
    { entryKey: 'txn_2', kind: 'dispute_reversed', amount: 12_000, occurredAt: at(5) },
  ]);
});

test('a dispute of what went back already took nothing, and brings nothing back', () => {
  const dispute = { id: 'dp_1', amount: 0, currency: 'CAD', reason: 'fraudulent', dueBy: null, openedAt: at(4) };
  const nothing = { id: 'txn_1', amount: 0, at: at(4) };
  expect(movements({ charge, disputes: [{ ...dispute, status: 'lost', movements: [nothing] }] }).slice(1)).toEqual([
    { entryKey: 'txn_1', kind: 'dispute', amount: 0, occurredAt: at(4) },
  ]);
});

test('it is what moved, whatever we asked for', () => {
  const [entry] = movementsOf({ ...unpaid, charge: { ...charge, amount: 500, currency: 'USD' } }, { seenAt });
  expect(entry).toMatchObject({ amount: 500, currency: 'USD' });
});
