import { addDays, type CivilDate, dateInZone } from '@monde-sauvage/contracts';
import { z } from 'zod';

const when = z.object({ date: z.string().nullish(), dateTime: z.string().nullish() });
const event = z.object({
  id: z.string(),
  status: z.string().nullish(),
  summary: z.string().nullish(),
  updated: z.string().nullish(),
  start: when.nullish(),
  end: when.nullish(),
  transparency: z.string().nullish(),
  eventType: z.string().nullish(),
  recurrence: z.array(z.string()).nullish(),
  attendees: z.array(z.object({ responseStatus: z.string().nullish() })).nullish(),
  extendedProperties: z.object({ private: z.record(z.string(), z.string()).nullish() }).nullish(),
});
export type CalendarEvent = z.output<typeof event>;

/** What calendars hold by Google's account, deleted events included. */
export interface GoogleCopy {
  /** undefined: Google has no such calendar. */
  eventsOf(calendarId: string): Promise<CalendarEvent[] | undefined>;
}

/**
 * The calendars of the Google emulator, through its admin endpoint, which answers whatever faults its API has.
 * @returns undefined when no emulator answers at this address
 */
export async function findGoogleCopy(baseUrl: string): Promise<GoogleCopy | undefined> {
  const ask = (path: string) => fetch(new URL(path, baseUrl), { signal: AbortSignal.timeout(10_000) });
  const isThere = await ask('/_emulator/calendars').then(
    answer => answer.ok && (answer.headers.get('content-type') ?? '').includes('json'),
    () => false,
  );
  if (!isThere) return undefined;
  return {
    async eventsOf(calendarId) {
      const path = `/_emulator/calendars/${encodeURIComponent(calendarId)}/events?showDeleted=true`;
      const answer = await ask(path);
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw new Error(`the Google emulator answered ${answer.status} for calendar ${calendarId}`);
      return z.object({ events: z.array(event) }).parse(await answer.json()).events;
    },
  };
}

export const isLive = (item: CalendarEvent): boolean => item.status !== 'cancelled';

/** The booking an event claims to mirror. */
export const bookingOf = (item: CalendarEvent): string | undefined => item.extendedProperties?.private?.booking_id;

/** Its instances are events of their own, which the emulator does not list. */
export const isSeries = (item: CalendarEvent): boolean => (item.recurrence?.length ?? 0) > 0;

/** Whether somebody declined: whose calendar it is decides what that means, so such an event is not judged. */
export const isUndecided = (item: CalendarEvent): boolean =>
  item.attendees?.some(attendee => attendee.responseStatus === 'declined') ?? false;

/** The nights an owner's event takes, or null. (Rules: all-day as it is, timed by local dates, at least one night.) */
export function nightsTaken(item: CalendarEvent, timezone: string): { start: CivilDate; end: CivilDate } | null {
  if (!isLive(item) || item.transparency === 'transparent') return null;
  if (item.eventType === 'birthday' || item.eventType === 'workingLocation') return null;
  const dateOf = (time: z.output<typeof when> | null | undefined) =>
    time?.date ?? (time?.dateTime ? dateInZone(new Date(time.dateTime), timezone) : undefined);
  const start = dateOf(item.start);
  if (start === undefined) return null;
  const end = dateOf(item.end);
  return { start, end: end !== undefined && end > start ? end : addDays(start, 1) };
}
