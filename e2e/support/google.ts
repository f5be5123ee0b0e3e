import { z } from 'zod';
import { createApi } from './api.ts';

const when = z.object({ date: z.string().optional(), dateTime: z.string().optional() });
const event = z.object({
  id: z.string(),
  status: z.string().optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  start: when.optional(),
  end: when.optional(),
  attendees: z.array(z.object({ email: z.string() })).optional(),
  extendedProperties: z.object({ private: z.record(z.string(), z.string()).optional() }).optional(),
});
export type CalendarEvent = z.infer<typeof event>;

/** The owner at work in Google Calendar, and a look at what it holds: through the emulator, over HTTP. */
export function createGoogleHand(baseUrl: string) {
  const api = createApi(baseUrl);
  const events = (calendarId: string) => `/_emulator/calendars/${encodeURIComponent(calendarId)}/events`;
  const done = z.unknown();
  return {
    listEvents: async (calendarId: string): Promise<CalendarEvent[]> =>
      (await api.expect(200, z.object({ events: z.array(event) }), 'GET', events(calendarId))).events,
    /** Events that are mirrors of one booking, by their private properties. */
    async mirrorsOf(calendarId: string, bookingId: string): Promise<CalendarEvent[]> {
      const all = await this.listEvents(calendarId);
      return all.filter(item => item.extendedProperties?.private?.booking_id === bookingId);
    },
    addEvent: (calendarId: string, o: { title: string; startDate: string; endDate: string }) =>
      api.expect(200, event, 'POST', events(calendarId), {
        body: { summary: o.title, start: { date: o.startDate }, end: { date: o.endDate } },
      }),
    moveEvent: (calendarId: string, id: string, o: { startDate: string; endDate: string }) =>
      api.expect(200, event, 'PATCH', `${events(calendarId)}/${id}`, {
        body: { start: { date: o.startDate }, end: { date: o.endDate } },
      }),
    deleteEvent: (calendarId: string, id: string) => api.expect(200, done, 'DELETE', `${events(calendarId)}/${id}`),
    createAccount: (email: string) => api.expect(200, done, 'POST', '/_emulator/accounts', { body: { email } }),
    createCalendar: (owner: string, id: string, summary: string) =>
      api.expect(200, done, 'POST', '/_emulator/calendars', { body: { owner, id, summary } }),
    /** Presses "allow" on Google's page; returns where the browser is sent. */
    allowAccess: async (authorizationUrl: string, account: string): Promise<string> =>
      (
        await api.expect(200, z.object({ redirect: z.url() }), 'POST', '/_emulator/authorize', {
          body: { url: authorizationUrl, account },
        })
      ).redirect,
    setDown: (down: boolean) => api.expect(200, done, 'POST', down ? '/_emulator/down' : '/_emulator/up', { body: {} }),
    addFault: (fault: Record<string, unknown>) => api.expect(200, done, 'POST', '/_emulator/faults', { body: fault }),
    dropPushes: (times: number) =>
      api.expect(200, done, 'POST', '/_emulator/push-faults', { body: { kind: 'drop', times } }),
  };
}
export type GoogleHand = ReturnType<typeof createGoogleHand>;
