import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { fullSyncRequired, GoogleApiError, invalid, notFound } from './errors.ts';
import { authenticate, scopesFor } from './grants.ts';
import { json } from './http.ts';
import { fingerprintOf, pageSize } from './list-query.ts';
import type { Context, Route } from './router.ts';
import { type AccessRole, accessRoles, type Calendar, hasRole } from './state.ts';
import { encodeToken, readPageToken } from './tokens.ts';
import { etagOf, type World } from './world.ts';

export const calendarRoutes: Route[] = [
  { method: 'GET', path: '/calendar/v3/users/me/calendarList', handle: listCalendars },
  { method: 'GET', path: '/calendar/v3/users/me/calendarList/{calendarId}', handle: getListEntry },
  { method: 'GET', path: '/calendar/v3/calendars/{calendarId}', handle: getCalendar },
  { method: 'POST', path: '/calendar/v3/freeBusy', handle: queryFreeBusy },
];

/** Finds a calendar an account can see; `primary` is its own. @throws GoogleApiError 404 */
export function findCalendar(world: World, id: string, email: string): Calendar {
  const calendar = world.state.calendars.get(id === 'primary' ? email : id);
  if (!calendar?.access.has(email)) throw notFound();
  return calendar;
}

function listCalendars(context: Context) {
  const { email } = authenticate(context, scopesFor.readCalendarList);
  const { world, request } = context;
  const { query } = request;
  // Incremental lists of calendars are not emulated: a token always asks for a full list, as Google may at any time.
  if (query.has('syncToken')) throw fullSyncRequired();
  const least = minAccessRole(query);
  const size = pageSize(query, 100, 250);
  const fingerprint = fingerprintOf(query);
  const pageToken = query.get('pageToken');
  const after = pageToken === null ? '' : readPageToken(pageToken, fingerprint).after;
  const visible = [...world.state.calendars.values()]
    .filter(each => each.access.has(email) && hasRole(each, email, least) && each.id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const items = visible.slice(0, size);
  const last = items.at(-1);
  const hasMore = last !== undefined && visible.length > size;
  const list: calendar_v3.Schema$CalendarList = {
    kind: 'calendar#calendarList',
    etag: `"p${visible.reduce((sum, each) => sum + each.listSeq, 0)}"`,
    ...(hasMore
      ? { nextPageToken: encodeToken({ kind: 'page', query: fingerprint, after: last.id, seq: 0 }) }
      : { nextSyncToken: world.randomId() }),
    items: items.map(each => listEntry(world, each, email)),
  };
  return json(200, list);
}

function getListEntry(context: Context) {
  const { email } = authenticate(context, scopesFor.readCalendarList);
  const calendar = findCalendar(context.world, context.param('calendarId'), email);
  return json(200, listEntry(context.world, calendar, email));
}

/** Not opened by the scopes of events and calendar list. */
function getCalendar(context: Context) {
  const { email } = authenticate(context, scopesFor.readCalendar);
  const { id, summary, timeZone, seq } = findCalendar(context.world, context.param('calendarId'), email);
  const calendar: calendar_v3.Schema$Calendar = { kind: 'calendar#calendar', etag: etagOf(seq), id, summary, timeZone };
  return json(200, calendar);
}

/** Only the refusal for missing scopes is emulated: Monde Sauvage's scopes do not open free/busy. */
function queryFreeBusy(context: Context): never {
  authenticate(context, scopesFor.readCalendar);
  throw new GoogleApiError(501, 'notImplemented', 'freeBusy is not emulated.');
}

function minAccessRole(query: URLSearchParams): AccessRole {
  const text = query.get('minAccessRole') ?? 'freeBusyReader';
  const role = accessRoles.find(each => each === text);
  if (!role) throw invalid(`Invalid string value: '${text}'.`, 'minAccessRole');
  return role;
}

function listEntry(world: World, calendar: Calendar, email: string): calendar_v3.Schema$CalendarListEntry {
  return {
    kind: 'calendar#calendarListEntry',
    etag: etagOf(calendar.listSeq),
    id: calendar.id,
    summary: calendar.summary,
    ...(calendar.description === undefined ? {} : { description: calendar.description }),
    timeZone: calendar.timeZone,
    colorId: '14',
    backgroundColor: '#9fe1e7',
    foregroundColor: '#000000',
    selected: true,
    ...(world.settings.terse ? {} : { accessRole: calendar.access.get(email) ?? 'reader' }),
    defaultReminders: [],
    ...(calendar.id === email ? { primary: true } : {}),
  };
}
