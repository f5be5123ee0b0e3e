import { bookingOf, type CalendarEvent, isLive } from './google-copy.ts';

export interface WebsiteBooking {
  id: string;
  chaletId: string;
  status: string;
  startDate: string;
  endDate: string;
  googleEventId: string | null;
  changedAt: Date;
}

export interface Mirror {
  bookingId: string;
  active: boolean;
  state: string;
  startDate: string;
  endDate: string;
  placeCalendarId: string | null;
  placeEventId: string | null;
  lastError: string | null;
  changedAt: Date;
}

/** A mirror that is not as it should be, and says why: the owner sees the reason, and it is tried again. */
export const isExplained = (mirror: Mirror | undefined): boolean =>
  mirror !== undefined &&
  // A change in Google that the owner was asked about: the question is the reason.
  (mirror.state === 'awaiting_decision' ||
    (['wanted', 'blocked', 'failed'].includes(mirror.state) && mirror.lastError !== null));

/**
 * How a mirror's row differs from its booking; undefined when they agree.
 * @param o.calendarId of the chalet; null when it has none
 * @param o.isOver the stay: its event is kept where it is, but not made again
 */
export function findMirrorProblem(
  booking: WebsiteBooking,
  mirror: Mirror | undefined,
  o: { calendarId: string | null; isOver: boolean },
): string | undefined {
  const { calendarId } = o;
  if (booking.status === 'cancelled') return findLeftover(booking, mirror, calendarId);
  if (calendarId === null) {
    return mirror?.placeCalendarId
      ? `has its event in ${mirror.placeCalendarId}, which is not used any more`
      : undefined;
  }
  if (mirror === undefined) return o.isOver ? undefined : 'has no mirror';
  if (!mirror.active) return `is ${booking.status}, its mirror takes it for cancelled`;
  if (mirror.startDate !== booking.startDate || mirror.endDate !== booking.endDate)
    return 'has a mirror on other dates';
  if (mirror.placeCalendarId !== null && mirror.placeCalendarId !== calendarId) {
    return `has its event in ${mirror.placeCalendarId}, its chalet uses ${calendarId}`;
  }
  if (mirror.placeEventId === null && o.isOver) return undefined;
  if (mirror.placeEventId === null || mirror.state !== 'synced')
    return `has a mirror that is ${mirror.state}, not synced`;
  if (mirror.placeEventId !== booking.googleEventId) {
    return `names event ${booking.googleEventId ?? 'none'}, its mirror is event ${mirror.placeEventId}`;
  }
  return undefined;
}

function findLeftover(booking: WebsiteBooking, mirror: Mirror | undefined, calendarId: string | null) {
  if (mirror?.active) return 'is cancelled, its mirror is not';
  if (mirror?.placeEventId) return `is cancelled, its mirror still has event ${mirror.placeEventId}`;
  if (mirror !== undefined && mirror.state !== 'removed')
    return `is cancelled, its mirror is ${mirror.state}, not removed`;
  if (calendarId !== null && booking.googleEventId !== null) {
    return `is cancelled and still names event ${booking.googleEventId}`;
  }
  return undefined;
}

/**
 * How the events in Google differ from a booking: exactly one for an active one, none for a cancelled one.
 * @param events all that claim this booking, deleted ones included, and copies made by hand left out
 */
export function findEventProblem(
  booking: WebsiteBooking,
  events: readonly CalendarEvent[],
  o: { isOver: boolean },
): string | undefined {
  const live = events.filter(isLive);
  const ids = live.map(item => item.id).join(', ');
  if (booking.status === 'cancelled') {
    return live.length === 0 ? undefined : `is cancelled and has ${live.length} in Google: ${ids}`;
  }
  const [only, ...others] = live;
  if (only === undefined) return o.isOver ? undefined : 'has no event in Google';
  if (others.length > 0) return `has ${live.length} events in Google: ${ids}`;
  if (only.id !== booking.googleEventId) return `names event ${booking.googleEventId ?? 'none'}, Google has ${only.id}`;
  if (only.start?.date !== booking.startDate || only.end?.date !== booking.endDate) {
    return `has event ${only.id} in Google on other dates`;
  }
  if ((only.summary ?? '').startsWith('[CONFIRMED] ') !== (booking.status === 'confirmed')) {
    return `is ${booking.status}, and the title of event ${only.id} says otherwise`;
  }
  return undefined;
}

/**
 * Whether an event that claims a booking is a copy an owner made by hand: it is kept as an external one, and its id is
 * not the booking's (the first id of a booking's event is its own, without dashes).
 */
export function isCopyByHand(item: CalendarEvent, mirror: Mirror | undefined, isExternal: boolean): boolean {
  return isExternal && item.id !== mirror?.placeEventId && item.id !== bookingOf(item)?.replaceAll('-', '');
}
