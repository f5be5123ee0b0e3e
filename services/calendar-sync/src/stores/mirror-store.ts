import { calendarEvents } from '@monde-sauvage/contracts';
import type { Context, Transaction } from '../context.ts';
import type { GoogleEvent } from '../domain/classify-event.ts';
import { type Drift, unverified } from '../domain/drift.ts';
import type { LeftReason } from '../domain/left-mirrors.ts';
import { isShared } from '../domain/merge-event.ts';
import { type MirroredBooking, mirroredBooking, type WrittenEvent, writtenEvent } from '../domain/mirror-event.ts';
import type { ProblemKind } from '../domain/problems.ts';
import type { Mirror as MirrorRow } from '../generated/prisma/client.ts';
import { askOwner, closeDecisions, endDecision } from './decision-store.ts';
import { LaneLostError } from './lanes.ts';
import { rememberLeft } from './left-mirror-store.ts';
import { writeEvents } from './outbox-store.ts';
import { transact } from './transact.ts';
import { wakeMirror } from './wake-mirrors.ts';

/** Where an event is in Google, or may be. */
export interface Place {
  calendarId: string;
  eventId: string;
}

export interface Mirror extends Omit<MirrorRow, 'desired' | 'written' | 'placeCalendarId' | 'placeEventId'> {
  desired: MirroredBooking;
  written: WrittenEvent | null;
  place: Place | null;
}

/** The mirrors of a chalet that are due, those that failed least first, so that one that always fails holds up none. */
export async function findDueMirrors(context: Context, chaletId: string): Promise<Mirror[]> {
  const rows = await context.db.mirror.findMany({
    where: { chaletId, nextAttemptAt: { lte: context.now() } },
    orderBy: [{ attempts: 'asc' }, { nextAttemptAt: 'asc' }],
    take: 20,
  });
  return rows.map(fromRow);
}

/** Events of bookings in Google whose chalets have no calendar any more: they go, as soon as Google lets them. */
export async function countBeingRemoved({ db }: Pick<Context, 'db'>, establishmentId: string): Promise<number> {
  const rows = await db.$queryRaw<{ events: number }[]>`
    SELECT count(*)::int AS events FROM mirrors mirror
     WHERE establishment_id = ${establishmentId}::uuid AND place_event_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM calendars calendar WHERE calendar.chalet_id = mirror.chalet_id)`;
  return rows[0]?.events ?? 0;
}

/** Writes down where an event may exist from now on, before the call that makes it: a crash leaves nothing unknown. */
export async function recordPlace(
  context: Context,
  { bookingId, chaletId }: Pick<Mirror, 'bookingId' | 'chaletId'>,
  place: Place,
  idSequence: number,
): Promise<void> {
  const recorded = await context.db.$executeRaw`
    UPDATE mirrors
       SET place_calendar_id = ${place.calendarId}, place_event_id = ${place.eventId}, place_account = NULL,
           etag = NULL, written_hash = NULL,
           id_sequence = ${idSequence}::int,
           fallback_event_ids = CASE
             WHEN ${idSequence}::int = 0 OR ${place.eventId}::text = ANY (fallback_event_ids) THEN fallback_event_ids
             ELSE array_append(fallback_event_ids, ${place.eventId}::text) END
      FROM (SELECT 1 FROM lanes WHERE chalet_id = ${chaletId}::uuid AND lease_owner = ${context.replicaId}::uuid
               FOR UPDATE) held
     WHERE booking_id = ${bookingId}::uuid`;
  if (recorded === 0) throw new LaneLostError();
}

/** An event beside the mirror is gone. */
export async function forgetStray(context: Context, mirror: Mirror): Promise<void> {
  await context.db.mirror.updateMany({
    where: { bookingId: mirror.bookingId, strayEventId: mirror.strayEventId },
    data: { strayEventId: null },
  });
}

/** What the writer has seen to is over; unless, only suspected, it was suspected once more since it was loaded. */
const clearDrift = (tx: Transaction, { bookingId, drift, wakes }: Mirror) =>
  tx.mirror.updateMany({
    where: { bookingId, drift, ...(drift === unverified ? { wakes } : {}) },
    data: { drift: null },
  });

/** Google holds `event` now. Booking hears of a new id, and of what had to be put right, in the same commit. */
export async function commitWritten(
  context: Context,
  mirror: Mirror,
  o: {
    place: Place;
    event: GoogleEvent;
    hash: string;
    written: WrittenEvent;
    restored: string | null;
    /** What became of the question that was open about this mirror; null when there was none. */
    decision: 'restored' | 'undone' | null;
  },
): Promise<void> {
  const isNew = mirror.linkedEventId !== o.place.eventId || mirror.linkedCalendarId !== o.place.calendarId;
  const revision = isNew ? mirror.revision + 1 : mirror.revision;
  await commit(context, mirror, async tx => {
    await tx.mirror.update({
      where: { bookingId: mirror.bookingId },
      data: {
        etag: o.event.etag ?? null,
        placeAccount: null,
        googleUpdatedAt: o.event.updated ? new Date(o.event.updated) : null,
        writtenHash: o.hash,
        written: { ...o.written },
        linkedEventId: o.place.eventId,
        linkedCalendarId: o.place.calendarId,
        revision,
      },
    });
    await settle(tx, context, mirror, 'synced');
    const aggregateId = mirror.bookingId;
    if (isNew) {
      const { calendarId, eventId: googleEventId } = o.place;
      const body = { bookingId: mirror.bookingId, googleEventId, calendarId, revision };
      await writeEvents(tx, context, calendarEvents.eventLinked, [{ aggregateId, body }]);
    }
    if (mirror.drift !== null) await clearDrift(tx, mirror);
    if (o.decision !== null) await endDecision(tx, context, mirror.bookingId, o.decision);
    if (o.restored !== null) {
      const body = {
        bookingId: mirror.bookingId,
        googleEventId: o.place.eventId,
        drift: o.restored,
        at: context.now().toISOString(),
      };
      await writeEvents(tx, context, calendarEvents.mirrorRestored, [{ aggregateId, body }]);
    }
  });
}

/**
 * The mirror has no place any more: its event is gone from `place`, or could not be deleted there and is remembered.
 * @param o.last nothing is left to do for this mirror
 * @param o.left why the event is still there; undefined when it is gone
 */
export async function commitRemoved(
  context: Context,
  mirror: Mirror,
  place: Place,
  o: { last: boolean; left: LeftReason | undefined },
): Promise<void> {
  const revision = mirror.linkedEventId === null ? mirror.revision : mirror.revision + 1;
  await commit(context, mirror, async tx => {
    if (o.left !== undefined) await rememberLeft(tx, context, mirror, { ...place, etag: mirror.etag, left: o.left });
    await tx.$executeRaw`
      UPDATE mirrors SET place_calendar_id = NULL, place_event_id = NULL, place_account = NULL, etag = NULL, google_updated_at = NULL,
                         written_hash = NULL, written = NULL, drift = NULL,
                         linked_event_id = NULL, linked_calendar_id = NULL, revision = ${revision}
       WHERE booking_id = ${mirror.bookingId}::uuid`;
    await closeDecisions(tx, { bookingId: mirror.bookingId }, context.now());
    if (o.last) await settle(tx, context, mirror, mirror.active ? 'wanted' : 'removed');
    if (mirror.linkedEventId === null) return;
    const body = { bookingId: mirror.bookingId, googleEventId: null, calendarId: place.calendarId, revision };
    await writeEvents(tx, context, calendarEvents.eventLinked, [{ aggregateId: mirror.bookingId, body }]);
  });
}

/** What somebody did to the event in Google is for the owner to decide about: nothing is written until then. */
export async function commitQuestion(
  context: Context,
  mirror: Mirror,
  question: { drift: Drift; found: GoogleEvent | null },
): Promise<void> {
  const { drift, found } = question;
  const isThere = found !== null && found.status !== 'cancelled';
  await commit(context, mirror, async tx => {
    // Locked, so that who says at the same time that nobody is to be asked any more finds the question, or is found here.
    const asking = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM establishments WHERE id = ${mirror.establishmentId}::uuid AND calendar_drift = 'ask' FOR SHARE`;
    await askOwner(tx, context, mirror, drift);
    await tx.mirror.update({
      where: { bookingId: mirror.bookingId },
      data: {
        etag: isThere ? (found.etag ?? null) : null,
        ...(found?.updated ? { googleUpdatedAt: new Date(found.updated) } : {}),
        ...(isThere && mirror.written
          ? { written: { ...mirror.written, shared: isShared(mirror.written, found) } }
          : {}),
      },
    });
    await clearDrift(tx, mirror);
    await settle(tx, context, mirror, 'awaiting_decision');
    if (asking.length === 0) await wakeMirror(tx, mirror.bookingId, context.now());
  });
}

/** Nothing (more) to do in Google for what was loaded. */
export async function commitSettled(
  context: Context,
  mirror: Mirror,
  state: 'wanted' | 'synced' | 'removed' | 'blocked' | 'awaiting_decision',
  reason: string | null = null,
): Promise<void> {
  await commit(context, mirror, tx => settle(tx, context, mirror, state, reason));
}

/**
 * No event is known, and none is to be made: whatever was asked about one is over. A cancelled booking names none from now
 * on, whatever became of the one it had: its place was forgotten before it could be removed, because the owner disconnected
 * and left events where they were.
 */
export async function commitNoPlace(context: Context, mirror: Mirror): Promise<void> {
  const { bookingId, active, linkedEventId, linkedCalendarId: calendarId } = mirror;
  await commit(context, mirror, async tx => {
    await settle(tx, context, mirror, active ? 'wanted' : 'removed');
    await closeDecisions(tx, { bookingId }, context.now());
    if (active || linkedEventId === null || calendarId === null) return;
    const revision = mirror.revision + 1;
    await tx.mirror.update({ where: { bookingId }, data: { linkedEventId: null, linkedCalendarId: null, revision } });
    const body = { bookingId, googleEventId: null, calendarId, revision };
    await writeEvents(tx, context, calendarEvents.eventLinked, [{ aggregateId: bookingId, body }]);
  });
}

/** Tries again at `at`, unless it was woken meanwhile. */
export async function commitFailure(
  context: Context,
  mirror: Mirror,
  o: { state: 'wanted' | 'blocked' | 'failed'; problem: ProblemKind; reason: string; at: Date },
): Promise<void> {
  await context.db.mirror.updateMany({
    where: { bookingId: mirror.bookingId },
    data: {
      attempts: { increment: 1 },
      lastError: o.reason,
      problem: o.problem,
      state: o.state,
      updatedAt: context.now(),
    },
  });
  await context.db.mirror.updateMany({
    where: { bookingId: mirror.bookingId, problemSince: null },
    data: { problemSince: context.now() },
  });
  await context.db.mirror.updateMany({
    where: { bookingId: mirror.bookingId, wakes: mirror.wakes },
    data: { nextAttemptAt: o.at },
  });
}

/** A mirror that was woken while Google was called stays due. */
async function settle(
  tx: Transaction,
  context: Context,
  mirror: Mirror,
  state: string,
  reason: string | null = null,
): Promise<void> {
  const now = context.now();
  await tx.$executeRaw`
    UPDATE mirrors SET
      state = CASE WHEN wakes = ${mirror.wakes} THEN ${state} ELSE 'wanted' END,
      next_attempt_at = CASE WHEN wakes = ${mirror.wakes} THEN NULL ELSE ${now}::timestamptz END,
      attempts = 0, last_error = ${reason}, problem = ${reason === null ? null : 'revoked'},
      problem_since = CASE WHEN ${reason}::text IS NULL THEN NULL ELSE COALESCE(problem_since, ${now}::timestamptz) END,
      updated_at = ${now}::timestamptz
     WHERE booking_id = ${mirror.bookingId}::uuid`;
}

/** @throws LaneLostError when another replica writes this calendar by now; it will look for itself what is there */
async function commit(context: Context, mirror: Mirror, write: (tx: Transaction) => Promise<void>): Promise<void> {
  await transact(context.db, async tx => {
    const held = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM lanes WHERE chalet_id = ${mirror.chaletId}::uuid AND lease_owner = ${context.replicaId}::uuid
         FOR UPDATE`;
    if (held.length === 0) throw new LaneLostError();
    await write(tx);
  });
  await context.passing('mirror committed, its events not published');
  context.nudge.relay();
}

export function fromRow(row: MirrorRow): Mirror {
  const { placeCalendarId, placeEventId, ...rest } = row;
  return {
    ...rest,
    desired: mirroredBooking.parse(row.desired),
    written: row.written === null ? null : writtenEvent.parse(row.written),
    place:
      placeCalendarId !== null && placeEventId !== null ? { calendarId: placeCalendarId, eventId: placeEventId } : null,
  };
}
