import type { ExternalEventChange } from '@monde-sauvage/contracts';
import type { Context, Transaction } from './context.ts';
import { classifyEvent, type GoogleEvent } from './domain/classify-event.ts';
import { findDrift, unverified } from './domain/drift.ts';
import { firstRevision } from './domain/first-revision.ts';
import { isShared } from './domain/merge-event.ts';
import {
  bookingOfEventId,
  isMirrorEventId,
  isOurs,
  keptOf,
  mirrorEventIds,
  type WrittenEvent,
} from './domain/mirror-event.ts';
import { type Observed, planExternalChanges } from './domain/plan-external-changes.ts';
import type { Calendar } from './generated/prisma/client.ts';
import type { Listing } from './list-changes.ts';
import { fromRow as externalFromRow, writeExternalChanges } from './stores/external-event-store.ts';
import { type Mirror, fromRow as mirrorFromRow } from './stores/mirror-store.ts';
import { transact } from './stores/transact.ts';

export interface Applied {
  changes: ExternalEventChange[];
  /** Mirrors that were touched in Google and will be put right. */
  drifted: number;
}

/** Above this, all that is known is read instead of what is named. */
const mostIds = 5_000;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Takes over what Google listed: our copy of the owner's events, the news of it, drifted mirrors and the sync token in
 * one transaction. undefined when the calendar was chosen anew or taken over meanwhile, or the chalet has another zone
 * by now: then nothing is written.
 * @param o.listedAt when the list was begun; what we wrote since then may be missing from it
 */
export async function applyListing(
  context: Context,
  calendar: Calendar,
  o: { listing: Listing; timezone: string; listedAt: Date },
): Promise<Applied | undefined> {
  const { chaletId, establishmentId, calendarId } = calendar;
  const { listing } = o;
  return transact(
    context.db,
    async tx => {
      const held = await tx.$queryRaw<unknown[]>`
        SELECT 1 FROM calendars
         WHERE chalet_id = ${chaletId}::uuid AND generation = ${calendar.generation}
           AND lease_owner = ${context.replicaId}::uuid
           FOR UPDATE`;
      if (held.length === 0) return undefined;
      // Who changes the zone takes away the sync token, for a full list; keeping the one of this list would undo that.
      const chalet = await tx.chalet.findUnique({ where: { id: chaletId }, select: { timezone: true } });
      if (chalet !== null && chalet.timezone !== o.timezone) return undefined;
      const ids = listing.items.flatMap(item => [item.id, item.recurringEventId].flatMap(id => id ?? []));
      const mirrors = await findMirrors(tx, calendar, listing, ids);
      const observed = observe(listing.items, mirrors, { calendar, timezone: o.timezone });
      const known = await tx.externalEvent.findMany({
        where: listing.full || ids.length > mostIds ? { chaletId } : { chaletId, googleEventId: { in: ids } },
      });
      const plan = planExternalChanges({
        calendarId,
        known: known.map(externalFromRow),
        observed,
        full: listing.full,
        firstRevision: firstRevision(context.now()),
      });
      const changes = await writeExternalChanges(tx, context, { chaletId, establishmentId }, plan);
      const drifted = await checkMirrors(tx, context, { mirrors, calendar, listing, listedAt: o.listedAt });
      await tx.calendar.update({
        where: { chaletId },
        data: {
          syncToken: listing.syncToken,
          lastSyncAt: o.listedAt,
          ...(listing.full ? { lastFullSyncAt: o.listedAt } : {}),
          failures: 0,
          status: 'ok',
          reason: null,
          problem: null,
          since: null,
          leaseOwner: null,
          leaseUntil: null,
        },
      });
      return { changes, drifted };
    },
    { timeoutMs: 30_000 },
  );
}

/** Mirrors that the listed events may belong to; with a full list, all that should be in it. */
async function findMirrors(tx: Transaction, calendar: Calendar, listing: Listing, ids: string[]): Promise<Mirror[]> {
  const claimed = listing.items.flatMap(item => item.extendedProperties?.private?.booking_id ?? []);
  const derived = ids.flatMap(id => bookingOfEventId(id) ?? []);
  const bookings = [...derived, ...claimed.filter(id => uuid.test(id))];
  // Lists go as arrays: a calendar can hold more events than a statement takes parameters.
  const found = await tx.$queryRaw<{ booking_id: string }[]>`
    SELECT booking_id FROM mirrors
     WHERE (place_calendar_id = ${calendar.calendarId}
            AND (${listing.full !== undefined}::boolean OR place_event_id = ANY (${ids}::text[])))
        OR booking_id = ANY (${bookings}::uuid[]) OR fallback_event_ids && ${ids}::text[]`;
  const rows = await tx.mirror.findMany({ where: { bookingId: { in: found.map(row => row.booking_id) } } });
  return rows.map(mirrorFromRow);
}

function observe(items: GoogleEvent[], mirrors: Mirror[], o: { calendar: Calendar; timezone: string }): Observed[] {
  const { calendarId, chaletId } = o.calendar;
  const byBooking = new Map(mirrors.map(mirror => [mirror.bookingId, mirror]));
  const byEvent = new Map(
    mirrors.flatMap(({ place, bookingId }) => (place?.calendarId === calendarId ? [[place.eventId, bookingId]] : [])),
  );
  const isOwnId = (bookingId: string, googleEventId: string) => {
    const mirror = byBooking.get(bookingId);
    if (mirror === undefined) return isMirrorEventId(bookingId, googleEventId);
    // Also while its mirror is still elsewhere: left here when this calendar was out of reach, and taken over by the move.
    const isHere = mirror.chaletId === chaletId || mirror.place?.calendarId === calendarId;
    return isHere && (isMirrorEventId(bookingId, googleEventId) || mirror.fallbackEventIds.includes(googleEventId));
  };
  const byFallback = new Map(
    mirrors.flatMap(({ fallbackEventIds, bookingId }) => fallbackEventIds.map(id => [id, bookingId])),
  );
  const about = {
    timezone: o.timezone,
    mirrorWithId(googleEventId: string) {
      const known = byFallback.get(googleEventId) ?? bookingOfEventId(googleEventId);
      const isKnown = known !== undefined && byBooking.has(known) && isOwnId(known, googleEventId);
      return byEvent.get(googleEventId) ?? (isKnown ? known : undefined);
    },
    isOwnId,
  };
  return items.flatMap(item => (item.id ? [{ googleEventId: item.id, found: classifyEvent(item, about) }] : []));
}

/** Compares our events in the list with what we wrote; what the owner changed is put right by the mirror writer. */
async function checkMirrors(
  tx: Transaction,
  context: Context,
  o: { mirrors: Mirror[]; calendar: Calendar; listing: Listing; listedAt: Date },
): Promise<number> {
  const items = new Map(o.listing.items.flatMap(item => (item.id ? [[item.id, item]] : [])));
  const repeating = new Set(
    o.listing.items.flatMap(({ recurringEventId, status }) => (status === 'cancelled' ? [] : (recurringEventId ?? []))),
  );
  let drifted = 0;
  for (const mirror of o.mirrors) {
    const finding = findingOf(mirror, items, { ...o, repeating });
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
      await tx.mirror.updateMany({
        where: { bookingId: mirror.bookingId, drift: null },
        data: { drift: unverified, nextAttemptAt: context.now(), wakes: { increment: 1 } },
      });
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
    drifted += count;
  }
  return drifted;
}

type Finding =
  /** Our own writes and the list crossed, or only instances are listed: the writer has to read the event. */
  | { kind: 'suspect' }
  | { kind: 'touched'; event: GoogleEvent }
  | { kind: 'drift'; drift: string; etag: string | null; event?: GoogleEvent }
  /** An event of ours that somebody brought back: of a cancelled booking, or beside the one that is its mirror. */
  | { kind: 'stray'; eventId: string; etag: string | null };

function findingOf(
  mirror: Mirror,
  items: Map<string, GoogleEvent>,
  o: { calendar: Calendar; listing: Listing; listedAt: Date; repeating: ReadonlySet<string> },
): Finding | undefined {
  // The writer is at it, or wrote after the list was begun.
  const crossed = mirror.nextAttemptAt !== null || mirror.updatedAt >= o.listedAt;
  if (mirror.place === null) {
    if ((crossed && !mirror.active) || mirror.chaletId !== o.calendar.chaletId) return undefined;
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
