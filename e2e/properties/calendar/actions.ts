import { type CrashPoint, crashPoints } from '@monde-sauvage/calendar-sync/crash-points';
import fc from 'fast-check';

/** How an owner's event stands in the calendar. */
export const forms = ['all_day', 'day_time', 'over_night', 'utc', 'late_evening'] as const;
export type Form = (typeof forms)[number];

/** What somebody may do to the event of a booking. */
export const edits = [
  'move',
  'rename',
  'free',
  'unlink',
  'delete',
  'note',
  'invite',
  'colour',
  'timed',
  'bring_back',
] as const;
export type Edit = (typeof edits)[number];

/** What may go wrong with calls to Google. */
export const troubles = [
  'too_many',
  'too_many_wait',
  'quota',
  'broken',
  'unavailable',
  'lost_before',
  'lost_after',
  'broken_but_applied',
  'forbidden',
] as const;
export type Trouble = (typeof troubles)[number];

/** `pick` chooses among what there is at that moment, by its place modulo how many there are. */
export type Action =
  | { do: 'add'; calendar: number; from: number; nights: number; form: Form; look: Look }
  | { do: 'move'; pick: number; by: number }
  | { do: 'resize'; pick: number; nights: number }
  | { do: 'remove'; pick: number }
  | { do: 'remove unnoticed'; pick: number }
  | { do: 'restore'; pick: number }
  | { do: 'toggle free'; pick: number }
  | { do: 'rename'; pick: number }
  | { do: 'copy a mirror'; pick: number; by: number }
  | { do: 'edit a mirror'; pick: number; how: Edit; by: number }
  | { do: 'add series'; calendar: number; from: number; nights: number; form: Form; weekly: boolean; count: number }
  | { do: 'move instance'; pick: number; instance: number; by: number }
  | { do: 'remove instance'; pick: number; instance: number }
  | { do: 'shorten series'; pick: number; count: number }
  | { do: 'book'; chalet: number; from: number; nights: number }
  | { do: 'pay'; pick: number }
  | { do: 'cancel'; pick: number; by: 'guest' | 'owner' }
  | { do: 'choose calendar'; chalet: number; calendar: number | null }
  | { do: 'rename chalet'; chalet: number }
  | { do: 'open schedule'; chalet: number }
  | { do: 'wait until calm' }
  | {
      do: 'trouble';
      calendar: number;
      kind: Trouble;
      on: 'reads' | 'writes' | 'everything';
      times: number;
      skip: number;
    }
  | { do: 'push trouble'; calendar: number; kind: 'drop' | 'duplicate' | 'delay' | 'reorder'; times: number }
  | { do: 'sync tokens expire'; calendar: number }
  | { do: 'access tokens expire'; rotate: boolean }
  | { do: 'token endpoint fails'; lost: boolean }
  | { do: 'revoke' }
  | { do: 'reconnect'; as: Account }
  | { do: 'ask about drift'; ask: boolean }
  | { do: 'decide'; pick: number; decision: 'restore' | 'cancel' }
  | { do: 'disconnect'; removeMirrors: boolean }
  | { do: 'crash'; at: CrashPoint };

/** The owner's, or another one, which sees some of the calendars only. */
export const accounts = ['usual', 'other'] as const;
export type Account = (typeof accounts)[number];

export type Look = 'plain' | 'free' | 'private' | 'declined';

/** One establishment's life: how many chalets it has, which time of the year it is about, and what happens. */
export interface Life {
  chalets: 1 | 2;
  /** Days from today to the first date: some lives are lived around the change of the clocks. */
  season: number;
  /** Whether the owner is asked about what is done to events of bookings. */
  asks: boolean;
  actions: Action[];
}

const small = fc.nat(7);
/** Mostly one that a chalet uses. */
const calendar = fc.constantFrom(0, 0, 0, 0, 1, 1, 2);
const chalet = fc.nat(1);
const from = fc.integer({ min: 0, max: 24 });
const nights = fc.integer({ min: 1, max: 5 });
const by = fc.integer({ min: -4, max: 4 });
const form = fc.constantFrom(...forms);
const look = fc.oneof(
  { weight: 6, arbitrary: fc.constant('plain' as const) },
  { weight: 2, arbitrary: fc.constantFrom('free' as const, 'private' as const, 'declined' as const) },
);
const one = <const T>(value: T) => fc.constant(value);

const owner: fc.WeightedArbitrary<Action>[] = [
  { weight: 8, arbitrary: fc.record({ do: one('add'), calendar, from, nights, form, look }) },
  { weight: 4, arbitrary: fc.record({ do: one('move'), pick: small, by }) },
  { weight: 2, arbitrary: fc.record({ do: one('resize'), pick: small, nights }) },
  { weight: 4, arbitrary: fc.record({ do: one('remove'), pick: small }) },
  { weight: 7, arbitrary: fc.record({ do: one('remove unnoticed'), pick: small }) },
  { weight: 3, arbitrary: fc.record({ do: one('restore'), pick: small }) },
  { weight: 2, arbitrary: fc.record({ do: one('toggle free'), pick: small }) },
  { weight: 1, arbitrary: fc.record({ do: one('rename'), pick: small }) },
  { weight: 3, arbitrary: fc.record({ do: one('copy a mirror'), pick: small, by }) },
  { weight: 9, arbitrary: fc.record({ do: one('edit a mirror'), pick: small, how: fc.constantFrom(...edits), by }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: one('add series'),
      calendar,
      from,
      nights: fc.integer({ min: 1, max: 2 }),
      form,
      weekly: fc.boolean(),
      count: fc.integer({ min: 2, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: one('move instance'), pick: small, instance: small, by }) },
  { weight: 2, arbitrary: fc.record({ do: one('remove instance'), pick: small, instance: small }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: one('shorten series'), pick: small, count: fc.integer({ min: 1, max: 3 }) }),
  },
];

const guests: fc.WeightedArbitrary<Action>[] = [
  { weight: 14, arbitrary: fc.record({ do: one('book'), chalet, from, nights }) },
  { weight: 6, arbitrary: fc.record({ do: one('pay'), pick: small }) },
  { weight: 6, arbitrary: fc.record({ do: one('cancel'), pick: small, by: fc.constantFrom('guest', 'owner') }) },
];

const settings: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 4,
    arbitrary: fc.record({
      do: one('choose calendar'),
      chalet,
      calendar: fc.option(calendar, { nil: null, freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: one('rename chalet'), chalet }) },
  { weight: 1, arbitrary: fc.record({ do: one('ask about drift'), ask: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: one('decide'), pick: small, decision: fc.constantFrom('restore', 'cancel') }),
  },
  { weight: 2, arbitrary: fc.record({ do: one('open schedule'), chalet }) },
  { weight: 9, arbitrary: fc.record({ do: one('wait until calm') }) },
];

const faults: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      do: one('trouble'),
      calendar,
      kind: fc.constantFrom(...troubles),
      on: fc.constantFrom('reads', 'writes', 'everything'),
      times: fc.integer({ min: 1, max: 2 }),
      skip: fc.nat(2),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: one('push trouble'),
      calendar,
      kind: fc.constantFrom('drop', 'duplicate', 'delay', 'reorder'),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: one('sync tokens expire'), calendar }) },
  { weight: 1, arbitrary: fc.record({ do: one('access tokens expire'), rotate: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: one('token endpoint fails'), lost: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: one('revoke') }) },
  { weight: 4, arbitrary: fc.record({ do: one('reconnect'), as: fc.constantFrom(...accounts) }) },
  { weight: 1, arbitrary: fc.record({ do: one('disconnect'), removeMirrors: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: one('crash'), at: fc.constantFrom(...crashPoints) }) },
];

/** From today, or around the second Sunday of March, when clocks go forward. */
const seasons = (daysToSpring: number) => fc.constantFrom(0, 0, daysToSpring);

export const lives = (daysToSpring: number): fc.Arbitrary<Life> =>
  fc.record({
    chalets: fc.constantFrom(1 as const, 1 as const, 2 as const),
    season: seasons(daysToSpring),
    asks: fc.boolean(),
    actions: fc.array(fc.oneof(...owner, ...guests, ...settings, ...faults), {
      minLength: 4,
      maxLength: 14,
      size: 'max',
    }),
  });

/** A life in which most of what there is to do is done, after a crash at this point is due. */
export const lifeWithCrash = (at: CrashPoint): Life => ({
  chalets: 1,
  season: 0,
  asks: true,
  actions: [
    { do: 'book', chalet: 0, from: 1, nights: 2 },
    { do: 'book', chalet: 0, from: 5, nights: 2 },
    // More than a page of a list.
    { do: 'add series', calendar: 0, from: 16, nights: 1, form: 'all_day', weekly: false, count: 5 },
    { do: 'wait until calm' },
    { do: 'crash', at },
    { do: 'book', chalet: 0, from: 9, nights: 2 },
    { do: 'add', calendar: 0, from: 13, nights: 2, form: 'all_day', look: 'plain' },
    { do: 'pay', pick: 0 },
    { do: 'open schedule', chalet: 0 },
    { do: 'cancel', pick: 1, by: 'owner' },
    { do: 'wait until calm' },
  ],
});

export const describeLife = (life: Life): string =>
  [
    `${life.chalets} chalet${life.chalets === 1 ? '' : 's'}, from day ${life.season}${life.asks ? ', asks' : ''}`,
    ...life.actions.map(action => `  ${JSON.stringify(action)}`),
  ].join('\n');
