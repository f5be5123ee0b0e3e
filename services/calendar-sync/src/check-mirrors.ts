import type { Context, Transaction } from './context.ts';
import type { GoogleEvent } from './domain/classify-event.ts';
import { findDrift, unverified } from './domain/drift.ts';
import { isShared } from './domain/merge-event.ts';
import { isOurs, keptOf, mirrorEventIds, type WrittenEvent } from './domain/mirror-event.ts';
import type { Calendar } from './generated/prisma/client.ts';
import type { Listing } from './list-changes.ts';
import type { Mirror } from './stores/mirror-store.ts';

interface About {
  calendar: Calendar;
  listing: Listing;
  /** Events of ours of which instances are listed: somebody made them repeat. */
  repeating: ReadonlySet<string>;
  listedAt: Date;
}

/** Compares our events in the list with what we wrote; what the owner changed is put right by the mirror writer. */
export async function checkMirrors(
  tx: Transaction,
  context: Context,
  o: About & { mirrors: Mirror[] },
): Promise<number> {
  const items = o.listing.events;
  let drifted = 0;
  for (const mirror of o.mirrors) {
    const finding = findingOf(mirror, items, o);
    if (finding === undefined) continue;
    if (finding.kind === 'touched') {
      // Nothing we mind, but the next patch must name the new etag, and keep what others wrote.
      const shared = sharedPart(mirror, finding.event);
      await tx.mirror.updateMany({
        where: { bookingId: mirror.bookingId, etag: mirror.etag, wakes: mirror.wakes },
        data: { etag: finding.event.etag ?? null, googleUpdatedAt: updatedAt(finding.event), ...shared },
      });
      continue;
    }
    if (finding.kind === 'stray' && mirror.active) {
      // Without a place, its mirror was made in a life before this one. A writer may be making another one just now:
      // then this one goes.
      const sequence = mirrorEventIds(mirror.bookingId).indexOf(finding.eventId);
      const place =
        mirror.place === null && sequence >= 0
          ? { placeCalendarId: o.calendar.calendarId, placeEventId: finding.eventId, idSequence: sequence }
          : {};
      await tx.mirror.updateMany({
        where: { bookingId: mirror.bookingId, placeEventId: mirror.place?.eventId ?? null },
        data: { ...place, strayEventId: finding.eventId, nextAttemptAt: context.now(), wakes: { increment: 1 } },
      });
      drifted += 1;
      continue;
    }
    if (finding.kind === 'suspect') {
      await suspect(tx, context, mirror);
      drifted += 1;
      continue;
    }
    const place =
      finding.kind === 'stray' ? { placeCalendarId: o.calendar.calendarId, placeEventId: finding.eventId } : {};
    const { count } = await tx.mirror.updateMany({
      where: { bookingId: mirror.bookingId, etag: mirror.etag, wakes: mirror.wakes },
      data: {
        ...place,
        ...(finding.kind === 'drift' && finding.event ? sharedPart(mirror, finding.event) : {}),
        drift: finding.kind === 'drift' ? finding.drift : null,
        etag: finding.etag,
        state: 'wanted',
        attempts: 0,
        nextAttemptAt: context.now(),
        wakes: { increment: 1 },
      },
    });
    // The writer was at it since it was loaded, and may have looked at the event before it was changed.
    if (count === 0 && finding.kind === 'drift') await suspect(tx, context, mirror);
    drifted += 1;
  }
  return drifted;
}

/** Has the writer read the event, also one that is reading it just now: that may be what it was before. */
const suspect = (tx: Transaction, context: Context, { bookingId }: Mirror) =>
  tx.mirror.updateMany({
    where: { bookingId },
    data: { drift: unverified, nextAttemptAt: context.now(), wakes: { increment: 1 } },
  });

type Finding =
  /** Our own writes and the list crossed, or only instances are listed: the writer has to read the event. */
  | { kind: 'suspect' }
  | { kind: 'touched'; event: GoogleEvent }
  | { kind: 'drift'; drift: string; etag: string | null; event?: GoogleEvent }
  /** An event of ours that somebody brought back: of a cancelled booking, or beside the one that is its mirror. */
  | { kind: 'stray'; eventId: string; etag: string | null };

function findingOf(mirror: Mirror, items: Map<string, GoogleEvent>, o: About): Finding | undefined {
  // The writer is at it, or wrote after the list was begun.
  const crossed = mirror.nextAttemptAt !== null || mirror.updatedAt >= o.listedAt;
  if (mirror.place === null) {
    if (mirror.chaletId !== o.calendar.chaletId) return undefined;
    return findStray(mirror, items);
  }
  if (mirror.place.calendarId !== o.calendar.calendarId || !mirror.active) return undefined;
  const event = items.get(mirror.place.eventId);
  const stray = findStray(mirror, items);
  if (stray !== undefined) return stray;
  if (event === undefined) {
    if (o.repeating.has(mirror.place.eventId)) return { kind: 'suspect' };
    const shouldBeThere =
      !crossed &&
      mirror.state === 'synced' &&
      o.listing.full !== undefined &&
      mirror.desired.endDate > o.listing.full.absentAfter;
    return shouldBeThere ? { kind: 'drift', drift: 'no longer in the calendar', etag: null } : undefined;
  }
  if (event.etag === mirror.etag && event.status !== 'cancelled') return undefined;
  const at = updatedAt(event);
  if (at !== null && mirror.googleUpdatedAt !== null && at < mirror.googleUpdatedAt) return undefined;
  if (!isOurs(event, mirror.bookingId)) return { kind: 'suspect' };
  if (crossed || mirror.state !== 'synced' || mirror.written === null) {
    // An event that was not written before is our own, just made.
    return event.status === 'cancelled' || mirror.writtenHash !== null ? { kind: 'suspect' } : undefined;
  }
  const drift = findDrift(mirror.written, event, mirror.bookingId)?.words;
  if (drift === undefined) return { kind: 'touched', event };
  // Of a deleted event Google may tell the id only: the writer reads it.
  if (event.status === 'cancelled') return { kind: 'drift', drift, etag: null };
  return { kind: 'drift', drift, etag: event.etag ?? null, event };
}

/** An event with an id of this booking that should not be there. */
function findStray(mirror: Mirror, items: Map<string, GoogleEvent>): Extract<Finding, { kind: 'stray' }> | undefined {
  for (const eventId of new Set([...mirrorEventIds(mirror.bookingId), ...mirror.fallbackEventIds])) {
    const event = items.get(eventId);
    if (event === undefined || event.status === 'cancelled' || eventId === mirror.place?.eventId) continue;
    if (isOurs(event, mirror.bookingId)) return { kind: 'stray', eventId, etag: event.etag ?? null };
  }
  return undefined;
}

function sharedPart({ written }: Mirror, event: GoogleEvent): { written?: WrittenEvent } {
  if (written === null) return {};
  const { details, guest } = keptOf(written, event);
  return {
    written: {
      ...written,
      // What is missing has to be written again.
      ...(written.kept.details && !details ? { description: '' } : {}),
      ...(written.kept.guest && !guest ? { guest: null } : {}),
      shared: isShared(written, event),
    },
  };
}

const updatedAt = (event: GoogleEvent): Date | null => (event.updated ? new Date(event.updated) : null);
