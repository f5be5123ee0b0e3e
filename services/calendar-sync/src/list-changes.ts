import { addDays, type CivilDate, dateInZone } from '@monde-sauvage/contracts';
import type { GoogleEvent } from './domain/classify-event.ts';
import { compactEvent } from './domain/compact-event.ts';
import type { CalendarApi } from './google/calendar-api.ts';
import { GoogleCallError } from './google/classify-error.ts';

/** How far back a full list goes, so that stays in progress and late edits are seen. */
const daysBack = 30;

export interface Listing {
  /** By id, without what nobody reads: as the list told last, should an event have changed while it was read. */
  events: Map<string, GoogleEvent>;
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
): Promise<Omit<Listing, 'full'>> {
  const events = new Map<string, GoogleEvent>();
  let pageToken: string | undefined;
  for (;;) {
    const page = await api.listEvents(calendarId, { from, pageToken });
    for (const item of page.items ?? []) if (item.id) events.set(item.id, compactEvent(item));
    if (page.nextSyncToken) return { events, syncToken: page.nextSyncToken };
    if (!page.nextPageToken) {
      throw new GoogleCallError({ kind: 'retry', reason: 'Google ended a list without a sync token' });
    }
    pageToken = page.nextPageToken;
    await onPage();
  }
}
