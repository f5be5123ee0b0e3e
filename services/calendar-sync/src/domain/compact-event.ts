import type { GoogleEvent } from './classify-event.ts';

/** Every id that we ever make looks like this; Google's own are shorter. */
const ourKindOfId = /^[0-9a-f]{32}$/;

/** Whether an event may be an instance of a mirror that somebody made to repeat. */
export const isOfOurSeries = ({ recurringEventId, status }: GoogleEvent): boolean =>
  status !== 'cancelled' && ourKindOfId.test(recurringEventId ?? '');

/** Whether an event may be a mirror, a part of one, or a copy of one: then all that we wrote into it matters. */
export const mayBeOurs = (event: GoogleEvent): boolean =>
  ourKindOfId.test(event.id ?? '') ||
  ourKindOfId.test(event.recurringEventId ?? '') ||
  event.extendedProperties?.private?.booking_id !== undefined;

/**
 * What is kept of a listed event while the list is read: of an owner's own event only what says which nights it takes, so
 * that a calendar with tens of thousands of long descriptions and guest lists does not fill the memory.
 */
export function compactEvent(event: GoogleEvent): GoogleEvent {
  const { id, recurringEventId, status, etag, summary, start, end, transparency, eventType, visibility, attendees } =
    event;
  const kind = { transparency, eventType, visibility };
  const shown = {
    id,
    recurringEventId,
    status,
    etag,
    summary: summary?.slice(0, 600).toWellFormed(),
    start,
    end,
    ...kind,
  };
  if (mayBeOurs(event)) {
    const { updated, description, extendedProperties } = event;
    return present({ ...shown, updated, description, extendedProperties, attendees });
  }
  const self = attendees?.find(one => one.self === true);
  return present({
    ...shown,
    attendees: self === undefined ? undefined : [{ self: true, responseStatus: self.responseStatus ?? null }],
  });
}

/** The fields of events that `compactEvent` reads, so that Google sends no others. Google: Calendar API, "Partial responses". */
export const listedFields =
  'nextPageToken,nextSyncToken,items(id,recurringEventId,status,etag,updated,summary,description,start,end,transparency,eventType,visibility,' +
  'attendees(email,self,responseStatus),extendedProperties/private)';

/** What is absent takes no room, and is not mistaken for something. */
const present = (event: { [key in keyof GoogleEvent]: GoogleEvent[key] | undefined }): GoogleEvent =>
  Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined && value !== null));
