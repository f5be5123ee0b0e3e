import { addDays, type CivilDate, dateInZone } from '@monde-sauvage/contracts';
import type { GoogleEvent } from './domain/classify-event.ts';
import type { CalendarApi } from './google/calendar-api.ts';
import { GoogleCallError } from './google/classify-error.ts';

/** How far back a full list goes, so that stays in progress and late edits are seen. */
const daysBack = 30;

export interface Listing {
  items: GoogleEvent[];
  syncToken: string;
  /** Set when everything was listed: what was not seen and ends after this date does not exist any more. */
  full: { absentAfter: CivilDate } | undefined;
}

/**
 * Lists what changed since the sync token, or everything when there is none or Google does not take it any more (410).
 * `onPage` is called between pages, so that a lease can be held for longer; it may throw to stop.
 * Google: Calendar API, "Synchronize resources efficiently".
 */
export async function listChanges(
  api: CalendarApi,
  calendarId: string,
  o: { syncToken: string | null; now: Date; onPage: () => Promise<void> },
): Promise<Listing> {
  if (o.syncToken !== null) {
    try {
      return { ...(await listPages(api, calendarId, { syncToken: o.syncToken }, o.onPage)), full: undefined };
    } catch (error) {
      const expired = error instanceof GoogleCallError && ['gone', 'invalid'].includes(error.failure.kind);
      if (!expired) throw error;
    }
  }
  const since = addDays(dateInZone(o.now, 'UTC'), -daysBack);
  const pages = await listPages(api, calendarId, { timeMin: `${since}T00:00:00Z` }, o.onPage);
  // Zones are up to 14 hours ahead of UTC: a day later, an event is in the list for certain.
  return { ...pages, full: { absentAfter: addDays(since, 1) } };
}

async function listPages(
  api: CalendarApi,
  calendarId: string,
  from: { syncToken: string } | { timeMin: string },
  onPage: () => Promise<void>,
): Promise<{ items: GoogleEvent[]; syncToken: string }> {
  const items: GoogleEvent[] = [];
  let pageToken: string | undefined;
  for (;;) {
    const page = await api.listEvents(calendarId, { from, pageToken });
    items.push(...(page.items ?? []));
    if (page.nextSyncToken) return { items, syncToken: page.nextSyncToken };
    if (!page.nextPageToken) {
      throw new GoogleCallError({ kind: 'retry', reason: 'Google ended a list without a sync token' });
    }
    pageToken = page.nextPageToken;
    await onPage();
  }
}
