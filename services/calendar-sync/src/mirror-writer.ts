import { fullJitter, startWorker, type Worker } from '@monde-sauvage/service-kit';
import { cleanLeftMirrors } from './clean-left-mirrors.ts';
import type { Context } from './context.ts';
import { internalReason, type ProblemKind } from './domain/problems.ts';
import { askedWaitMs, GoogleCallError } from './google/classify-error.ts';
import { reconcileMirror, type Surroundings } from './reconcile-mirror.ts';
import { createReach } from './remove-mirror.ts';
import { findOpenDecisions } from './stores/decision-store.ts';
import { keepLease } from './stores/keep-lease.ts';
import { claimLane, LaneLostError, releaseLane, renewLane } from './stores/lanes.ts';
import { findDueLeft } from './stores/left-mirror-store.ts';
import { commitFailure, findDueMirrors, type Mirror } from './stores/mirror-store.ts';
import { wakeAt } from './wake-at.ts';

/** Calendars this replica writes at once. */
const mostLanes = 8;

/** A lane is given back after this long even if mirrors are due, so that the next establishment has its turn. */
const laneTurnMs = 1_000;

/**
 * Writes mirrors that are due, one writer per calendar across all replicas. Nudged by whatever makes one due; the
 * interval is for retries, and for what a replica left behind.
 */
export function startMirrorWriter(context: Context): Worker {
  const running = new Set<Promise<void>>();
  const worker = startWorker({
    name: 'mirror-writer',
    everyMs: context.timing.lookForWorkEveryMs,
    logger: context.logger,
    metrics: context.metrics,
    async run(signal) {
      while (!signal.aborted && running.size < mostLanes) {
        const lane = await claimLane(context);
        if (lane === undefined) return;
        const work = keepLease(
          context.timing,
          () => renewLane(context, lane.chaletId),
          () => writeLane(context, lane, signal),
        )
          .catch(error => context.logger.error({ err: error, chaletId: lane.chaletId }, 'a calendar lane failed'))
          .finally(() => {
            running.delete(work);
            // What became due while the lane was held could not be claimed then.
            worker.nudge();
          });
        running.add(work);
      }
    },
  });
  return {
    nudge: () => worker.nudge(),
    async drain() {
      await worker.drain();
      await Promise.all(running);
    },
  };
}

async function writeLane(
  context: Context,
  lane: { chaletId: string; failures: number },
  signal: AbortSignal,
): Promise<void> {
  let { failures } = lane;
  const endOfTurn = performance.now() + laneTurnMs;
  const isOver = () => signal.aborted || performance.now() > endOfTurn;
  try {
    while (!isOver()) {
      const due = await findDueMirrors(context, lane.chaletId);
      // What was left behind comes after what is to be seen in the calendars of today.
      const left = due.length > 0 ? [] : await findDueLeft(context, lane.chaletId);
      const establishmentId = (due[0] ?? left[0])?.establishmentId;
      if (establishmentId === undefined) return;
      const around = await loadSurroundings(context, { ...lane, establishmentId }, due);
      if (left.length > 0 && !(await cleanLeftMirrors(context, left, around, isOver))) return;
      for (const mirror of due) {
        if (isOver() || !(await renewLane(context, lane.chaletId))) return;
        const startedAt = context.now();
        try {
          await reconcileMirror(context, mirror, around);
          failures = 0;
        } catch (error) {
          if (error instanceof LaneLostError) return;
          failures += 1;
          const goOn = await recordFailure(context, mirror, error, { failures, startedAt });
          if (!goOn) return;
        }
      }
    }
  } finally {
    await releaseLane(context, lane.chaletId, failures);
  }
}

async function loadSurroundings(
  context: Context,
  { chaletId, establishmentId }: { chaletId: string; establishmentId: string },
  due: Mirror[],
): Promise<Surroundings> {
  const bookingIds = due.map(({ bookingId }) => bookingId);
  const [chalet, calendar, access, establishment, decisions] = await Promise.all([
    context.db.chalet.findUnique({ where: { id: chaletId } }),
    context.db.calendar.findUnique({ where: { chaletId }, select: { calendarId: true } }),
    context.google.access(establishmentId),
    context.db.establishment.findUnique({ where: { id: establishmentId } }),
    findOpenDecisions(context.db, bookingIds),
  ]);
  return {
    chaletId,
    chaletName: chalet?.name ?? 'Chalet',
    locale: chalet?.locale ?? 'en',
    timezone: chalet?.timezone ?? 'UTC',
    calendarId: calendar?.calendarId ?? null,
    access,
    reachOf: access.status === 'active' ? createReach(access.api) : async () => 'revoked',
    calendarDrift: establishment?.calendarDrift === 'ask' ? 'ask' : 'restore',
    sendUpdates: establishment?.guestInvitations ? 'all' : 'none',
    decisions,
  };
}

/**
 * Writes down why and when next. Whatever concerns the whole calendar or account holds up its other mirrors too, so
 * that an outage costs one call a try. Returns whether the lane's other mirrors can go on.
 */
async function recordFailure(
  context: Context,
  mirror: Mirror,
  error: unknown,
  { failures, startedAt }: { failures: number; startedAt: Date },
): Promise<boolean> {
  const { chaletId, bookingId } = mirror;
  const failure = error instanceof GoogleCallError ? error.failure : undefined;
  const kind = failure?.kind;
  const reason = failure?.reason ?? internalReason;
  const after = (ms: number) => new Date(context.now().getTime() + ms);
  context.metrics.counter('mirror_failures_total', 'Tries to write a mirror that failed', ['kind']).inc({
    kind: kind ?? 'internal',
  });
  if (failure) context.logger.warn({ bookingId, chaletId, kind, reason, failures }, 'a mirror could not be written');
  else context.logger.error({ bookingId, chaletId, err: error, failures }, 'a mirror could not be written');
  const problem = kind ?? 'internal';
  switch (kind) {
    case 'revoked':
      // Marked with all others of the account when the refresh token was found to be dead.
      return false;
    case 'forbidden':
    case 'scope':
    case 'not_found': {
      const at = after(context.timing.blockedMirrorMs * (0.8 + Math.random() * 0.4));
      await commitFailure(context, mirror, { state: 'blocked', problem, reason, at });
      await postpone(context, chaletId, { at, startedAt, state: 'blocked', problem, reason });
      return false;
    }
    case 'invalid':
      await commitFailure(context, mirror, {
        state: 'failed',
        problem,
        reason,
        at: after(context.timing.failedMirrorMs),
      });
      return true;
    default: {
      const at = after(
        (askedWaitMs(failure) ?? 0) + fullJitter(Math.max(failures - 1, mirror.attempts), context.timing.mirrorRetry),
      );
      wakeAt(context, at, () => context.nudge.mirrors());
      await commitFailure(context, mirror, { state: 'wanted', problem, reason, at });
      await postpone(context, chaletId, { at, startedAt, problem, reason });
      return false;
    }
  }
}

/** The other mirrors of the lane that are due wait as well; their tries are not counted. */
async function postpone(
  context: Context,
  chaletId: string,
  o: { at: Date; startedAt: Date; state?: 'blocked'; problem: ProblemKind; reason: string },
): Promise<void> {
  const now = context.now();
  await context.db.$executeRaw`
    UPDATE mirrors
       SET next_attempt_at = ${o.at}::timestamptz, last_error = ${o.reason}, problem = ${o.problem},
           problem_since = COALESCE(problem_since, ${now}::timestamptz), state = COALESCE(${o.state ?? null}, state)
     WHERE chalet_id = ${chaletId}::uuid AND next_attempt_at <= ${o.startedAt}::timestamptz`;
}
