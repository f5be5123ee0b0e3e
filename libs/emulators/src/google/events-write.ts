import { alreadyDeleted, conditionNotMet, duplicate, GoogleApiError, invalid, notFound } from './errors.ts';
import { eventResource, type GoogleEvent, writableFields } from './event-schema.ts';
import { checkRange, normalizeDateTime } from './event-time.ts';
import { isObject } from './http.ts';
import { checkRecurrence, findOccurrence, seriesIdOf } from './recurrence.ts';
import { recordVanished, visibleIds } from './series.ts';
import type { Calendar, StoredEvent } from './state.ts';
import { etagOf, nextSeq, type SentMail, type World } from './world.ts';

export type SendUpdates = 'all' | 'externalOnly' | 'none';

/** Who writes, and under which conditions. */
export interface WriteOptions {
  email: string;
  sendUpdates: SendUpdates;
  /** The `If-Match` header as sent. */
  ifMatch?: string | undefined;
}

/** An event as it is found: stored, or an instance that its series implies. */
export interface FoundEvent {
  resource: GoogleEvent;
  stored: boolean;
}

const customId = /^[a-v0-9]{5,1024}$/;

/** Finds an event, deleted ones included, or an instance of a series. @throws GoogleApiError 404 */
export function findEvent(calendar: Calendar, eventId: string): FoundEvent {
  const stored = calendar.events.get(eventId);
  if (stored) return { resource: stored.resource, stored: true };
  const master = calendar.events.get(seriesIdOf(eventId) ?? '')?.resource;
  const occurrence = master?.recurrence ? findOccurrence(master, eventId, calendar.timeZone) : undefined;
  if (!master || !occurrence || master.status === 'cancelled') throw notFound();
  return { resource: instanceResource(master, occurrence), stored: false };
}

/** An instance as a resource of its own: everything of its series but the recurrence. */
export function instanceResource(
  master: GoogleEvent,
  occurrence: ReturnType<typeof findOccurrence> & object,
): GoogleEvent {
  const { recurrence: _, ...rest } = master;
  return { ...rest, ...occurrence, recurringEventId: master.id ?? null };
}

/**
 * Creates an event.
 * @throws GoogleApiError 400 for a bad body or id, 409 `duplicate` for an id that is or ever was in use (Google: events.insert)
 */
export function insertEvent(world: World, calendar: Calendar, body: unknown, options: WriteOptions): GoogleEvent {
  const input = writableInput(body);
  const { id: givenId } = input;
  if (givenId != null && input.iCalUID != null) {
    throw invalid('Only one of id and iCalUID may be supplied when an event is created.', 'id');
  }
  if (givenId != null && (typeof givenId !== 'string' || !customId.test(givenId))) {
    throw invalid('Invalid resource id value.', 'resource.id');
  }
  const id = typeof givenId === 'string' ? givenId : newEventId(world);
  if (calendar.events.has(id)) throw duplicate();
  const iCalUID = typeof input.iCalUID === 'string' ? input.iCalUID : `${id}@google.com`;
  const at = world.now().toISOString();
  const draft = parseResource({
    ...readOnlyFields(world, calendar, id, options.email, at),
    ...input,
    id,
    iCalUID,
    status: input.status ?? 'confirmed',
    sequence: 0,
  });
  const event = complete(draft, calendar);
  return commit(world, calendar, event, undefined, options, 'created');
}

/** Merges a body into an event as Google does: objects by key, arrays whole, null removes. */
export function patchEvent(
  world: World,
  calendar: Calendar,
  eventId: string,
  body: unknown,
  options: WriteOptions,
): GoogleEvent {
  const { resource: before } = findEvent(calendar, eventId);
  checkIfMatch(before, options.ifMatch);
  const input = withoutIds(writableInput(body));
  if (input.status === 'cancelled' && before.status !== 'cancelled') return cancel(world, calendar, before, options);
  return replace(world, calendar, before, mergePatch({ ...before }, input), options);
}

/** Replaces everything that can be written; what the body does not name is gone (Google: events.update). */
export function updateEvent(
  world: World,
  calendar: Calendar,
  eventId: string,
  body: unknown,
  options: WriteOptions,
): GoogleEvent {
  const { resource: before } = findEvent(calendar, eventId);
  checkIfMatch(before, options.ifMatch);
  const input = withoutIds(writableInput(body));
  if (input.status === 'cancelled' && before.status !== 'cancelled') return cancel(world, calendar, before, options);
  const keep = new Set(['id', 'iCalUID', 'eventType', 'sequence']);
  const kept = Object.fromEntries(
    Object.entries(before).filter(([key]) => keep.has(key) || !writableFields.includes(key)),
  );
  return replace(world, calendar, before, { status: 'confirmed', ...kept, ...mergePatch({}, input) }, options);
}

/** Deletes an event, a series or one instance. @throws GoogleApiError 404, or 410 `deleted` when it already is */
export function deleteEvent(world: World, calendar: Calendar, eventId: string, options: WriteOptions): void {
  const { resource: before } = findEvent(calendar, eventId);
  if (before.status === 'cancelled') throw alreadyDeleted();
  checkIfMatch(before, options.ifMatch);
  cancel(world, calendar, before, options);
}

/**
 * Moves an event to another calendar under the same id: here it is deleted, there it is new (Google: events.move).
 * @throws GoogleApiError 404, 410 for a deleted one, 400 for one that is not a single plain event, 409 for a taken id
 */
export function moveEvent(
  world: World,
  from: Calendar,
  to: Calendar,
  eventId: string,
  options: WriteOptions,
): GoogleEvent {
  const { resource: before } = findEvent(from, eventId);
  if (before.status === 'cancelled') throw alreadyDeleted();
  if ((before.eventType ?? 'default') !== 'default' || before.recurringEventId != null) {
    throw invalid('Only single events of type default can be moved.');
  }
  if (to.events.has(eventId)) throw duplicate();
  cancel(world, from, before, { ...options, sendUpdates: 'none' });
  const organizer = { email: to.id, displayName: to.summary, self: true };
  return commit(world, to, complete({ ...before, organizer }, to), undefined, options, 'updated');
}

function cancel(world: World, calendar: Calendar, before: GoogleEvent, options: WriteOptions): GoogleEvent {
  return commit(world, calendar, { ...before, status: 'cancelled' }, before, options, 'cancelled');
}

function replace(
  world: World,
  calendar: Calendar,
  before: GoogleEvent,
  merged: Record<string, unknown>,
  options: WriteOptions,
): GoogleEvent {
  const event = complete(parseResource(merged), calendar);
  if (event.recurringEventId != null && event.recurrence) throw invalid('An instance cannot recur.');
  const moved = JSON.stringify([before.start, before.end]) !== JSON.stringify([event.start, event.end]);
  const sequence = (before.sequence ?? 0) + (moved ? 1 : 0);
  return commit(world, calendar, { ...event, sequence }, before, options, 'updated');
}

function commit(
  world: World,
  calendar: Calendar,
  event: GoogleEvent,
  before: GoogleEvent | undefined,
  options: WriteOptions,
  change: SentMail['change'],
): GoogleEvent {
  const id = event.id ?? '';
  const visibleBefore = before ? visibleIds(before, calendar, world) : new Map<string, never>();
  const previous = calendar.events.get(id);
  const seq = nextSeq(calendar);
  const stored: StoredEvent = {
    id,
    seq,
    ordinal: previous?.ordinal ?? seq,
    resource: { ...event, etag: etagOf(seq), updated: world.now().toISOString() },
  };
  calendar.events.set(id, stored);
  calendar.ghosts.delete(id);
  if (event.recurringEventId == null)
    recordVanished(calendar, visibleBefore, visibleIds(stored.resource, calendar, world), world);
  recordMail(world, calendar, stored.resource, options.sendUpdates, change);
  world.changed();
  world.channels.announce(calendar);
  return stored.resource;
}

function recordMail(
  world: World,
  calendar: Calendar,
  event: GoogleEvent,
  sendUpdates: SendUpdates,
  change: SentMail['change'],
): void {
  const recipients = (event.attendees ?? []).flatMap(each => (each.email && !each.self ? [each.email] : []));
  if (sendUpdates === 'none' || recipients.length === 0) return;
  const at = world.now().toISOString();
  world.mail.push({ at, calendarId: calendar.id, eventId: event.id ?? '', change, sendUpdates, recipients });
}

function checkIfMatch(event: GoogleEvent, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  if (!ifMatch.split(',').some(each => each.trim() === event.etag)) throw conditionNotMet();
}

function writableInput(body: unknown): Record<string, unknown> {
  if (!isObject(body)) throw new GoogleApiError(400, 'parseError', 'Parse Error');
  return Object.fromEntries(Object.entries(body).filter(([key]) => writableFields.includes(key)));
}

function withoutIds({ id: _id, iCalUID: _uid, sequence: _sequence, ...rest }: Record<string, unknown>) {
  return rest;
}

function parseResource(raw: Record<string, unknown>): GoogleEvent {
  const parsed = eventResource.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`Invalid value for: ${issue?.path.join('.') ?? 'body'}`, issue?.path.join('.'));
}

/** Normalizes times, fills defaults, and checks what Google checks. */
function complete(draft: GoogleEvent, calendar: Calendar): GoogleEvent {
  const start = normalizeDateTime(draft.start, 'start', calendar.timeZone);
  const end = normalizeDateTime(draft.end, 'end', calendar.timeZone);
  checkRange(start, end, calendar.timeZone);
  const event: GoogleEvent = { ...draft, start, end };
  if (draft.attendees) {
    event.attendees = draft.attendees.map(({ self: _, ...each }) => ({
      ...each,
      responseStatus: each.responseStatus ?? 'needsAction',
      ...(each.email === calendar.id || each.email === calendar.ownerEmail ? { self: true } : {}),
    }));
  }
  if (event.recurrence?.length === 0) delete event.recurrence;
  if (event.recurrence) checkRecurrence(event, calendar.timeZone);
  return event;
}

function readOnlyFields(world: World, calendar: Calendar, id: string, email: string, at: string): GoogleEvent {
  return {
    kind: 'calendar#event',
    htmlLink: `${world.baseUrl()}/ui/calendars/${encodeURIComponent(calendar.id)}#event-${id}`,
    created: at,
    creator: { email, ...(calendar.id === email ? { self: true } : {}) },
    organizer: { email: calendar.id, displayName: calendar.summary, self: true },
    reminders: { useDefault: true },
    eventType: 'default',
  };
}

/** RFC 7396, which is how Google's patch merges. */
function mergePatch(target: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (isObject(value)) merged[key] = mergePatch(isObject(merged[key]) ? merged[key] : {}, value);
    else merged[key] = value;
  }
  return merged;
}

function newEventId(world: World): string {
  return world
    .randomId()
    .toLowerCase()
    .replaceAll(/[^a-v0-9]/g, '')
    .padEnd(26, '0')
    .slice(0, 26);
}
