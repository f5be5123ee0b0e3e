import { type CivilDate, dateInZone } from '@monde-sauvage/contracts';
import type { Context } from './context.ts';
import type { GoogleEvent } from './domain/classify-event.ts';
import { type Drift, deleted, findDrift, isMeant, madeToRepeat, unverified } from './domain/drift.ts';
import { mustBeMerged, patchOf, showsPatch } from './domain/merge-event.ts';
import { hashOfEvent, isOurs, mirrorEvent, mirrorEventId, writtenPart } from './domain/mirror-event.ts';
import type { DriftDecision } from './generated/prisma/client.ts';
import type { CalendarApi, SendUpdates } from './google/calendar-api.ts';
import { GoogleCallError } from './google/classify-error.ts';
import type { Access } from './google/google-accounts.ts';
import { failureAmong, getEvent, type ReachOf, removeMirror } from './remove-mirror.ts';
import { laneApi } from './stores/lane-api.ts';
import { rememberLeft } from './stores/left-mirror-store.ts';
import {
  commitNoPlace,
  commitQuestion,
  commitRemoved,
  commitSettled,
  commitWritten,
  forgetStray,
  type Mirror,
  type Place,
  recordPlace,
} from './stores/mirror-store.ts';

/** What is true for all mirrors of a chalet while its lane is held. */
export interface Surroundings {
  chaletId: string;
  chaletName: string;
  locale: string;
  timezone: string;
  /** The calendar that the chalet's mirrors belong in; null while none is chosen. */
  calendarId: string | null;
  access: Access;
  /** What the connected account can do in a calendar. */
  reachOf: ReachOf;
  /** Whether what the owner does to a mirror is put back, or waits for the owner's decision. */
  calendarDrift: 'restore' | 'ask';
  /** Whether Google tells the guest of what is written. */
  sendUpdates: SendUpdates;
  /** Open decisions about the mirrors at hand, by booking. */
  decisions: ReadonlyMap<string, DriftDecision>;
}

/** Ids to try in a row when Google keeps each from us; more would mean that something else is wrong. */
const mostIdsAtOnce = 4;

/**
 * Makes Google hold what one booking wants: its event in the chalet's calendar and nowhere else, or none. Safe to
 * repeat from any point: where an event may be is written down before it is made, its id is deterministic, and what
 * is found in Google decides.
 * @throws GoogleCallError when Google does not do it; the caller decides when to try again
 */
export async function reconcileMirror(context: Context, mirror: Mirror, around: Surroundings): Promise<void> {
  const { access } = around;
  const today = dateInZone(context.now(), around.timezone);
  const target = targetOf(mirror, around.calendarId, today);
  if (target === null && mirror.place === null) return commitNoPlace(context, mirror);
  if (access.status !== 'active') {
    const reason = access.status === 'revoked' ? access.reason : null;
    return commitSettled(context, mirror, reason === null ? 'wanted' : 'blocked', reason);
  }

  let place = mirror.place;
  if (mirror.strayEventId !== null && place !== null) await removeStray(context, mirror, place, around, access.api);
  if (place !== null && place.calendarId !== target) {
    const api = laneApi(context, around.chaletId, place.calendarId, access.api);
    // A guest hears of a cancellation, not of an event that moves to another calendar of the owner.
    const sendUpdates = mirror.active ? 'none' : around.sendUpdates;
    const left = await removeMirror(api, place, mirror, {
      reachOf: place.calendarId === around.calendarId ? null : around.reachOf,
      sendUpdates,
    });
    await context.passing('mirror removed from Google, not committed');
    await commitRemoved(context, mirror, place, { last: target === null, left });
    if (target === null) return;
    await context.passing('mirror removed from the old calendar, not made in the new one');
    // What is left to do starts from a clean place; booking has heard of the removal.
    mirror = { ...mirror, place: null, writtenHash: null, etag: null, drift: null, ...unlinked(mirror) };
    place = null;
  }
  if (target === null) return;

  const event = mirrorEvent({
    bookingId: mirror.bookingId,
    version: mirror.version,
    booking: mirror.desired,
    chaletName: around.chaletName,
    locale: around.locale,
  });
  const hash = hashOfEvent(event);
  const decision = around.decisions.get(mirror.bookingId);
  // What is done to the event of a stay that is over is no question: nothing can be cancelled any more.
  const asks = around.calendarDrift === 'ask' && decision?.status !== 'restoring' && mirror.desired.endDate >= today;
  if (place !== null && decision !== undefined) {
    // Until the owner decides, only what is seen anew in Google is looked at: the question may have changed, or gone.
    if (asks && mirror.drift === null) return commitSettled(context, mirror, 'awaiting_decision');
    mirror = { ...mirror, drift: mirror.drift ?? decision.drift };
  }
  if (place !== null && mirror.writtenHash === hash && mirror.drift === null) {
    return commitSettled(context, mirror, 'synced');
  }
  const api = laneApi(context, around.chaletId, target, access.api);
  const { sendUpdates } = around;
  const result = await writeMirror(context, api, mirror, { calendarId: target, event, asks, sendUpdates });
  if ('drift' in result) return commitQuestion(context, mirror, result);
  await context.passing('mirror written in Google, not committed');
  await commitWritten(context, mirror, {
    ...result,
    hash,
    written: writtenPart(event, result.event),
    decision: decision === undefined ? null : asks ? 'undone' : 'restored',
  });
}

/** Somebody brought back an event that this booking had before: only the newer one stays. */
async function removeStray(
  context: Context,
  mirror: Mirror,
  { calendarId, eventId: mirrored }: Place,
  around: Surroundings,
  calendarApi: CalendarApi,
): Promise<void> {
  const eventId = mirror.strayEventId;
  if (eventId !== null && eventId !== mirrored) {
    const api = laneApi(context, around.chaletId, calendarId, calendarApi);
    const o = { reachOf: calendarId === around.calendarId ? null : around.reachOf, sendUpdates: 'none' as const };
    const left = await removeMirror(api, { calendarId, eventId }, { ...mirror, etag: null }, o);
    if (left !== undefined) await rememberLeft(context.db, context, mirror, { calendarId, eventId, etag: null, left });
  }
  await forgetStray(context, mirror);
}

/** Mirrors of stays that are over are kept where they are, but not made again. */
function targetOf(mirror: Mirror, calendarId: string | null, today: CivilDate): string | null {
  if (!mirror.active || calendarId === null) return null;
  if (mirror.place?.calendarId === calendarId) return calendarId;
  return mirror.desired.endDate >= today ? calendarId : null;
}

const unlinked = (mirror: Mirror): Pick<Mirror, 'linkedEventId' | 'linkedCalendarId' | 'revision'> => ({
  linkedEventId: null,
  linkedCalendarId: null,
  revision: mirror.linkedEventId === null ? mirror.revision : mirror.revision + 1,
});

interface WriteResult {
  place: Place;
  event: GoogleEvent;
  /** What somebody had done to the event in Google, now put right. */
  restored: string | null;
}

/** What was done to the event in Google, where the owner wants to be asked; `found` is null when it is not there. */
interface Question {
  drift: Drift;
  found: GoogleEvent | null;
}

interface Wish {
  calendarId: string;
  event: GoogleEvent;
  /** Whether the owner is asked before a drift is put right. */
  asks: boolean;
  sendUpdates: SendUpdates;
}

async function writeMirror(
  context: Context,
  api: CalendarApi,
  mirror: Mirror,
  wish: Wish,
): Promise<WriteResult | Question> {
  if (mirror.place === null || mirror.writtenHash === null) return createEvent(context, api, mirror, wish);
  const { calendarId, event, asks, sendUpdates } = wish;
  const { place } = mirror;
  try {
    if (canPatchUnread(mirror, event) && !(asks && mirror.drift !== null)) {
      const patch = patchOf(event, mirror.written, null);
      const patched = await api.patchEvent(calendarId, place.eventId, patch, mirror.etag, sendUpdates);
      return { place, event: patched, restored: mirror.drift };
    }
  } catch (error) {
    failureAmong(error, ['changed_meanwhile', 'not_found', 'gone', 'forbidden']);
  }
  const adopted = await adoptEvent(api, place, mirror, wish);
  if (adopted !== undefined) return 'drift' in adopted ? adopted : { place, ...adopted };
  // Under the same id first: not found may also mean that the whole calendar is out of reach for now.
  const created = await createEvent(context, api, mirror, wish);
  return { ...created, restored: knownDrift(mirror) ?? 'deleted in Google' };
}

const knownDrift = (mirror: Mirror): string | null => (mirror.drift === unverified ? null : mirror.drift);

/** Our etag stands for what is known of the event, and nothing that others wrote into it would be replaced. */
const canPatchUnread = (mirror: Mirror, event: GoogleEvent): boolean =>
  mirror.etag !== null &&
  mirror.drift !== unverified &&
  !mirror.drift?.includes(madeToRepeat) &&
  mirror.written !== null &&
  !mustBeMerged(event, mirror.written);

/** Inserts under the first id of the booking's sequence that Google lets us have, or takes over what is there. */
async function createEvent(context: Context, api: CalendarApi, mirror: Mirror, wish: Wish): Promise<WriteResult> {
  const { calendarId, event, sendUpdates } = wish;
  for (let sequence = mirror.idSequence; sequence < mirror.idSequence + mostIdsAtOnce; sequence += 1) {
    const place = { calendarId, eventId: mirrorEventId(mirror.bookingId, sequence) };
    await recordPlace(context, mirror, place, sequence);
    await context.passing('place of a mirror recorded, its event not made');
    try {
      const inserted = await api.insertEvent(calendarId, { ...event, id: place.eventId }, sendUpdates);
      return { place, event: inserted, restored: null };
    } catch (error) {
      failureAmong(error, ['duplicate']);
      const adopted = await adoptEvent(api, place, mirror, { ...wish, asks: false });
      if (adopted !== undefined && !('drift' in adopted)) return { place, ...adopted, restored: null };
    }
  }
  throw new GoogleCallError({ kind: 'invalid', reason: `Google accepts none of ${mostIdsAtOnce} event ids` });
}

/**
 * Makes the event that has our id already what it should be; a deleted one is brought back. undefined when it cannot
 * be had: it is somebody else's, is gone for good, or Google refuses to bring it back. Where the owner is asked, what was
 * done to it is the answer instead.
 */
async function adoptEvent(
  api: CalendarApi,
  place: Place,
  mirror: Pick<Mirror, 'bookingId' | 'written'>,
  { event, asks, sendUpdates }: Wish,
): Promise<Omit<WriteResult, 'place'> | Question | undefined> {
  for (let tries = 0; ; tries += 1) {
    const found = await getEvent(api, place);
    if (found === undefined) {
      if (!asks || mirror.written === null) return undefined;
      // Throws when it is the whole calendar that is out of reach.
      await api.getCalendar(place.calendarId);
      return { drift: deleted, found: null };
    }
    const isDeleted = found.status === 'cancelled';
    if (!isOurs(found, mirror.bookingId)) return undefined;
    const patch = patchOf(event, mirror.written, found);
    if (showsPatch(found, patch)) return { event: found, restored: null };
    const drift = mirror.written === null ? undefined : findDrift(mirror.written, found, mirror.bookingId);
    if (asks && drift !== undefined && isMeant(drift)) return { drift, found };
    try {
      const { calendarId, eventId } = place;
      const patched = await api.patchEvent(calendarId, eventId, patch, found.etag ?? null, sendUpdates);
      return { event: patched, restored: drift?.words ?? null };
    } catch (error) {
      if (!(error instanceof GoogleCallError)) throw error;
      const { kind } = error.failure;
      // The owner is faster than we are: read again, a few times.
      if (kind === 'changed_meanwhile' && tries < 3) continue;
      if (isDeleted && ['forbidden', 'not_found', 'gone', 'invalid'].includes(kind)) return undefined;
      throw error;
    }
  }
}
