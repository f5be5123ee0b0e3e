import { Temporal } from 'temporal-polyfill';
import { invalid, required } from './errors.ts';
import type { EventDateTime, GoogleEvent } from './event-schema.ts';

const civilDate = /^\d{4}-\d{2}-\d{2}$/;
const withOffset = /(Z|[+-]\d{2}:?\d{2})$/i;

/**
 * A start or end as Google stores and returns it: all-day ones as a date, timed ones with the calendar's offset.
 * @throws GoogleApiError 400 for a date that does not exist, for both or neither kind, and for a local time without zone.
 */
export function normalizeDateTime(
  value: EventDateTime | undefined,
  which: 'start' | 'end',
  zone: string,
): EventDateTime {
  if (!value || (value.date == null && value.dateTime == null)) throw required(`Missing ${which} time.`);
  if (value.date != null && value.dateTime != null) throw invalid(`Invalid ${which} time.`);
  try {
    if (value.date != null) {
      if (!civilDate.test(value.date)) throw new RangeError('not a date');
      return { date: Temporal.PlainDate.from(value.date).toString() };
    }
    const text = value.dateTime ?? '';
    const timeZone = value.timeZone ?? undefined;
    const instant = withOffset.test(text)
      ? Temporal.Instant.from(text)
      : timeZone !== undefined
        ? Temporal.PlainDateTime.from(text).toZonedDateTime(timeZone).toInstant()
        : undefined;
    if (!instant) throw required(`Missing time zone definition for ${which} time.`);
    return { dateTime: formatInstant(instant.epochMilliseconds, zone), timeZone: timeZone ?? zone };
  } catch (error) {
    if (error instanceof RangeError) throw invalid(`Invalid ${which} time.`);
    throw error;
  }
}

/** Epoch milliseconds as RFC 3339 in the offset that a zone has then, without fractions. */
export function formatInstant(epochMs: number, zone: string): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(zone);
  const text = zoned.toString({ smallestUnit: 'second', timeZoneName: 'never' });
  return text.endsWith('+00:00') ? `${text.slice(0, -6)}Z` : text;
}

/** Every page of a list compares all times of a calendar with its window: they are worked out once. */
const known = new Map<string, number>();
const mostKnown = 50_000;

/** Epoch milliseconds of a start or end; an all-day one begins at midnight in the calendar's zone. */
export function instantOf(value: EventDateTime | undefined, zone: string): number {
  const { date, dateTime } = value ?? {};
  if (date == null && dateTime == null) return 0;
  const key = `${date ?? dateTime} ${date == null ? '' : zone}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const instant =
    date == null
      ? Temporal.Instant.from(dateTime ?? '').epochMilliseconds
      : Temporal.PlainDate.from(date).toZonedDateTime(zone).epochMilliseconds;
  if (known.size >= mostKnown) known.clear();
  known.set(key, instant);
  return instant;
}

/** Checks that an event ends after it starts and that both ends are of one kind. */
export function checkRange(start: EventDateTime, end: EventDateTime, zone: string): void {
  if ((start.date == null) !== (end.date == null)) {
    throw invalid('The start and end times must either both be date or both be dateTime.');
  }
  const length = instantOf(end, zone) - instantOf(start, zone);
  if (length < 0 || (start.date != null && length === 0)) {
    throw invalid('The specified time range is empty.');
  }
}

/** Whether an event lies in a window: its end after `from` and its start before `to` (both exclusive, epoch ms). */
export function liesWithin(event: GoogleEvent, window: TimeWindow, zone: string): boolean {
  const start = instantOf(event.start ?? event.originalStartTime, zone);
  const end = event.end ? instantOf(event.end, zone) : start;
  return (window.from === undefined || end > window.from) && (window.to === undefined || start < window.to);
}

/** Epoch milliseconds; an absent bound is open. */
export interface TimeWindow {
  from?: number | undefined;
  to?: number | undefined;
}
