import type { ExternalEventChange } from '@monde-sauvage/contracts';
import { checkMirrors } from './check-mirrors.ts';
import type { Context, Transaction } from './context.ts';
import { classifyEvent, type GoogleEvent } from './domain/classify-event.ts';
import { isOfOurSeries, mayBeOurs } from './domain/compact-event.ts';
import { firstRevision } from './domain/first-revision.ts';
import { bookingOfEventId, isMirrorEventId } from './domain/mirror-event.ts';
import { type Observed, planExternalChanges } from './domain/plan-external-changes.ts';
import { type Calendar, Prisma } from './generated/prisma/client.ts';
import type { Listing } from './list-changes.ts';
import {
  batchSize,
  changeExternalEvents,
  findExternalEvents,
  writeExternalChanges,
} from './stores/external-event-store.ts';
import { type Mirror, fromRow as mirrorFromRow } from './stores/mirror-store.ts';
import { transact } from './stores/transact.ts';
import { wakeMirrors } from './stores/wake-mirrors.ts';

export interface Applied {
  /** The first changes, to be told at once; those beyond are told by their events alone. */
  changes: ExternalEventChange[];
  changed: number;
  removed: number;
  /** Mirrors that were touched in Google and will be put right. */
  drifted: number;
  /** The calendar can be read again: its mirrors were woken. */
  isBack: boolean;
}

/** Changes that are kept to be told at once: a calendar that is read for the first time may bring tens of thousands. */
const mostToldAtOnce = 2_000;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Takes over what Google listed: our copy of the owner's events, the news of it, drifted mirrors and the sync token in
 * one transaction. undefined when the calendar was chosen anew or taken over meanwhile: then nothing is written. Goes batch
 * by batch, so that neither the event loop nor the transaction stands still for long: Postgres ends one that does.
 * @param o.listedAt when the list was begun; what we wrote since then may be missing from it
 */
export async function applyListing(
  context: Context,
  calendar: Calendar,
  o: { listing: Listing; timezone: string; listedAt: Date },
): Promise<Applied | undefined> {
  const { chaletId, establishmentId, calendarId } = calendar;
  const { listing, listedAt } = o;
  const about = { chaletId, establishmentId };
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
      const applied: Applied = {
        changes: [],
        changed: 0,
        removed: 0,
        drifted: 0,
        isBack: ['blocked', 'failing'].includes(calendar.status),
      };
      const told = (changes: ExternalEventChange[]) => {
        applied.changes.push(...changes.slice(0, mostToldAtOnce - applied.changes.length));
        const removed = changes.filter(({ kind }) => kind === 'removed').length;
        applied.removed += removed;
        applied.changed += changes.length - removed;
      };
      const repeating = new Set(
        [...listing.events.values()].filter(isOfOurSeries).flatMap(({ recurringEventId }) => recurringEventId ?? []),
      );
      const checked = new Set<string>();
      const check = async (found: Mirror[]) => {
        const mirrors = found.filter(({ bookingId }) => !checked.has(bookingId));
        for (const { bookingId } of mirrors) checked.add(bookingId);
        applied.drifted += await checkMirrors(tx, context, { mirrors, calendar, listing, repeating, listedAt });
      };
      const plan = { calendarId, full: listing.full, firstRevision: firstRevision(context.now()) };
      const items = listing.events.values();
      for (let batch = take(items, batchSize); batch.length > 0; batch = take(items, batchSize)) {
        const mirrors = await findMirrorsOf(tx, calendar, batch);
        const observed = observe(batch, mirrors, { calendar, timezone: o.timezone });
        const ids = observed.map(({ googleEventId }) => googleEventId);
        const known = await findExternalEvents(tx, chaletId, ids);
        told(await writeExternalChanges(tx, context, about, planExternalChanges({ ...plan, known, observed })));
        await check(mirrors);
      }
      if (listing.full !== undefined) {
        const seen = [...listing.events.keys()];
        const { absentAfter } = listing.full;
        await changeExternalEvents(tx, context, about, {
          which: Prisma.sql`end_date > ${absentAfter}::date AND NOT (google_event_id = ANY (${seen}::text[]))`,
          plan: known => planExternalChanges({ ...plan, known, observed: [] }),
          told,
        });
        await forEachMirrorIn(tx, calendarId, check);
      }
      if (applied.isBack) await wakeMirrors(tx, { establishmentId, chaletId, now: context.now() });
      await tx.calendar.update({
        where: { chaletId },
        data: {
          syncToken: listing.syncToken,
          lastSyncAt: listedAt,
          ...(listing.full ? { lastFullSyncAt: listedAt } : {}),
          failures: 0,
          status: 'ok',
          reason: null,
          problem: null,
          since: null,
          leaseOwner: null,
          leaseUntil: null,
        },
      });
      return applied;
    },
    { timeoutMs: 60_000 },
  );
}

function take<T>(items: Iterator<T>, most: number): T[] {
  const taken: T[] = [];
  while (taken.length < most) {
    const { value, done } = items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** Mirrors that some listed events may belong to. */
async function findMirrorsOf(tx: Transaction, calendar: Calendar, batch: GoogleEvent[]): Promise<Mirror[]> {
  const suspects = batch.filter(mayBeOurs);
  if (suspects.length === 0) return [];
  const ids = suspects.flatMap(item => [item.id, item.recurringEventId].flatMap(id => id ?? []));
  const claimed = suspects.flatMap(item => item.extendedProperties?.private?.booking_id ?? []);
  const derived = ids.flatMap(id => bookingOfEventId(id) ?? []);
  const bookings = [...derived, ...claimed.filter(id => uuid.test(id))];
  const found = await tx.$queryRaw<{ booking_id: string }[]>`
    SELECT booking_id FROM mirrors
     WHERE (place_calendar_id = ${calendar.calendarId} AND place_event_id = ANY (${ids}::text[]))
        OR booking_id = ANY (${bookings}::uuid[]) OR fallback_event_ids && ${ids}::text[]`;
  const rows = await tx.mirror.findMany({ where: { bookingId: { in: found.map(row => row.booking_id) } } });
  return rows.map(mirrorFromRow);
}

/** All mirrors that should be in a calendar, batch by batch. */
async function forEachMirrorIn(
  tx: Transaction,
  calendarId: string,
  visit: (mirrors: Mirror[]) => Promise<void>,
): Promise<void> {
  for (let last: string | undefined; ; ) {
    const rows = await tx.mirror.findMany({
      where: { placeCalendarId: calendarId, ...(last === undefined ? {} : { bookingId: { gt: last } }) },
      orderBy: { bookingId: 'asc' },
      take: batchSize,
    });
    await visit(rows.map(mirrorFromRow));
    last = rows.at(-1)?.bookingId;
    if (rows.length < batchSize) return;
  }
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
