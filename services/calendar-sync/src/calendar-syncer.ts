import { bookingRequests, type ExternalEventChange } from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import { fullJitter, startWorker, type Worker } from '@monde-sauvage/service-kit';
import { applyListing } from './apply-listing.ts';
import type { Context } from './context.ts';
import { internalReason } from './domain/problems.ts';
import type { Calendar } from './generated/prisma/client.ts';
import { askedWaitMs, GoogleCallError, type GoogleFailure } from './google/classify-error.ts';
import { listChanges } from './list-changes.ts';
import {
  claimCalendar,
  findDueCalendars,
  nextSync,
  recordSyncFailure,
  renewCalendarLease,
} from './stores/calendar-store.ts';
import { keepLease } from './stores/keep-lease.ts';
import { wakeAt } from './wake-at.ts';

export type SyncOutcome =
  | { status: 'synced'; syncedAt: Date; full: boolean; changed: number; removed: number; recorded: boolean }
  | { status: 'failed'; reason: string; kind: GoogleFailure['kind'] | 'internal' }
  /** No calendar, or no connection that works. */
  | { status: 'not_connected' }
  /** Another replica is at it and did not end in time, or did what was to be joined, or the calendar was chosen anew. */
  | { status: 'busy' };

export interface CalendarSyncer {
  /** Syncs now. `join`: a sync that is under way, here or at another replica, will do; otherwise one is made that begins
   * after this call. `seen`: when the calendar was read last, as far as who joins knows; one since then will do as well. */
  sync(chaletId: string, o: { join: boolean; seen?: Date | null }): Promise<SyncOutcome>;
  worker: Worker;
}

type ClaimRule = 'if due' | 'now' | 'joining';

const mostAtOnce = 6;
const busyPatienceMs = 15_000;

/**
 * Brings owners' events in: one sync at a time for each calendar, across replicas. Requests that come together share a
 * sync; pushes only make a calendar due, so that a burst of them becomes one.
 */
export function startCalendarSyncer(context: Context): CalendarSyncer {
  const flights = new Map<string, { rule: ClaimRule; current: Promise<SyncOutcome>; next?: Promise<SyncOutcome> }>();

  const fly = (chaletId: string, rule: ClaimRule, seen?: Date | null): Promise<SyncOutcome> => {
    const flight = {
      rule,
      current: syncOnce(context, chaletId, rule, seen).finally(() => {
        if (flights.get(chaletId) === flight) flights.delete(chaletId);
        worker.nudge();
      }),
    };
    flights.set(chaletId, flight);
    return flight.current;
  };

  const sync = (chaletId: string, o: { join: boolean; seen?: Date | null }): Promise<SyncOutcome> => {
    const flight = flights.get(chaletId);
    if (flight === undefined) return o.join ? fly(chaletId, 'joining', o.seen) : fly(chaletId, 'now');
    if (o.join) return flight.rule === 'if due' ? joinIfItWas(chaletId, flight.current, o) : flight.current;
    flight.next ??= flight.current.catch(() => undefined).then(() => fly(chaletId, 'now'));
    return flight.next;
  };

  /** A flight of the worker lands at once when the calendar was not due, or another replica has it. */
  const joinIfItWas = async (
    chaletId: string,
    current: Promise<SyncOutcome>,
    o: { join: boolean; seen?: Date | null },
  ): Promise<SyncOutcome> => {
    const outcome = await current;
    return outcome.status === 'busy' ? sync(chaletId, o) : outcome;
  };

  const worker = startWorker({
    name: 'calendar-syncer',
    everyMs: context.timing.lookForWorkEveryMs,
    logger: context.logger,
    metrics: context.metrics,
    async run(signal) {
      if (signal.aborted || flights.size >= mostAtOnce) return;
      for (const chaletId of await findDueCalendars(context, mostAtOnce)) {
        if (flights.has(chaletId)) continue;
        fly(chaletId, 'if due').catch(error =>
          context.logger.error({ err: error, chaletId }, 'a calendar sync failed'),
        );
      }
    },
  });

  return {
    sync,
    worker: {
      nudge: () => worker.nudge(),
      async drain() {
        await worker.drain();
        await Promise.allSettled([...flights.values()].map(flight => flight.next ?? flight.current));
      },
    },
  };
}

async function syncOnce(
  context: Context,
  chaletId: string,
  rule: ClaimRule,
  seen: Date | null | undefined,
): Promise<SyncOutcome> {
  const calendar = await claim(context, chaletId, rule, seen);
  if (calendar === 'none') return { status: 'not_connected' };
  if (calendar === 'busy') return { status: 'busy' };
  return keepLease(
    context.timing,
    () => renewCalendarLease(context, calendar),
    () => syncClaimed(context, calendar),
  );
}

async function syncClaimed(context: Context, calendar: Calendar): Promise<SyncOutcome> {
  const { chaletId } = calendar;
  const syncs = context.metrics.counter('calendar_syncs_total', 'Syncs of calendars, by outcome', ['outcome']);
  try {
    const access = await context.google.access(calendar.establishmentId);
    if (access.status !== 'active') {
      const reason = access.status === 'revoked' ? access.reason : 'not connected to Google';
      await recordSyncFailure(context, calendar, {
        status: 'blocked',
        problem: 'revoked',
        reason,
        nextAt: nextSync(context),
      });
      return access.status === 'revoked' ? { status: 'failed', reason, kind: 'revoked' } : { status: 'not_connected' };
    }
    const chalet = await context.db.chalet.findUnique({ where: { id: chaletId } });
    const listedAt = context.now();
    const listing = await listChanges(access.api, calendar.calendarId, {
      syncToken: needsFullList(context, calendar) ? null : calendar.syncToken,
      now: listedAt,
      onPage: async () => {
        await context.passing('between two pages of a list');
        await renewCalendarLease(context, calendar);
      },
    });
    await context.passing('calendar listed, nothing applied');
    const applied = await applyListing(context, calendar, { listing, timezone: chalet?.timezone ?? 'UTC', listedAt });
    if (applied === undefined) return { status: 'busy' };
    await context.passing('listing applied, booking not told');
    syncs.inc({ outcome: listing.full ? 'full' : 'incremental' });
    const { changed, removed } = applied;
    if (changed + removed > 0) context.nudge.relay();
    if (applied.drifted > 0 || applied.isBack) context.nudge.mirrors();
    return {
      status: 'synced',
      syncedAt: listedAt,
      full: listing.full !== undefined,
      changed,
      removed,
      recorded: (await recordNow(context, applied.changes)) && applied.changes.length === changed + removed,
    };
  } catch (error) {
    syncs.inc({ outcome: 'failed' });
    const kind = error instanceof GoogleCallError ? error.failure.kind : 'internal';
    return { status: 'failed', kind, reason: await recordFailure(context, calendar, error) };
  }
}

/**
 * Google expands an endless series only so far ahead, and says nothing when a day more comes into view. Now and then
 * everything is listed, which also finds whatever else incremental lists may have missed.
 */
function needsFullList(context: Context, { lastFullSyncAt }: Calendar): boolean {
  const oldest = context.now().getTime() - context.timing.fullListEveryMs;
  return lastFullSyncAt !== null && lastFullSyncAt.getTime() < oldest;
}

/** Waits a while for another replica's sync to end: to make one after it, or (joining) because that one will do. */
async function claim(
  context: Context,
  chaletId: string,
  rule: ClaimRule,
  seen: Date | null | undefined,
): Promise<Calendar | 'none' | 'busy'> {
  const giveUpAt = Date.now() + (rule === 'if due' ? 0 : busyPatienceMs);
  const before = rule !== 'joining' ? undefined : seen === undefined ? await lastSyncOf(context, chaletId) : seen;
  for (;;) {
    const calendar = await claimCalendar(context, chaletId, { onlyIfDue: rule === 'if due', lastSyncAt: before });
    if (calendar !== undefined) return calendar;
    if (rule !== 'if due' && (await context.db.calendar.count({ where: { chaletId } })) === 0) return 'none';
    if (Date.now() >= giveUpAt) return 'busy';
    if (before !== undefined && (await lastSyncOf(context, chaletId))?.getTime() !== before?.getTime()) return 'busy';
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

const lastSyncOf = async (context: Context, chaletId: string): Promise<Date | null> =>
  (await context.db.calendar.findUnique({ where: { chaletId }, select: { lastSyncAt: true } }))?.lastSyncAt ?? null;

async function recordFailure(context: Context, calendar: Calendar, error: unknown): Promise<string> {
  const { chaletId } = calendar;
  const failure = error instanceof GoogleCallError ? error.failure : undefined;
  const reason = failure?.reason ?? internalReason;
  if (failure) context.logger.warn({ chaletId, kind: failure.kind, reason }, 'a calendar could not be synced');
  else context.logger.error({ chaletId, err: error }, 'a calendar could not be synced');
  // A refresh token that another replica has rotated meanwhile is refused as well, but the connection works.
  const { status } = await context.google.access(calendar.establishmentId);
  const needsOwner =
    failure !== undefined &&
    (['forbidden', 'scope', 'not_found'].includes(failure.kind) || (failure.kind === 'revoked' && status !== 'active'));
  const asked = askedWaitMs(failure) ?? 0;
  const nextAt = needsOwner
    ? nextSync(context)
    : new Date(context.now().getTime() + asked + fullJitter(calendar.failures + 1, context.timing.syncRetry));
  await recordSyncFailure(context, calendar, {
    status: needsOwner ? 'blocked' : 'failing',
    problem: failure?.kind ?? 'internal',
    reason,
    nextAt,
  });
  wakeAt(context, nextAt, () => context.nudge.syncs());
  return reason;
}

/** Puts the rows into the bookings table at once. Best effort: the outbox brings the same changes for certain. */
async function recordNow(context: Context, changes: ExternalEventChange[]): Promise<boolean> {
  try {
    for (let start = 0; start < changes.length; start += 200) {
      const chunk = changes.slice(start, start + 200);
      const answer = await request(context.nats, bookingRequests.recordExternalEvents, { changes: chunk });
      if (!answer.ok) return false;
    }
    return true;
  } catch (error) {
    context.logger.info({ err: error, changes: changes.length }, 'external events will be recorded by their events');
    return false;
  }
}
