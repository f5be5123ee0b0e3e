import { z } from 'zod';
import { addDays, type CivilDate, dayOfWeek, nightsOf, type Stay } from './civil-date.ts';
import { leastPayable } from './payable.ts';
import { type Rates, type Season, seasonOf, type Tax, type taxable } from './rates.ts';
import { civilDate, currency } from './values.ts';

export const lineKind = z.enum(['nights', 'discount', 'extra_guests', 'cleaning', 'tax']);
export type LineKind = z.infer<typeof lineKind>;

/** `amount` is negative for a discount. `kind` and `quantity` are missing in what older versions wrote. */
export const priceLine = z.object({
  label: z.string(),
  amount: z.int(),
  kind: lineKind.optional().catch(undefined),
  quantity: z.int().positive().optional().meta({ description: 'nights, or guests above the included ones' }),
});
export type PriceLine = z.infer<typeof priceLine>;

/** One payment of a price. `dueDate` null: when booking. */
export const installment = z.object({
  purpose: z.enum(['full', 'deposit', 'balance']),
  amount: z.int().min(0),
  dueDate: civilDate.nullable(),
});
export type Installment = z.infer<typeof installment>;

/**
 * What a stay costs, in minor units; `total` is the sum of the lines. `schedule` says how it is paid: all at once, or a
 * deposit and a balance; their amounts add up to the total. Missing in what older versions wrote: all at once.
 */
export const price = z.object({
  currency,
  total: z.int().min(0),
  lines: z.array(priceLine),
  schedule: z.array(installment).min(1).max(2).optional(),
});
export type Price = z.infer<typeof price>;

/**
 * Less than this, in minor units, is not split off: it must be payable, and is worth neither a payment's fee nor a guest's
 * second visit.
 */
export const leastInstallment = (currency: string): number => Math.max(1_000, leastPayable(currency));

/** How a price is paid, also one that an older version wrote. */
export const scheduleOf = (of: Pick<Price, 'total' | 'schedule'>): Installment[] =>
  of.schedule ?? [{ purpose: 'full', amount: of.total, dueDate: null }];

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
const words = {
  fr: {
    nights: (n: number) => plural(n, 'nuit', 'nuits'),
    weekend: (n: number) => `${plural(n, 'nuit', 'nuits')} de fin de semaine`,
    discount: (percentage: number, nights: number) => `Rabais de ${percentage} % (${nights} nuits et plus)`,
    extraGuests: (n: number, nights: number) =>
      `${plural(n, 'personne supplémentaire', 'personnes supplémentaires')}, ${plural(nights, 'nuit', 'nuits')}`,
    cleaning: 'Frais de ménage',
    percent: (digits: string) => `${digits.replace('.', ',')} %`,
  },
  en: {
    nights: (n: number) => plural(n, 'night', 'nights'),
    weekend: (n: number) => plural(n, 'weekend night', 'weekend nights'),
    discount: (percentage: number, nights: number) => `${percentage}% off (${nights} nights or more)`,
    extraGuests: (n: number, nights: number) =>
      `${plural(n, 'extra guest', 'extra guests')}, ${plural(nights, 'night', 'nights')}`,
    cleaning: 'Cleaning fee',
    percent: (digits: string) => `${digits}%`,
  },
};
type Words = (typeof words)['fr'];

/**
 * The price of a stay, in whole minor units of `rates.currency`. An availability answer quotes with it and a booking
 * stores its result, so the two are the same by construction. Each night is paid by its own season.
 * @param o.guests null when nobody said: the included ones
 * @param o.today on the establishment's calendar; decides whether a balance can still wait
 */
export function priceStay(rates: Rates, stay: Stay, o: { guests: number | null; today: CivilDate }): Price {
  const say = rates.locale.toLowerCase().startsWith('fr') ? words.fr : words.en;
  const nights = nightLines(rates, stay, say);
  const net = [
    ...nights,
    ...discountLines(rates, nightsOf(stay), sumOf(nights), say),
    ...extraGuestLines(rates, nightsOf(stay), o.guests, say),
    ...(rates.cleaningFee > 0 ? [{ label: say.cleaning, amount: rates.cleaningFee, kind: 'cleaning' as const }] : []),
  ];
  const lines = [...net, ...rates.taxes.flatMap(tax => taxLines(tax, net, say))];
  const total = sumOf(lines);
  return { currency: rates.currency, total, lines, schedule: splitPrice(total, rates, stay, o.today) };
}

type KindOfLine = PriceLine & { kind: LineKind };

const sumOf = (lines: readonly PriceLine[]): number => lines.reduce((sum, line) => sum + line.amount, 0);

interface Nights {
  season: Season | undefined;
  isWeekend: boolean;
  rate: number;
  count: number;
}

/** Nights at the same rate of the same season share a line, in the order of their first night. */
function nightLines(rates: Rates, stay: Stay, say: Words): KindOfLine[] {
  const groups: Nights[] = [];
  for (const nights of splitNights(rates, stay)) {
    const same = groups.find(group => group.season === nights.season && group.isWeekend === nights.isWeekend);
    if (same) same.count += nights.count;
    else groups.push(nights);
  }
  return groups.map(({ season, isWeekend, rate, count }) => ({
    label: `${isWeekend ? say.weekend(count) : say.nights(count)}${season ? `, ${season.name}` : ''}`,
    amount: count * rate,
    kind: 'nights' as const,
    quantity: count,
  }));
}

/** The stay cut at the borders of seasons, each piece into weekend nights and others: quick for however many nights. */
function splitNights(rates: Rates, stay: Stay): Nights[] {
  const pieces: Nights[] = [];
  for (let from = stay.startDate; from < stay.endDate; ) {
    const season = seasonOf(rates.seasons, from);
    const borders = season ? [season.endDate] : rates.seasons.map(one => one.startDate).filter(start => start > from);
    const to = borders.reduce((first, border) => (border < first ? border : first), stay.endDate);
    const { nightlyRate, weekendRate } = season ?? rates;
    const nights = nightsOf({ startDate: from, endDate: to });
    const weekend = weekendRate === null ? 0 : weekendNights(dayOfWeek(from), nights);
    const others = { season, isWeekend: false, rate: nightlyRate, count: nights - weekend };
    const weekends = { season, isWeekend: true, rate: weekendRate ?? nightlyRate, count: weekend };
    const inOrder = isWeekendNight(dayOfWeek(from)) ? [weekends, others] : [others, weekends];
    pieces.push(...inOrder.filter(piece => piece.count > 0));
    from = to;
  }
  return pieces;
}

/** The nights before a Saturday and before a Sunday. */
const isWeekendNight = (weekday: number): boolean => weekday === 5 || weekday === 6;

function weekendNights(firstWeekday: number, nights: number): number {
  const days = Array.from({ length: nights % 7 }, (_, day) => ((firstWeekday - 1 + day) % 7) + 1);
  return Math.floor(nights / 7) * 2 + days.filter(isWeekendNight).length;
}

function discountLines(rates: Rates, nights: number, amount: number, say: Words): KindOfLine[] {
  const [best] = rates.lengthDiscounts
    .filter(discount => nights >= discount.nights)
    .sort((a, b) => b.percentage - a.percentage || a.nights - b.nights);
  const off = best ? roundHalfUp(amount, best.percentage, 100) : 0;
  return best && off > 0 ? [{ label: say.discount(best.percentage, best.nights), amount: -off, kind: 'discount' }] : [];
}

function extraGuestLines(rates: Rates, nights: number, guests: number | null, say: Words): KindOfLine[] {
  const extra = guests === null || rates.includedGuests === null ? 0 : Math.max(0, guests - rates.includedGuests);
  const amount = extra * nights * rates.extraGuestFee;
  return amount > 0 ? [{ label: say.extraGuests(extra, nights), amount, kind: 'extra_guests', quantity: extra }] : [];
}

/** A discount lowers what a tax on nights is taken of. */
const taxedAs = { nights: 'nights', discount: 'nights', extra_guests: 'extra_guests', cleaning: 'cleaning' } as const;

function taxLines(tax: Tax, net: readonly KindOfLine[], say: Words): KindOfLine[] {
  const base = net.filter(line => isTaxed(tax, line.kind)).reduce((sum, line) => sum + line.amount, 0);
  const amount = roundHalfUp(base, tax.rateMillionths, 1_000_000);
  const label = `${tax.name} (${say.percent(String(tax.rateMillionths / 10_000))})`;
  return amount > 0 ? [{ label, amount, kind: 'tax' }] : [];
}

const isTaxed = (tax: Tax, kind: LineKind): boolean => {
  const as: (typeof taxable.options)[number] | undefined = kind === 'tax' ? undefined : taxedAs[kind];
  return as !== undefined && tax.appliesTo.includes(as);
};

/** `amount × part ÷ whole` to the nearest unit, halves up; exact however large, for amounts that are not negative. */
export const roundHalfUp = (amount: number, part: number, whole: number): number =>
  Number((2n * BigInt(amount) * BigInt(part) + BigInt(whole)) / (2n * BigInt(whole)));

/** A balance that would be due today or earlier does not wait, and neither does a part too small to be paid by card. */
function splitPrice(total: number, { deposit, currency }: Rates, stay: Stay, today: CivilDate): Installment[] {
  const full: Installment[] = [{ purpose: 'full', amount: total, dueDate: null }];
  if (deposit === null) return full;
  const dueDate = addDays(stay.startDate, -deposit.balanceDaysBefore);
  const now = roundHalfUp(total, deposit.percentage, 100);
  if (dueDate <= today || Math.min(now, total - now) < leastInstallment(currency)) return full;
  return [
    { purpose: 'deposit', amount: now, dueDate: null },
    { purpose: 'balance', amount: total - now, dueDate },
  ];
}
