import type { GoogleEvent } from './domain/classify-event.ts';
import type { LeftReason } from './domain/left-mirrors.ts';
import { isOurs } from './domain/mirror-event.ts';
import type { CalendarApi, SendUpdates } from './google/calendar-api.ts';
import { GoogleCallError, type GoogleFailure } from './google/classify-error.ts';
import type { Place } from './stores/mirror-store.ts';

/** Why the connected account cannot delete in a calendar; undefined when it can. */
export type ReachOf = (calendarId: string) => Promise<LeftReason | undefined>;

/**
 * Asks Google once for each calendar what the connected account can do there: 404 for an event says nothing while it is
 * not known that the account sees the calendar it is in.
 */
export function createReach(api: Pick<CalendarApi, 'getCalendar'>): ReachOf {
  const asked = new Map<string, Promise<LeftReason | undefined>>();
  return calendarId => {
    const known = asked.get(calendarId);
    if (known !== undefined) return known;
    const reach = askForReach(api, calendarId);
    asked.set(calendarId, reach);
    reach.catch(() => asked.delete(calendarId));
    return reach;
  };
}

/** Who sees only when a calendar is busy is not told of its events. Google: CalendarList, `accessRole`. */
async function askForReach(api: Pick<CalendarApi, 'getCalendar'>, calendarId: string): Promise<LeftReason | undefined> {
  try {
    const { accessRole } = await api.getCalendar(calendarId);
    if (accessRole === 'freeBusyReader') return 'calendar_gone';
    return accessRole === 'reader' ? 'no_permission' : undefined;
  } catch (error) {
    const { kind } = failureAmong(error, ['not_found', 'gone', 'forbidden']);
    return kind === 'forbidden' ? 'no_permission' : 'calendar_gone';
  }
}

/**
 * Deletes our event, never one that is not ours. That it is gone already is as good; that its calendar is out of reach is
 * not: while the chalet uses the calendar that is thrown, since it concerns everything in it; in another calendar the
 * event is left, for the reason that is returned.
 * @param o.reachOf what the account can do in calendars; null for the calendar that the chalet uses
 * @throws GoogleCallError
 */
export async function removeMirror(
  api: CalendarApi,
  place: Place,
  mirror: { bookingId: string; etag: string | null },
  o: { reachOf: ReachOf | null; sendUpdates: SendUpdates },
): Promise<LeftReason | undefined> {
  let { etag } = mirror;
  for (let tries = 0; ; tries += 1) {
    try {
      await api.deleteEvent(place.calendarId, place.eventId, etag, o.sendUpdates);
      return undefined;
    } catch (error) {
      const { kind } = failureAmong(error, ['not_found', 'gone', 'forbidden', 'changed_meanwhile']);
      if (kind === 'gone') return undefined;
      if (o.reachOf === null) {
        if (kind === 'forbidden') throw error;
        if (kind === 'not_found') await api.getCalendar(place.calendarId);
      } else if (kind !== 'changed_meanwhile') {
        const reach = await o.reachOf(place.calendarId);
        // Not to be had although its calendar can be written: Google keeps this one event from the account.
        return kind === 'forbidden' ? (reach ?? 'no_permission') : reach === 'calendar_gone' ? reach : undefined;
      }
      if (kind === 'not_found') return undefined;
      if (tries >= 3) throw error;
      const found = await getEvent(api, place);
      if (found === undefined || found.status === 'cancelled') return undefined;
      if (!isOurs(found, mirror.bookingId)) return undefined;
      etag = found.etag ?? null;
    }
  }
}

/** undefined when Google has no such event. */
export async function getEvent(api: CalendarApi, place: Place): Promise<GoogleEvent | undefined> {
  try {
    return await api.getEvent(place.calendarId, place.eventId);
  } catch (error) {
    failureAmong(error, ['not_found', 'gone']);
    return undefined;
  }
}

/** The failure if it is one of those expected; everything else is thrown on. */
export function failureAmong(error: unknown, kinds: GoogleFailure['kind'][]): GoogleFailure {
  if (error instanceof GoogleCallError && kinds.includes(error.failure.kind)) return error.failure;
  throw error;
}
