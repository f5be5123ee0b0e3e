const withoutMinorUnits = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const withThousandths = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
const onlyWhole = new Set(['isk', 'ugx']);

/** Digits behind the point by Stripe's table of currencies, which is not that of Intl (10.00 HUF). */
function decimalsOf(currency: string): number {
  if (withoutMinorUnits.has(currency)) return 0;
  return withThousandths.has(currency) ? 3 : 2;
}

/** What every amount must be a multiple of: 10 where there are thousandths, 100 where hundredths are for show. */
export function smallestStep(currency: string): number {
  if (withThousandths.has(currency)) return 10;
  return onlyWhole.has(currency) ? 100 : 1;
}

/** Stripe's table of minimum charge amounts, where it says something else than 0.50 (or 50 where there is no minor unit). */
const leastAmounts = new Map(
  Object.entries({
    ...{ aed: 200, bgn: 100, czk: 1_500, dkk: 250, gbp: 30, hkd: 400, huf: 17_500, mxn: 1_000, myr: 200, nok: 300 },
    ...{ pln: 200, ron: 200, sek: 300, thb: 1_000 },
  }),
);

/** The least that a charge can be of, for an account that settles in the currency it charges. */
export const leastCharge = (currency: string): number => leastAmounts.get(currency) ?? 50;

/** An amount in minor units as text, such as "$120.00" or "¥500", in the way of a locale. */
export function formatMoney(amount: number, currency: string, locale = 'en-CA'): string {
  const digits = decimalsOf(currency.toLowerCase());
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(amount / 10 ** digits);
}
