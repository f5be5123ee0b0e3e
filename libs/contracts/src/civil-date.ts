import { Temporal } from 'temporal-polyfill';

/** A civil date `YYYY-MM-DD`: a day on the calendar, in no time zone. It never passes through an instant. */
export type CivilDate = string;

/** A half-open range of dates: the night of `startDate` is taken, the day of `endDate` (checkout) is free. */
export interface Stay {
  startDate: CivilDate;
  endDate: CivilDate;
}

export function isCivilDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    return Temporal.PlainDate.from(text).year >= 1900;
  } catch {
    return false;
  }
}

export const addDays = (date: CivilDate, days: number): CivilDate =>
  Temporal.PlainDate.from(date).add({ days }).toString();

/** Whole days from one date to another; negative when `to` is earlier. */
export const daysBetween = (from: CivilDate, to: CivilDate): number =>
  Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: 'day' }).days;

export const nightsOf = (stay: Stay): number => daysBetween(stay.startDate, stay.endDate);

/** Two stays share at least one night. ISO dates compare as text. */
export const overlaps = (a: Stay, b: Stay): boolean => a.startDate < b.endDate && b.startDate < a.endDate;

/** The dates of a stay's nights: from `startDate` up to and without `endDate`. */
export function datesOf(stay: Stay): CivilDate[] {
  return Array.from({ length: Math.max(0, nightsOf(stay)) }, (_, day) => addDays(stay.startDate, day));
}

/** 1 is Monday, 7 is Sunday. */
export const dayOfWeek = (date: CivilDate): number => Temporal.PlainDate.from(date).dayOfWeek;

/** The civil date an instant falls on in an IANA time zone. */
export const dateInZone = (instant: Date, timezone: string): CivilDate =>
  Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(timezone).toPlainDate().toString();

/** The instant at which a civil date begins in an IANA time zone: midnight, or the first moment after it where clocks skip it. */
export const startOfDay = (date: CivilDate, timezone: string): Date =>
  new Date(Temporal.PlainDate.from(date).toZonedDateTime({ timeZone: timezone }).epochMilliseconds);

/** Stays that ended a month ago or earlier are history: consumers no longer compare their copies of them. */
export const comparedFrom = (now: Date): CivilDate => addDays(dateInZone(now, 'UTC'), -31);

/** An IANA name such as America/Toronto; an offset such as +05:00 knows no summer time and is none. */
export const isTimezone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};
