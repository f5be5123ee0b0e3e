import {
  type Availability,
  type ChaletSnapshot,
  type CivilDate,
  type calendarDay,
  datesOf,
  findUnpayable,
  isConsulted,
  nightsOf,
  type Occupancy,
  overlaps,
  type Price,
  priceStay,
  type Rates,
  type Stay,
  stayLimits,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';

/** The parts of a chalet that decide whether it can be had, and what it costs. */
export type ChaletTerms = Rates &
  Pick<
    ChaletSnapshot,
    'id' | 'minNights' | 'maxNights' | 'archived' | 'capacity' | 'seasons' | 'whenGoogleUnreachable'
  >;

/** What the booking database says of a range, and where the answer is from. */
export interface DatabaseView {
  status: Availability['sources']['database']['status'];
  items: Occupancy[];
}

/** What the owner's Google calendar says of a range. */
export interface GoogleView {
  status: Availability['sources']['google']['status'];
  syncedAt: string | null;
  busy: { googleEventId: string; startDate: CivilDate; endDate: CivilDate }[];
}

type Reason = Availability['reasons'][number];
type CalendarDay = z.infer<typeof calendarDay>;

/**
 * Decides an availability check: the database first, then Google's external events the database may not hold yet
 * (product rule 3: both must be clear), then the chalet's own rules. `today` is the date in the chalet's time zone.
 */
export function decideAvailability(
  chalet: ChaletTerms,
  range: { from: CivilDate; to: CivilDate; guests?: number | undefined },
  database: DatabaseView,
  google: GoogleView,
  today: CivilDate,
): Availability {
  const stay: Stay = { startDate: range.from, endDate: range.to };
  const known = new Set(database.items.map(item => item.googleEventId));
  const conflicts = [
    ...database.items.filter(item => overlaps(item, stay)),
    ...google.busy
      .filter(event => !known.has(event.googleEventId) && overlaps(event, stay))
      .map(event => ({ ...event, source: 'google' as const, status: 'confirmed' as const })),
  ]
    .map(({ startDate, endDate, source, status }) => ({ startDate, endDate, source, status }))
    .sort((a, b) => a.startDate.localeCompare(b.startDate));
  const quote = quoteStay(chalet, stay, { guests: range.guests ?? null, today });
  const reasons = [
    ...brokenRules(chalet, stay, range.guests ?? null, today),
    ...unpayable(quote),
    ...unconsulted(chalet, google),
  ];
  return {
    chaletId: chalet.id,
    from: range.from,
    to: range.to,
    available: conflicts.length === 0 && reasons.length === 0,
    conflicts,
    sources: { database: { status: database.status }, google: { status: google.status, syncedAt: google.syncedAt } },
    quote,
    reasons,
  };
}

/** An owner may want nothing sold that the calendar, as it is now, was not asked about. */
const unconsulted = ({ whenGoogleUnreachable }: ChaletTerms, { status }: GoogleView): Reason[] =>
  whenGoogleUnreachable === 'open' || isConsulted(status)
    ? []
    : [
        {
          code: 'calendar_unreachable',
          message: 'the calendar of this chalet cannot be consulted now: ask again later',
        },
      ];

/** The price of a stay with its nights: the same function a booking is priced with. */
export const quoteStay = (rates: Rates, stay: Stay, o: { guests: number | null; today: CivilDate }) => ({
  nights: nightsOf(stay),
  ...priceStay(rates, stay, o),
});

function brokenRules(chalet: ChaletTerms, stay: Stay, guests: number | null, today: CivilDate): Reason[] {
  const nights = nightsOf(stay);
  const { minNights, maxNights } = stayLimits(chalet, stay.startDate);
  const reasons: Reason[] = [];
  if (chalet.archived) reasons.push({ code: 'archived', message: 'this chalet is no longer rented out' });
  if (stay.startDate < today) reasons.push({ code: 'past', message: `the stay must not start before ${today}` });
  if (nights < minNights) reasons.push({ code: 'min_nights', message: `stays are at least ${minNights} nights` });
  if (nights > maxNights) reasons.push({ code: 'max_nights', message: `stays are at most ${maxNights} nights` });
  if (guests !== null && guests > chalet.capacity) {
    reasons.push({ code: 'capacity', message: `the chalet takes at most ${chalet.capacity} guests` });
  }
  return reasons;
}

function unpayable(quote: Price): Reason[] {
  const problem = findUnpayable(quote);
  return problem ? [{ code: problem.code, message: `this stay ${problem.message}` }] : [];
}

/** One entry a day of the range: whether its night can be had, and if not, why. */
export function describeDays(
  chalet: Pick<ChaletTerms, 'archived'>,
  range: { from: CivilDate; to: CivilDate },
  occupancies: Occupancy[],
  today: CivilDate,
): CalendarDay[] {
  const taken = new Map<CivilDate, CalendarDay['reason']>();
  for (const occupancy of occupancies) {
    const start = occupancy.startDate < range.from ? range.from : occupancy.startDate;
    const end = occupancy.endDate > range.to ? range.to : occupancy.endDate;
    for (const date of datesOf({ startDate: start, endDate: end })) {
      // A website booking says more than an external event over the same night.
      if (occupancy.source === 'website' || !taken.has(date)) taken.set(date, reasonOf(occupancy));
    }
  }
  return datesOf({ startDate: range.from, endDate: range.to }).map(date => {
    const reason = chalet.archived ? 'archived' : date < today ? 'past' : taken.get(date);
    return reason ? { date, available: false, reason } : { date, available: true };
  });
}

const reasonOf = (occupancy: Occupancy): NonNullable<CalendarDay['reason']> => {
  if (occupancy.source === 'google') return 'external';
  return occupancy.status === 'pending' ? 'held' : 'booked';
};
