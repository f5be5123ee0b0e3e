import { z } from 'zod';
import { type CivilDate, overlaps } from './civil-date.ts';
import { civilDate, line, minorUnits } from './values.ts';

/** What an owner sets about prices: seasons, discounts, taxes and the deposit. Amounts are whole minor units. */

export const nightsLimit = z.int().min(1).max(365);

/** The bounds of what is kept with a chalet or an establishment: every snapshot carries it. */
const mostSeasons = 50;
const mostDiscounts = 10;
const mostTaxes = 10;

/**
 * A part of the year with its own rates. Half open, like a stay: the night of `startDate` belongs to it, that of
 * `endDate` no more. What is null is as in the rest of the year, but a weekend night without a rate of its own costs the
 * season's `nightlyRate`. The season of the arrival night decides about the length of a stay.
 */
const seasonFields = {
  startDate: civilDate,
  endDate: civilDate,
  nightlyRate: minorUnits,
};
export const season = z.object({
  name: z.string(),
  ...seasonFields,
  weekendRate: minorUnits.nullable(),
  minNights: nightsLimit.nullable(),
  maxNights: nightsLimit.nullable(),
});
export type Season = z.infer<typeof season>;

const newSeason = z.object({
  name: line(60),
  ...seasonFields,
  weekendRate: minorUnits.nullable().default(null),
  minNights: nightsLimit.nullable().default(null),
  maxNights: nightsLimit.nullable().default(null),
});

/** Seasons as an owner sends them, in any order: none is empty, no two of them have a night in common. */
export const newSeasons = z
  .array(newSeason)
  .max(mostSeasons)
  .superRefine((seasons, context) => {
    for (const [index, one] of seasons.entries()) {
      const refuse = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: [index, field], message });
      if (one.endDate <= one.startDate) refuse('endDate', 'must be after startDate');
      const other = seasons.slice(0, index).find(earlier => overlaps(earlier, one));
      if (other) {
        refuse('startDate', `overlaps the season "${other.name}" (${other.startDate} to ${other.endDate}, checkout)`);
      }
    }
  });

/** From `nights` nights on, `percentage` off all nights. Of several that apply the best for the guest does. */
export const lengthDiscount = z.object({ nights: z.int().min(2).max(365), percentage: z.int().min(1).max(100) });
export type LengthDiscount = z.infer<typeof lengthDiscount>;
export const newLengthDiscounts = z
  .array(lengthDiscount)
  .max(mostDiscounts)
  .refine(isUniqueBy('nights'), 'must not have the same number of nights twice');

export const taxable = z.enum(['nights', 'extra_guests', 'cleaning']);

/**
 * A tax on top of what it applies to: `rateMillionths` of it (GST of 5 % is 50000, QST of 9.975 % is 99750), rounded half
 * up. Taxes are computed each on its own and not on one another.
 */
const taxFields = {
  rateMillionths: z.int().min(0).max(1_000_000).meta({ description: 'millionths: 9.975 % is 99750', example: 99_750 }),
};
export const tax = z.object({ name: z.string(), ...taxFields, appliesTo: z.array(taxable) });
export type Tax = z.infer<typeof tax>;
export const newTaxes = z
  .array(
    z.object({
      name: line(40),
      ...taxFields,
      appliesTo: z
        .array(taxable)
        .min(1)
        .max(taxable.options.length)
        .refine(list => new Set(list).size === list.length, 'must not name the same thing twice')
        .default([...taxable.options]),
    }),
  )
  .max(mostTaxes)
  .refine(isUniqueBy('name'), 'must not have the same name twice');

/**
 * Part of the price is paid when booking, the rest `balanceDaysBefore` days before arrival. A balance that is not paid
 * is reminded of `reminderDays` before it is due; `graceDays` after that day the booking is kept or cancelled.
 */
export const depositTerms = z.object({
  percentage: z.int().min(1).max(99),
  balanceDaysBefore: z.int().min(1).max(365),
  reminderDays: z.int().min(0).max(60).default(7),
  unpaidBalance: z.enum(['keep', 'cancel']).default('keep'),
  graceDays: z.int().min(0).max(60).default(3),
});
export type DepositTerms = z.infer<typeof depositTerms>;

/** What a chalet's price is made of, its establishment's part included. */
export interface Rates {
  nightlyRate: number;
  /** Nights from Friday to Saturday and from Saturday to Sunday; null: as every other night. */
  weekendRate: number | null;
  seasons: readonly Season[];
  cleaningFee: number;
  /** Guests above this number pay `extraGuestFee` each night; null: nobody does. */
  includedGuests: number | null;
  extraGuestFee: number;
  lengthDiscounts: readonly LengthDiscount[];
  taxes: readonly Tax[];
  /** Null: the whole price is due when booking. */
  deposit: DepositTerms | null;
  currency: string;
  /** Language of the lines, the establishment's. */
  locale: string;
}

/** What a chalet has that knows no more than a nightly rate and a cleaning fee. */
export const plainRates = {
  weekendRate: null,
  seasons: [],
  includedGuests: null,
  extraGuestFee: 0,
  lengthDiscounts: [],
  taxes: [],
  deposit: null,
} satisfies Partial<Rates>;

export const seasonOf = <S extends Pick<Season, 'startDate' | 'endDate'>>(
  seasons: readonly S[],
  night: CivilDate,
): S | undefined => seasons.find(({ startDate, endDate }) => startDate <= night && night < endDate);

interface StayLimits {
  minNights: number;
  maxNights: number;
}

/** The shortest and the longest stay that may arrive on a day: its season's, where that says something, or the chalet's. */
export function stayLimits(
  chalet: StayLimits & { seasons: readonly Pick<Season, 'startDate' | 'endDate' | 'minNights' | 'maxNights'>[] },
  arrival: CivilDate,
): StayLimits {
  const its = seasonOf(chalet.seasons, arrival);
  return { minNights: its?.minNights ?? chalet.minNights, maxNights: its?.maxNights ?? chalet.maxNights };
}

/** What makes a chalet's limits impossible to keep, once a season's and the chalet's own are put together. */
export function findLimitProblems(
  chalet: StayLimits & { seasons: readonly Pick<Season, 'minNights' | 'maxNights'>[] },
): { path: (string | number)[]; message: string }[] {
  const problems: { path: (string | number)[]; message: string }[] = [];
  if (chalet.minNights > chalet.maxNights) {
    problems.push({ path: ['maxNights'], message: 'must not be less than minNights' });
  }
  for (const [index, { minNights, maxNights }] of chalet.seasons.entries()) {
    const shortest = minNights ?? chalet.minNights;
    const longest = maxNights ?? chalet.maxNights;
    if (minNights === null && maxNights === null) continue;
    if (shortest > longest) {
      const path = ['seasons', index, maxNights === null ? 'minNights' : 'maxNights'];
      problems.push({ path, message: `leaves no stay possible: at least ${shortest} and at most ${longest} nights` });
    }
  }
  return problems;
}

function isUniqueBy<K extends string>(key: K) {
  return (list: readonly Record<K, unknown>[]): boolean => new Set(list.map(one => one[key])).size === list.length;
}
