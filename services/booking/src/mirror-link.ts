import { advance, type BookingRecord, type Decision, unchanged } from './booking.ts';

/**
 * Stores under which id a booking's mirror exists in Google (null: it was removed). Older news than what is known
 * changes nothing.
 * @returns `revision_only` when nothing but the revision is new: no version, so that nobody reacts to it
 */
export function linkGoogleEvent(
  booking: BookingRecord,
  link: { googleEventId: string | null; revision: number },
  o: { at: Date },
): Decision | { kind: 'revision_only' } {
  // An external event's row carries the event's own id; a mirror it cannot have.
  if (booking.source !== 'website' || link.revision <= booking.mirrorRevision) return unchanged;
  if (link.googleEventId === booking.googleEventId) return { kind: 'revision_only' };
  const change = advance(
    booking,
    { googleEventId: link.googleEventId, mirrorRevision: link.revision },
    { at: o.at, by: 'calendar', action: link.googleEventId ? 'event_linked' : 'event_unlinked', event: 'updated' },
  );
  return { kind: 'changed', change };
}
