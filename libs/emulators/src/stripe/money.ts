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
