import {
  addDays,
  type BalanceTerms,
  type CivilDate,
  type Price,
  scheduleOf,
  startOfDay,
} from '@monde-sauvage/contracts';

/** The balance of a booking that was confirmed by its deposit, pure: when it is told of, and what is told. */

export interface Balance {
  /** Minor units. */
  amount: number;
  dueOn: CivilDate;
}

/** What was announced of a balance, in this order. */
export type BalanceStage = 'none' | 'upcoming' | 'due' | 'overdue';
const dayMs = 24 * 60 * 60_000;
const order: readonly BalanceStage[] = ['none', 'upcoming', 'due', 'overdue'];

/** Bookings of older versions have none. */
const plainTerms: BalanceTerms = { reminderDays: 7, unpaidBalance: 'keep', graceDays: 3 };
export const termsOf = (terms: BalanceTerms | null): BalanceTerms => terms ?? plainTerms;

/** What the frozen schedule leaves to be paid after the deposit; undefined when all is paid at once. */
export function balanceOf(price: Pick<Price, 'total' | 'schedule'>): Balance | undefined {
  const later = scheduleOf(price).find(installment => installment.purpose === 'balance');
  return later?.dueDate == null || later.amount === 0 ? undefined : { amount: later.amount, dueOn: later.dueDate };
}

/**
 * The days on which each stage begins, on the establishment's calendar. A guest has the whole of the last day of grace to pay.
 */
function daysOf({ dueOn }: Balance, terms: BalanceTerms): [BalanceStage, CivilDate][] {
  const reminder: [BalanceStage, CivilDate][] =
    terms.reminderDays > 0 ? [['upcoming', addDays(dueOn, -terms.reminderDays)]] : [];
  return [...reminder, ['due', dueOn], ['overdue', addDays(dueOn, terms.graceDays + 1)]];
}

/** No time zone is more than 14 hours ahead: the earliest moment at which there may be something to tell. */
export function firstLook(balance: Balance, terms: BalanceTerms | null): Date {
  const [first] = daysOf(balance, termsOf(terms));
  return startOfDay(first?.[1] ?? balance.dueOn, 'Etc/GMT-14');
}

/**
 * What is to be announced now, and when to look again. Only the newest stage is told: who books the day before the
 * balance is due is not reminded of it twice. What booking is to cancel and has not is told again each day: the event was
 * lost, or waits.
 * @param o.told what was announced already
 * @returns `tell` undefined when there is nothing new; `nextAt` null when nothing follows
 */
export function decideBalance(
  balance: Balance,
  o: { terms: BalanceTerms | null; told: BalanceStage; timezone: string; now: Date },
): { tell: Exclude<BalanceStage, 'none'> | undefined; nextAt: Date | null } {
  const stages = daysOf(balance, termsOf(o.terms)).map(([stage, day]) => ({ stage, at: startOfDay(day, o.timezone) }));
  const reached = stages.filter(({ at }) => at <= o.now).at(-1)?.stage ?? 'none';
  const isNew = order.indexOf(reached) > order.indexOf(o.told);
  const isUnheard = reached === 'overdue' && termsOf(o.terms).unpaidBalance === 'cancel';
  return {
    tell: (isNew || isUnheard) && reached !== 'none' ? reached : undefined,
    nextAt: stages.find(({ at }) => at > o.now)?.at ?? (isUnheard ? new Date(o.now.getTime() + dayMs) : null),
  };
}
