import {
  addDays,
  type BalanceTerms,
  type CancellationPolicy,
  type ChaletSnapshot,
  type DepositTerms,
  dateInZone,
  daysBetween,
  findUnpayable,
  type NewBooking,
  nightsOf,
  type Price,
  priceStay,
  type Result,
  refuse,
  scheduleOf,
  stayLimits,
} from '@monde-sauvage/contracts';
import { begin, type Change } from './booking.ts';

/** What a chalet's rules say about a stay: the part of it and of its establishment that placing a booking needs. */
export interface OfferedChalet extends Omit<ChaletSnapshot, 'name' | 'description' | 'createdAt' | 'updatedAt'> {
  policy: CancellationPolicy;
  version: number;
}

/** How far ahead a stay may end, in days: three years and a leap day. */
const horizonDays = 3 * 365 + 1;

/**
 * Decides about a guest's wish to book, as far as it can be decided without looking at other bookings. The price and
 * the cancellation policy are frozen in the booking.
 * @returns the first version of a booking, pending or (when it costs nothing) confirmed; or `validation_failed` with what is wrong
 */
export function placeBooking(
  wish: NewBooking,
  chalet: OfferedChalet,
  o: { at: Date; holdMinutes: number; id: string; reference: string; manageTokenHash: string },
): Result<Change> {
  const today = dateInZone(o.at, chalet.timezone);
  const errors = findProblems(wish, chalet, today);
  if (errors.length > 0) return cannotBeBooked(errors);
  const at = o.at.toISOString();
  const stay = { startDate: wish.startDate, endDate: wish.endDate };
  const guests = wish.guests ?? pricedGuests(chalet);
  const price = priceStay(chalet, stay, { guests, today });
  // Nobody could pay it, and its nights would be held for nothing.
  const unpayable = findUnpayable(price);
  if (unpayable) return cannotBeBooked([{ path: 'endDate', message: unpayable.message }]);
  // Nothing to pay is nothing to wait for: payment opens no Checkout over 0.
  const standing =
    price.total === 0
      ? ({ status: 'confirmed', confirmedAt: at, holdExpiresAt: null } as const)
      : ({ status: 'pending', confirmedAt: null, holdExpiresAt: holdEnd(o) } as const);
  const change = begin(
    {
      id: o.id,
      reference: o.reference,
      chaletId: chalet.id,
      establishmentId: chalet.establishmentId,
      ...stay,
      nights: nightsOf(stay),
      guests,
      ...standing,
      source: 'website',
      customer: { name: wish.customer.name, email: wish.customer.email, phone: wish.customer.phone ?? null },
      notes: wish.notes ? wish.notes : null,
      price,
      checkoutOpenUntil: null,
      googleEventId: null,
      mirrorRevision: 0,
      payments: [],
      sums: null,
      balanceOverdue: false,
      conflict: false,
      version: 1,
      createdAt: at,
      updatedAt: at,
      cancelledAt: null,
      cancelReason: null,
      locale: wish.locale ?? chalet.locale,
      policy: chalet.policy,
      balanceTerms: balanceTermsOf(price, chalet.deposit),
      refundPercentage: null,
      refundBase: null,
      manageTokenHash: o.manageTokenHash,
    },
    { at: o.at, by: 'guest', action: 'placed', event: 'created' },
  );
  return { ok: true, value: change };
}

type Problem = { path: string; message: string };

const cannotBeBooked = (errors: Problem[]) => refuse('validation_failed', 'This stay cannot be booked.', errors);

const holdEnd = (o: { at: Date; holdMinutes: number }): string =>
  new Date(o.at.getTime() + o.holdMinutes * 60_000).toISOString();

function findProblems(wish: NewBooking, chalet: OfferedChalet, today: string) {
  const errors: Problem[] = [];
  const nights = daysBetween(wish.startDate, wish.endDate);
  const { minNights, maxNights } = stayLimits(chalet, wish.startDate);
  if (chalet.archived) errors.push({ path: 'chaletId', message: 'this chalet is no longer offered' });
  if (wish.startDate < today) errors.push({ path: 'startDate', message: 'must not be in the past' });
  if (nights < 1) {
    errors.push({ path: 'endDate', message: 'must be after startDate' });
  } else if (wish.endDate > addDays(today, horizonDays)) {
    errors.push({ path: 'endDate', message: 'must be at most three years from now' });
  } else if (nights < minNights) {
    errors.push({ path: 'endDate', message: `the shortest stay is ${minNights} nights` });
  } else if (nights > maxNights) {
    errors.push({ path: 'endDate', message: `the longest stay is ${maxNights} nights` });
  }
  if (wish.guests !== undefined && wish.guests > chalet.capacity) {
    errors.push({ path: 'guests', message: `the chalet takes at most ${chalet.capacity} guests` });
  }
  return errors;
}

/** Where the price depends on how many come, whoever does not say books for as many as it includes. */
const pricedGuests = ({ includedGuests, extraGuestFee }: OfferedChalet): number | null =>
  extraGuestFee > 0 ? includedGuests : null;

const balanceTermsOf = (price: Price, deposit: DepositTerms | null): BalanceTerms | null =>
  deposit !== null && scheduleOf(price).some(({ purpose }) => purpose === 'balance')
    ? { reminderDays: deposit.reminderDays, unpaidBalance: deposit.unpaidBalance, graceDays: deposit.graceDays }
    : null;
