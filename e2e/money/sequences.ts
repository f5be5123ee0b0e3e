import fc from 'fast-check';
import { type CrashPoint, crashPoints } from '../../services/payment/src/crash-points.ts';

/** What may happen to one booking's money, in any order. Shares are of what was asked for. */
export type Action =
  /** The guest asks for the page, in so many tabs at once. */
  | { do: 'checkout'; tabs: number }
  /** …and pays in every session that is open, by card or by a slow method that ends later. */
  | { do: 'pay'; method: 'card' | 'delayed' }
  /** Stripe makes a session and says that it failed; that one is paid, and with `again` a second one that was opened. */
  | { do: 'pay unseen'; method: 'card' | 'delayed'; again: boolean }
  | { do: 'settle'; outcome: 'succeeded' | 'failed' }
  | { do: 'decline' }
  /** A discount of Stripe's dashboard: the page asks for another amount than we do, and that is paid. */
  | { do: 'pay less' }
  | { do: 'abandon' }
  | { do: 'cancel'; by: 'guest' | 'owner' }
  /** The guest opens the page and cancels instead of paying: the session is closed at Stripe while it is open. */
  | { do: 'change of mind' }
  /** Somebody else wants the same nights, and has them when they are free: a payment that comes later is too late. */
  | { do: 'other guest' }
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
  /** Stripe fails at the next such call, and keeps that answer under its idempotency key; it may have done it all the same. */
  | { do: 'fail'; of: 'session' | 'refund'; applied: boolean }
  /** Answers name what hangs on them without holding it. */
  | { do: 'short answers' }
  | { do: 'crash'; at: CrashPoint };

/** One booking: how it is paid, and what happens in each of the times that `times` names. */
export interface Sequence {
  terms: 'at once' | 'balance kept' | 'balance cancels';
  nights: number;
  /** Whether it acts while what went before is still being worked on, or some minutes later. */
  pace: 'in haste' | 'with leisure';
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
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pay unseen' as const),
      method: fc.constantFrom('card', 'delayed'),
      again: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'decline' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'abandon' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'pay less' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'change of mind' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'other guest' as const }) },
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
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      of: fc.constantFrom('session', 'refund'),
      applied: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'short answers' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), at: fc.constantFrom(...crashPoints) }) },
];

const checkout: Action = { do: 'checkout', tabs: 1 };
const card: Action = { do: 'pay', method: 'card' };
const delayed: Action = { do: 'pay', method: 'delayed' };
const settle: Action = { do: 'settle', outcome: 'succeeded' };
const cancel: Action = { do: 'cancel', by: 'guest' };
/** What random actions seldom come to by themselves: most guests pay, some of them late, twice or after cancelling. */
const payments: Action[][] = [
  [],
  [checkout],
  [checkout, card],
  [checkout, card],
  [checkout, card],
  [checkout, delayed],
  [checkout, delayed, cancel],
];
const begins = fc.constantFrom<Action[][]>(
  ...payments,
  [{ do: 'pay unseen', method: 'card', again: true }],
  [{ do: 'pay unseen', method: 'delayed', again: false }],
);
const afterHold = fc.constantFrom<Action[][]>([], [], [settle], [{ do: 'other guest' }, settle]);
/** Most who owe a balance leave it until it is overdue. */
const balances = fc.constantFrom<Action[][]>(...[[], [], [], ...payments], [
  { do: 'crash', at: 'balance session closed, overdue not announced' },
]);
const led = (lead: fc.Arbitrary<Action[]>, minLength: number, rest: fc.Arbitrary<Action>): fc.Arbitrary<Action[]> =>
  fc.tuple(lead, fc.array(rest, { minLength, maxLength: 4 })).map(([one, other]) => [...one, ...other]);

const first = led(begins, 1, fc.oneof(...guest, ...owner.slice(0, 1), ...faults));
const any = fc.oneof(...guest, ...owner, ...faults);
const later = fc.array(any, { maxLength: 4 });

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  terms: fc.constantFrom('at once', 'balance kept', 'balance cancels'),
  nights: fc.integer({ min: 1, max: 4 }),
  pace: fc.constantFrom('in haste', 'with leisure'),
  times: fc.tuple(first, led(afterHold, 0, any), led(balances, 0, any), later),
});

export const describeSequence = (sequence: Sequence): string =>
  [
    `${sequence.nights} nights, ${sequence.terms}, ${sequence.pace}`,
    ...sequence.times.map(
      (actions, index) => `  ${times[index]}: ${actions.map(one => JSON.stringify(one)).join(' ')}`,
    ),
  ].join('\n');
