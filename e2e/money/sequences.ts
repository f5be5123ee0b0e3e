import fc from 'fast-check';
import { type CrashPoint, crashPoints } from '../../services/payment/src/crash-points.ts';

/** What may happen to one booking's money, in any order. Shares are of what was asked for. */
export type Action =
  /** The guest asks for the page, in so many tabs at once. */
  | { do: 'checkout'; tabs: number }
  /** …and pays in every session that is open, by card or by a slow method that ends later. */
  | { do: 'pay'; method: 'card' | 'delayed' }
  | { do: 'settle'; outcome: 'succeeded' | 'failed' }
  | { do: 'decline' }
  /** A discount of Stripe's dashboard: the page asks for another amount than we do. */
  | { do: 'discount' }
  | { do: 'abandon' }
  | { do: 'cancel'; by: 'guest' | 'owner' }
  /** The owner gives back a share of the price, so often at the same time; 0 is all that is left. */
  | { do: 'refund'; share: number; times: number }
  | { do: 'refund in the dashboard'; share: number }
  /** The guest's bank takes a payment back or asks about it; and what becomes of that. */
  | { do: 'dispute'; kind: 'chargeback' | 'inquiry' }
  | { do: 'end dispute'; outcome: 'won' | 'lost' }
  /** The next refund waits at Stripe, and ends at the end. */
  | { do: 'hold refund' }
  | { do: 'webhooks'; are: 'lost' | 'duplicated' | 'reordered' | 'late' | 'forged'; count: number }
  | { do: 'lose answer'; of: 'session' | 'expiry' | 'refund' | 'reading'; before: boolean }
  | { do: 'crash'; at: CrashPoint };

/** One booking: how it is paid, and what happens in each of the times that `times` names. */
export interface Sequence {
  terms: 'at once' | 'balance kept' | 'balance cancels';
  nights: number;
  times: Action[][];
}

/** After the first time holds are over, after the second the balance is due, after the third it is overdue. */
export const times = ['while held', 'after the hold', 'balance due', 'balance overdue'] as const;

const share = fc.constantFrom(0, 0.1, 0.33, 0.5, 1);
const guest: fc.WeightedArbitrary<Action>[] = [
  { weight: 6, arbitrary: fc.record({ do: fc.constant('checkout' as const), tabs: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pay' as const), method: fc.constantFrom('card', 'card', 'delayed') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('settle' as const), outcome: fc.constantFrom('succeeded', 'failed') }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'decline' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'abandon' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'discount' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), by: fc.constantFrom('guest', 'owner') }) },
];
const owner: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('refund' as const), share, times: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refund in the dashboard' as const), share }) },
  { weight: 1, arbitrary: fc.constant({ do: 'hold refund' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('dispute' as const), kind: fc.constantFrom('chargeback', 'inquiry') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end dispute' as const), outcome: fc.constantFrom('won', 'lost') }),
  },
];
const faults: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('webhooks' as const),
      are: fc.constantFrom('lost', 'duplicated', 'reordered', 'late', 'forged'),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('lose answer' as const),
      of: fc.constantFrom('session', 'expiry', 'refund', 'reading'),
      before: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), at: fc.constantFrom(...crashPoints) }) },
  // Where money leaves: what would be lost or given twice here is the guest's or the owner's.
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const, at: 'refund made at Stripe, not noted' as const }) },
];

const first = fc.array(fc.oneof(...guest, ...owner.slice(0, 1), ...faults), { minLength: 2, maxLength: 6 });
const later = fc.array(fc.oneof(...guest, ...owner, ...faults), { maxLength: 4 });

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  terms: fc.constantFrom('at once', 'balance kept', 'balance cancels'),
  nights: fc.integer({ min: 1, max: 4 }),
  times: fc.tuple(first, later, later, later),
});

export const describeSequence = (sequence: Sequence): string =>
  [
    `${sequence.nights} nights, ${sequence.terms}`,
    ...sequence.times.map(
      (actions, index) => `  ${times[index]}: ${actions.map(one => JSON.stringify(one)).join(' ')}`,
    ),
  ].join('\n');
