import type { OAuth2Client } from 'google-auth-library';
import { calendar, type calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import type { GoogleEvent } from '../domain/classify-event.ts';
import { listedFields } from '../domain/compact-event.ts';

/** Runs one call with the connection's limiter, token and error handling around it. */
export type Call = <T>(operation: string, run: () => Promise<{ data: T }>) => Promise<T>;

/** Whether Google writes to guests about a change. */
export type SendUpdates = 'all' | 'none';

/** The calls this service makes. All of them throw GoogleCallError. */
export interface CalendarApi {
  insertEvent(calendarId: string, event: GoogleEvent, sendUpdates: SendUpdates): Promise<GoogleEvent>;
  getEvent(calendarId: string, eventId: string): Promise<GoogleEvent>;
  patchEvent(
    calendarId: string,
    eventId: string,
    event: GoogleEvent,
    etag: string | null,
    sendUpdates: SendUpdates,
  ): Promise<GoogleEvent>;
  deleteEvent(calendarId: string, eventId: string, etag: string | null, sendUpdates: SendUpdates): Promise<void>;
  /** One page. The same parameters go with a first list and with every incremental one, as Google demands. */
  listEvents(
    calendarId: string,
    o: { from: { syncToken: string } | { timeMin: string }; pageToken: string | undefined },
  ): Promise<calendar_v3.Schema$Events>;
  watch(calendarId: string, o: { id: string; token: string; address: string }): Promise<calendar_v3.Schema$Channel>;
  stopChannel(o: { id: string; resourceId: string }): Promise<void>;
  listCalendars(pageToken: string | undefined): Promise<calendar_v3.Schema$CalendarList>;
  getCalendar(calendarId: string): Promise<calendar_v3.Schema$CalendarListEntry>;
}

/** A call that has not been answered by then is taken for lost; whether it had an effect is unknown. */
const timeoutMs = 8_000;

export function createCalendarApi(o: { auth: OAuth2Client; rootUrl: string; call: Call }): CalendarApi {
  // Retrying is ours: its state is in the database, and a write may have been applied although its answer was lost.
  const { events, channels, calendarList } = calendar({
    version: 'v3',
    auth: o.auth,
    rootUrl: o.rootUrl,
    retry: false,
    timeout: timeoutMs,
  });
  const ifMatch = (etag: string | null) => (etag === null ? {} : { headers: { 'If-Match': etag } });
  return {
    insertEvent: (calendarId, requestBody, sendUpdates) =>
      o.call('events.insert', () => events.insert({ calendarId, requestBody, sendUpdates })),
    getEvent: (calendarId, eventId) => o.call('events.get', () => events.get({ calendarId, eventId })),
    patchEvent: (calendarId, eventId, requestBody, etag, sendUpdates) =>
      o.call('events.patch', () => events.patch({ calendarId, eventId, requestBody, sendUpdates }, ifMatch(etag))),
    async deleteEvent(calendarId, eventId, etag, sendUpdates) {
      await o.call('events.delete', () => events.delete({ calendarId, eventId, sendUpdates }, ifMatch(etag)));
    },
    listEvents: (calendarId, { from, pageToken }) =>
      o.call('events.list', () =>
        events.list({
          calendarId,
          singleEvents: true,
          showDeleted: true,
          maxResults: 2_500,
          fields: listedFields,
          ...from,
          ...(pageToken === undefined ? {} : { pageToken }),
        }),
      ),
    watch: (calendarId, { id, token, address }) =>
      o.call('events.watch', () => events.watch({ calendarId, requestBody: { id, token, address, type: 'web_hook' } })),
    async stopChannel({ id, resourceId }) {
      await o.call('channels.stop', () => channels.stop({ requestBody: { id, resourceId } }));
    },
    listCalendars: pageToken =>
      o.call('calendarList.list', () =>
        calendarList.list({ maxResults: 250, ...(pageToken === undefined ? {} : { pageToken }) }),
      ),
    getCalendar: calendarId => o.call('calendarList.get', () => calendarList.get({ calendarId })),
  };
}

/** Whether events can be written, as far as the list of calendars says; where it does not, the first write tells. */
export const isWritable = ({ accessRole }: calendar_v3.Schema$CalendarListEntry): boolean =>
  accessRole !== 'reader' && accessRole !== 'freeBusyReader';
