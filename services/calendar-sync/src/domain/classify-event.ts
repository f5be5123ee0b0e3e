import { addDays, type CivilDate, dateInZone, isCivilDate } from '@monde-sauvage/contracts';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { Temporal } from 'temporal-polyfill';
import { isOurs } from './mirror-event.ts';

export type GoogleEvent = calendar_v3.Schema$Event;
type EventTime = calendar_v3.Schema$EventDateTime;

/** What is known of the bookings whose events might be among those classified. */
export interface Surroundings {
  /** IANA zone of the establishment: timed events take nights by their local dates. */
  timezone: string;
  /** The booking whose mirror in this calendar has or had this event id, if that is known without the event saying so. */
  mirrorWithId(googleEventId: string): string | undefined;
  /** Whether this booking's own sequence of ids contains this one: then we made the event, also when it is long gone. */
  isOwnId(bookingId: string, googleEventId: string): boolean;
}

/** What an event in an owner's calendar means for the chalet's nights. */
export type EventClass =
  | { kind: 'mirror'; bookingId: string }
  | { kind: 'external'; startDate: CivilDate; endDate: CivilDate; title: string | null; etag: string }
  | { kind: 'free'; reason: 'cancelled' | 'transparent' | 'declined' | 'no dates' };

/** Kinds of events that say where somebody is or whose birthday it is; they take no nights whatever they claim. */
const kindsWithoutNights = new Set(['birthday', 'workingLocation']);

/**
 * Classifies an event as Google lists it. A mirror is an event with the id of a booking's mirror, also when it lost our
 * properties, unless it carries another booking's; a copy made by hand has an id of its own and is the owner's own.
 */
export function classifyEvent(event: GoogleEvent, about: Surroundings): EventClass {
  // An instance of a mirror that somebody made to repeat belongs to that mirror.
  const ids = [event.id, event.recurringEventId].flatMap(id => id ?? []);
  const known = ids.map(about.mirrorWithId).find(bookingId => bookingId !== undefined);
  if (known !== undefined && isOurs(event, known)) return { kind: 'mirror', bookingId: known };
  const claimed = event.extendedProperties?.private?.booking_id;
  if (claimed !== undefined && ids.some(id => about.isOwnId(claimed, id)))
    return { kind: 'mirror', bookingId: claimed };
  if (event.status === 'cancelled') return { kind: 'free', reason: 'cancelled' };
  if (event.transparency === 'transparent' || kindsWithoutNights.has(event.eventType ?? '')) {
    return { kind: 'free', reason: 'transparent' };
  }
  if (event.attendees?.some(one => one.self === true && one.responseStatus === 'declined')) {
    return { kind: 'free', reason: 'declined' };
  }
  const nights = nightsOfEvent(event, about.timezone);
  if (nights === undefined) return { kind: 'free', reason: 'no dates' };
  return { kind: 'external', ...nights, title: titleOf(event), etag: event.etag ?? '' };
}

/**
 * The nights an event takes: all-day dates as they are (Google's end is exclusive, as ours), timed ones from the local
 * date of the start to the local date of the end, at least one night. undefined when it has no dates.
 */
export function nightsOfEvent(
  event: GoogleEvent,
  timezone: string,
): { startDate: CivilDate; endDate: CivilDate } | undefined {
  const startDate = dateOf(event.start, timezone);
  const endDate = dateOf(event.end, timezone);
  if (startDate === undefined) return undefined;
  return { startDate, endDate: endDate !== undefined && endDate > startDate ? endDate : addDays(startDate, 1) };
}

function dateOf(time: EventTime | undefined, timezone: string): CivilDate | undefined {
  if (time?.date) return isCivilDate(time.date) ? time.date : undefined;
  if (!time?.dateTime) return undefined;
  try {
    const instant = /(Z|[+-]\d{2}:?\d{2})$/i.test(time.dateTime)
      ? Temporal.Instant.from(time.dateTime)
      : Temporal.PlainDateTime.from(time.dateTime)
          .toZonedDateTime(time.timeZone ?? timezone)
          .toInstant();
    return dateInZone(new Date(instant.epochMilliseconds), timezone);
  } catch {
    return undefined;
  }
}

/** null for private events: their title is the owner's business, also when Google shows it to the owner's account. */
function titleOf(event: GoogleEvent): string | null {
  if (event.visibility === 'private' || event.visibility === 'confidential') return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL refuses NUL, and a title is one line
  const title = (event.summary ?? '').replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  // Nor does it take half an emoji, where a long one is cut: the whole list would be refused for it.
  return title === '' ? null : title.slice(0, 500).toWellFormed();
}
