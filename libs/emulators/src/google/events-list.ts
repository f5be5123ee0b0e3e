import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { invalid } from './errors.ts';
import type { GoogleEvent } from './event-schema.ts';
import { instantOf, liesWithin, type TimeWindow } from './event-time.ts';
import { instanceResource } from './events-write.ts';
import type { ListQuery } from './list-query.ts';
import { expandRecurrence } from './recurrence.ts';
import { boundedWindow } from './series.ts';
import { type AccessRole, type Calendar, type Ghost, hasRole, type StoredEvent } from './state.ts';
import { encodeToken, readPageToken, readSyncToken, type SyncToken } from './tokens.ts';
import { etagOf, type World } from './world.ts';

/** One line of a list: its place, and what is shown. */
interface Entry {
  key: string;
  event: GoogleEvent;
}

/** Queries with these are no base for incremental sync, so they end without a sync token. */
const endsWithoutToken = (query: ListQuery) =>
  query.orderBy !== undefined ||
  query.q !== undefined ||
  query.iCalUID !== undefined ||
  query.updatedMin !== undefined ||
  query.privateProperties.length > 0 ||
  query.sharedProperties.length > 0;

/**
 * One page of a calendar's events, full or incremental (Google: events.list; Synchronize resources efficiently).
 * Changes made while a caller walks the pages belong to the next incremental list: the sync token of the last page
 * tells the state at the first.
 */
export function listEvents(
  world: World,
  calendar: Calendar,
  query: ListQuery,
  email: string,
): calendar_v3.Schema$Events {
  const token = query.syncToken === undefined ? undefined : readSyncToken(query.syncToken, calendar);
  if (token && token.singleEvents !== query.singleEvents) {
    throw invalid('The sync token was obtained with other query parameters: singleEvents.', 'singleEvents');
  }
  const page = query.pageToken === undefined ? undefined : readPageToken(query.pageToken, query.fingerprint);
  const entries = token ? changedEntries(world, calendar, token) : fullEntries(world, calendar, query);
  entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rest = page ? entries.filter(entry => entry.key > page.after) : entries;
  const size = Math.min(query.maxResults, world.settings.maxPageSize);
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  const seq = page?.seq ?? calendar.seq;
  const role: AccessRole = calendar.access.get(email) ?? 'reader';
  return {
    kind: 'calendar#events',
    etag: etagOf(calendar.seq),
    summary: calendar.summary,
    ...(calendar.description === undefined ? {} : { description: calendar.description }),
    updated: world.now().toISOString(),
    timeZone: calendar.timeZone,
    accessRole: role,
    defaultReminders: [],
    ...continuation(),
    items: shown.map(entry => showTo(entry.event, calendar, email)),
  };

  function continuation(): Pick<calendar_v3.Schema$Events, 'nextPageToken' | 'nextSyncToken'> {
    if (last && rest.length > size) {
      return { nextPageToken: encodeToken({ kind: 'page', query: query.fingerprint, after: last.key, seq }) };
    }
    if (endsWithoutToken(query)) return {};
    return { nextSyncToken: encodeToken(tokenFor(calendar, seq, query.singleEvents, token ?? query.window)) };
  }
}

function tokenFor(calendar: Calendar, seq: number, singleEvents: boolean, { from, to }: TimeWindow): SyncToken {
  return { kind: 'sync', calendarId: calendar.id, epoch: calendar.syncEpoch, seq, singleEvents, from, to };
}

/** An event as an account may see it: without access to details, a private one shows only its times. */
export function showTo(event: GoogleEvent, calendar: Calendar, email: string): GoogleEvent {
  const hidden = event.visibility === 'private' || event.visibility === 'confidential';
  if (!hidden || hasRole(calendar, email, 'writer')) return event;
  const shown = ['kind', 'etag', 'id', 'status', 'htmlLink', 'created', 'updated', 'start', 'end', 'visibility'];
  shown.push('iCalUID', 'recurringEventId', 'originalStartTime', 'recurrence', 'transparency', 'eventType');
  return Object.fromEntries(Object.entries(event).filter(([key]) => shown.includes(key)));
}

/**
 * What changed since a token. Deleted items carry no more than their id, and where they stood in their series. A
 * changed series reports all its instances in the token's window; single events are reported wherever they are now.
 */
function changedEntries(world: World, calendar: Calendar, token: SyncToken): Entry[] {
  const changed = [...calendar.events.values()].filter(each => each.seq > token.seq);
  const entries = changed.flatMap(stored => {
    const { resource } = stored;
    if (resource.status === 'cancelled') {
      if (token.singleEvents && resource.recurrence) return [];
      return [{ key: keyOf(stored.seq, stored.id), event: cancelled(resource) }];
    }
    if (!token.singleEvents || !resource.recurrence) return [{ key: keyOf(stored.seq, stored.id), event: resource }];
    return instances(world, calendar, resource, token).map(event => ({ key: keyOf(stored.seq, event.id), event }));
  });
  return token.singleEvents ? [...entries, ...ghostEntries(calendar, token.seq)] : entries;
}

function ghostEntries(calendar: Calendar, afterSeq: number): Entry[] {
  return [...calendar.ghosts.values()]
    .filter(ghost => ghost.seq > afterSeq)
    .map(ghost => ({ key: keyOf(ghost.seq, ghost.id), event: ghostEvent(ghost) }));
}

function fullEntries(world: World, calendar: Calendar, query: ListQuery): Entry[] {
  const updatedMin = query.updatedMin;
  const withDeleted = query.showDeleted === true || updatedMin !== undefined;
  const candidates = [...calendar.events.values()].flatMap(stored => {
    const { resource } = stored;
    if (resource.status === 'cancelled') {
      return deletedIsListed(stored, calendar, query, withDeleted) ? [{ stored, event: cancelled(resource) }] : [];
    }
    if (query.singleEvents && resource.recurrence) {
      return instances(world, calendar, resource, query.window).map(event => ({ stored, event }));
    }
    return isInWindow(world, calendar, resource, query.window) ? [{ stored, event: resource }] : [];
  });
  const entries = candidates
    .filter(({ stored }) => updatedMin === undefined || Date.parse(stored.resource.updated ?? '') >= updatedMin)
    .filter(({ stored }) => matchesText(stored.resource, query))
    .map(({ stored, event }) => ({ key: fullKey(stored, event, query, calendar), event }));
  if (!query.singleEvents || !withDeleted || endsWithoutToken(query)) return entries;
  return [...entries, ...ghostEntries(calendar, calendar.purgedSeq)];
}

function deletedIsListed(stored: StoredEvent, calendar: Calendar, query: ListQuery, withDeleted: boolean): boolean {
  const { resource } = stored;
  if (query.singleEvents && resource.recurrence) return false;
  if (withDeleted) return stored.seq > calendar.purgedSeq && liesWithin(resource, query.window, calendar.timeZone);
  if (query.singleEvents || resource.recurringEventId == null) return false;
  return calendar.events.get(resource.recurringEventId)?.resource.status !== 'cancelled';
}

function isInWindow(world: World, calendar: Calendar, event: GoogleEvent, window: TimeWindow): boolean {
  if (!event.recurrence) return liesWithin(event, window, calendar.timeZone);
  const bounded = boundedWindow(event, window, calendar, world);
  return expandRecurrence(event, calendar.timeZone, bounded).length > 0;
}

/** Instances of a series in the window, without those that were moved or removed: these are stored by themselves. */
function instances(world: World, calendar: Calendar, master: GoogleEvent, window: TimeWindow): GoogleEvent[] {
  return expandRecurrence(master, calendar.timeZone, boundedWindow(master, window, calendar, world))
    .filter(occurrence => !calendar.events.has(occurrence.id))
    .map(occurrence => instanceResource(master, occurrence));
}

function matchesText(event: GoogleEvent, query: ListQuery): boolean {
  const { private: own = {}, shared = {} } = event.extendedProperties ?? {};
  const people = [...(event.attendees ?? []), ...(event.organizer ? [event.organizer] : [])];
  const words = [event.summary, event.description, event.location, ...people.flatMap(p => [p.displayName, p.email])];
  return (
    query.privateProperties.every(([name, value]) => Object.hasOwn(own, name) && own[name] === value) &&
    query.sharedProperties.every(([name, value]) => Object.hasOwn(shared, name) && shared[name] === value) &&
    (query.iCalUID === undefined || event.iCalUID === query.iCalUID) &&
    (query.q === undefined || words.some(word => word?.toLowerCase().includes(query.q ?? '')))
  );
}

/** A deleted item as a list shows it: only what Google promises. */
function cancelled(event: GoogleEvent): GoogleEvent {
  const { id = null, etag = null, recurringEventId, originalStartTime } = event;
  return {
    kind: 'calendar#event',
    etag,
    id,
    status: 'cancelled',
    ...(recurringEventId == null ? {} : { recurringEventId }),
    ...(originalStartTime === undefined ? {} : { originalStartTime }),
  };
}

function ghostEvent({ id, seq, recurringEventId, originalStartTime }: Ghost): GoogleEvent {
  return cancelled({
    id,
    etag: etagOf(seq),
    ...(recurringEventId === undefined ? {} : { recurringEventId }),
    ...(originalStartTime === undefined ? {} : { originalStartTime }),
  });
}

function fullKey(stored: StoredEvent, event: GoogleEvent, query: ListQuery, calendar: Calendar): string {
  if (query.orderBy === 'startTime') {
    const start = instantOf(event.start ?? event.originalStartTime, calendar.timeZone);
    return keyOf(start + 100_000_000_000_000, event.id);
  }
  if (query.orderBy === 'updated') return keyOf(Date.parse(stored.resource.updated ?? ''), event.id);
  return keyOf(stored.ordinal, event.id);
}

const keyOf = (place: number, id: string | null | undefined): string =>
  `${String(place).padStart(16, '0')}/${id ?? ''}`;
