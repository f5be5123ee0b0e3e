/** An amount in minor units as text, such as "$120.00" or "¥500", in the way of a locale. */
export function formatMoney(amount: number, currency: string, locale = 'en-CA'): string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency: currency.toUpperCase() });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
