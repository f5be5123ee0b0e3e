import { z } from 'zod';
import { nightsOf, type Stay } from './civil-date.ts';
import { currency } from './values.ts';

export const priceLine = z.object({ label: z.string(), amount: z.int() });

/** What a stay costs, in minor units; `total` is the sum of the lines. */
export const price = z.object({ currency, total: z.int().min(0), lines: z.array(priceLine) });

/** The most one booking can cost, in minor units (Stripe: amounts have at most eight digits). */
export const mostPayable = 99_999_999;
export type Price = z.infer<typeof price>;

export interface Rates {
  nightlyRate: number;
  cleaningFee: number;
  currency: string;
  /** Language of the lines, the establishment's. */
  locale: string;
}

const words = {
  fr: { nights: (n: number) => (n === 1 ? '1 nuit' : `${n} nuits`), cleaning: 'Frais de ménage' },
  en: { nights: (n: number) => (n === 1 ? '1 night' : `${n} nights`), cleaning: 'Cleaning fee' },
};

/**
 * The price of a stay, in whole minor units of `rates.currency`. An availability answer quotes with it and a booking
 * stores its result, so the two are the same by construction.
 */
export function priceStay(rates: Rates, stay: Stay): Price {
  const nights = nightsOf(stay);
  const say = rates.locale.toLowerCase().startsWith('fr') ? words.fr : words.en;
  const lines = [{ label: say.nights(nights), amount: nights * rates.nightlyRate }];
  if (rates.cleaningFee > 0) lines.push({ label: say.cleaning, amount: rates.cleaningFee });
  return { currency: rates.currency, total: lines.reduce((sum, line) => sum + line.amount, 0), lines };
}
