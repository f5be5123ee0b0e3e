import { decimalsOf } from './values.ts';

/**
 * What can be paid by card, per currency, in minor units (Stripe: supported currencies, minimum and maximum charge amounts).
 * Stripe asks for the least amount of the currency it settles in as well, which only its account knows: what passes here
 * can still be too little there, and Checkout says so.
 */

/** Stripe's table, where it is not the 50 that most currencies have, those without minor units too. */
const leastAmounts: Readonly<Record<string, number>> = {
  AED: 200,
  BGN: 100,
  CZK: 1_500,
  DKK: 250,
  GBP: 30,
  HKD: 400,
  HUF: 17_500,
  MXN: 1_000,
  MYR: 200,
  NOK: 300,
  PLN: 200,
  RON: 200,
  SEK: 300,
  THB: 1_000,
};

/** The least that one payment can be of. */
export const leastPayable = (currency: string): number => leastAmounts[currency] ?? 50;

/**
 * A card takes twelve digits, American Express nine, other methods eight but more of IDR, COP and INR. Eight are a million
 * of most currencies and more than a stay costs; where a million is little money it is nine, twice of which (paid by
 * mistake a second time) is still a number that our columns hold.
 */
const smallUnits = new Set(
  [
    'AFN ALL AMD AOA ARS BDT CDF COP CRC CVE DZD ETB GNF GYD HTG HUF IDR INR JMD KES KGS KHR KZT LAK LBP LKR LRD MMK MNT',
    'MWK NGN NPR PKR PYG RSD RUB SOS TZS UZS VND YER',
  ].flatMap(codes => codes.split(' ')),
);
const eightDigits = 99_999_999;
export const nineDigits = 999_999_999;

/** The most that one booking can cost. */
export const mostPayable = (currency: string): number => (smallUnits.has(currency) ? nineDigits : eightDigits);

/**
 * Why a price cannot be paid; undefined when it can, or when there is nothing to pay. A stay of which this says something
 * is neither offered nor booked.
 */
export function findUnpayable(price: {
  total: number;
  currency: string;
}): { code: 'too_cheap' | 'too_expensive'; message: string } | undefined {
  const { total, currency } = price;
  const least = leastPayable(currency);
  if (total > 0 && total < least) {
    const message = `costs ${toMajorUnits(total, currency)} ${currency}, and less than ${toMajorUnits(least, currency)} cannot be paid by card`;
    return { code: 'too_cheap', message };
  }
  return total > mostPayable(currency)
    ? { code: 'too_expensive', message: 'costs too much to be booked at once' }
    : undefined;
}

/** `-1205` CAD becomes `-12.05`, `500` JPY stays `500`: a point and no grouping, whatever the reader's language. */
export function toMajorUnits(amount: number, currency: string): string {
  const decimals = decimalsOf(currency);
  const digits = String(Math.abs(amount)).padStart(decimals + 1, '0');
  const sign = amount < 0 ? '-' : '';
  return decimals === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
