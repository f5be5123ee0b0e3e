import {
  addDays,
  type BalanceTerms,
  type CivilDate,
  dateInZone,
  type Price,
  scheduleOf,
  startOfDay,
} from '@monde-sauvage/contracts';

/** The balance of a booking that was confirmed by its deposit, pure: when it is told of, and what is told. */

export interface Balance {
  /** Minor units. */
  amount: number;
  dueOn: CivilDate;
  /** The first day of the stay; the balance is due before it. */
  arrival: CivilDate;
}

/** What was announced of a balance, in this order. */
export type BalanceStage = 'none' | 'upcoming' | 'due' | 'overdue';
const dayMs = 24 * 60 * 60_000;
const order: readonly BalanceStage[] = ['none', 'upcoming', 'due', 'overdue'];

/** Bookings of older versions have none. */
const plainTerms: BalanceTerms = { reminderDays: 7, unpaidBalance: 'keep', graceDays: 3 };
const termsOf = (terms: BalanceTerms | null): BalanceTerms => terms ?? plainTerms;

/** What the frozen schedule leaves to be paid after the deposit; undefined when all is paid at once. */
export function balanceOf(price: Pick<Price, 'total' | 'schedule'>, arrival: CivilDate): Balance | undefined {
  const later = scheduleOf(price).find(installment => installment.purpose === 'balance');
  if (later?.dueDate == null || later.amount === 0) return undefined;
  return { amount: later.amount, dueOn: later.dueDate, arrival };
}

/**
 * The days on which each stage begins, on the establishment's calendar. A guest has the whole of the last day of grace to pay;
 * no grace lasts into the stay, which nobody would cancel any more.
 */
function daysOf({ dueOn, arrival }: Balance, terms: BalanceTerms): [BalanceStage, CivilDate][] {
  const reminder: [BalanceStage, CivilDate][] =
    terms.reminderDays > 0 ? [['upcoming', addDays(dueOn, -terms.reminderDays)]] : [];
  const afterGrace = addDays(dueOn, terms.graceDays + 1);
  return [...reminder, ['due', dueOn], ['overdue', afterGrace < arrival ? afterGrace : arrival]];
}

/** An unpaid balance ends a booking where the owner wants that, until the day of arrival is over: who is there stays, and owes. */
export const mayCancel = (
  { arrival }: Pick<Balance, 'arrival'>,
  o: { terms: BalanceTerms | null; timezone: string; now: Date },
): boolean => termsOf(o.terms).unpaidBalance === 'cancel' && o.now < startOfDay(addDays(arrival, 1), o.timezone);

/** No time zone is more than 14 hours ahead: the earliest moment at which there may be something to tell. */
export function firstLook(balance: Balance, terms: BalanceTerms | null): Date {
  const [first] = daysOf(balance, termsOf(terms));
  return startOfDay(first?.[1] ?? balance.dueOn, 'Etc/GMT-14');
}

/**
 * What is to be announced now, and when to look again. Only the newest stage is told: who books the day before the
 * balance is due is not reminded of it twice. But nobody is overdue who was never told that it is due (a deposit that took
 * days to arrive, an outage): the grace is counted from the day on which that is told. What booking is to cancel and has
 * not, or does not say is overdue, is told again each day: the event was lost, or waits.
 * @param o.told what was announced already
 * @param o.heard whether booking says that it is overdue
 * @returns `tell` undefined when there is nothing new; `nextAt` null when nothing follows
 */
export function decideBalance(
  balance: Balance,
  o: { terms: BalanceTerms | null; told: BalanceStage; heard: boolean; timezone: string; now: Date },
): { tell: Exclude<BalanceStage, 'none'> | undefined; nextAt: Date | null } {
  const terms = termsOf(o.terms);
  const isTold = (stage: BalanceStage) => order.indexOf(o.told) >= order.indexOf(stage);
  const stages = daysOf(balance, terms).map(([stage, day]) => ({ stage, at: startOfDay(day, o.timezone) }));
  const reached = stages.filter(({ at }) => at <= o.now).at(-1)?.stage ?? 'none';
  const isDue = reached === 'due' || reached === 'overdue';
  if (isDue && !isTold('due')) return { tell: 'due', nextAt: endOfGrace(balance, terms, o) };
  const isUnheard = reached === 'overdue' && (!o.heard || mayCancel(balance, o));
  return {
    tell: reached !== 'none' && (!isTold(reached) || isUnheard) ? reached : undefined,
    nextAt: stages.find(({ at }) => at > o.now)?.at ?? (isUnheard ? new Date(o.now.getTime() + dayMs) : null),
  };
}

/** When the balance is told to be due today: the end of the last day of grace, in the stay only when that has begun. */
function endOfGrace({ dueOn, arrival }: Balance, terms: BalanceTerms, o: { timezone: string; now: Date }): Date {
  const today = dateInZone(o.now, o.timezone);
  const overdueOn = addDays(today > dueOn ? today : dueOn, terms.graceDays + 1);
  const before = overdueOn < arrival ? overdueOn : arrival;
  return startOfDay(before > today ? before : addDays(today, 1), o.timezone);
}
