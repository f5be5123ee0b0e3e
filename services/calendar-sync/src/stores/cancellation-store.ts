import { type Actor, actor, calendarEvents } from '@monde-sauvage/contracts';
import type { Context, Transaction } from '../context.ts';
import { unverified } from '../domain/drift.ts';
import { type DriftDecision, Prisma } from '../generated/prisma/client.ts';
import { writeEvents } from './outbox-store.ts';
import { transact } from './transact.ts';
import { wakeMirror } from './wake-mirrors.ts';

const claimEnd = ({ now, timing }: Pick<Context, 'now' | 'timing'>): Date =>
  new Date(now().getTime() + timing.cancelClaimMs);

/** The decision is made, for good unless the booking service refuses; undefined when it was made otherwise before. */
export async function decideToCancel(
  context: Context,
  id: string,
  decider: Exclude<Actor, { kind: 'guest' }>,
): Promise<DriftDecision | undefined> {
  const now = context.now();
  const [decided] = await context.db.driftDecision.updateManyAndReturn({
    where: { id, status: 'waiting' },
    data: {
      status: 'cancelling',
      decidedAt: now,
      decider,
      attempts: 0,
      problem: null,
      nextAttemptAt: claimEnd(context),
    },
  });
  return decided;
}

/** Decisions to cancel that nobody is carrying out. Without a time, an earlier release left it behind. */
export const findDueCancellations = ({
  db,
  now,
  timing,
}: Pick<Context, 'db' | 'now' | 'timing'>): Promise<DriftDecision[]> =>
  db.driftDecision.findMany({
    where: {
      status: 'cancelling',
      OR: [
        { nextAttemptAt: { lte: now() } },
        { nextAttemptAt: null, decidedAt: { lte: new Date(now().getTime() - 2 * timing.cancelClaimMs) } },
      ],
    },
    orderBy: { nextAttemptAt: 'asc' },
    take: 10,
  });

/** Takes one for a try; false when another replica was faster. */
export async function claimCancellation(context: Context, { id, nextAttemptAt }: DriftDecision): Promise<boolean> {
  const { count } = await context.db.driftDecision.updateMany({
    where: { id, status: 'cancelling', nextAttemptAt },
    data: { attempts: { increment: 1 }, nextAttemptAt: claimEnd(context) },
  });
  return count === 1;
}

export async function tryAgain(context: Context, { id }: DriftDecision, at: Date): Promise<void> {
  await context.db.driftDecision.updateMany({
    where: { id, status: 'cancelling' },
    data: {
      nextAttemptAt: at,
      problem:
        'The booking could not be cancelled yet, since the platform is busy or being mended. It is tried again by itself.',
    },
  });
}

/** The question waits for its owner again. What happened to the event meanwhile was not taken for an answer to it. */
export async function giveBack(context: Context, { id, bookingId }: DriftDecision, problem: string): Promise<void> {
  await transact(context.db, async tx => {
    const { count } = await tx.driftDecision.updateMany({
      where: { id, status: 'cancelling' },
      data: { status: 'waiting', decidedAt: null, decider: Prisma.DbNull, attempts: 0, nextAttemptAt: null, problem },
    });
    if (count === 0) return;
    await tx.mirror.updateMany({ where: { bookingId, drift: null }, data: { drift: unverified } });
    await wakeMirror(tx, bookingId, context.now());
  });
  context.nudge.mirrors();
}

/** The booking is cancelled: the decision is carried out, which is announced once, whoever hears of it first. */
export async function endCancelled(
  tx: Transaction,
  context: Pick<Context, 'now' | 'newId'>,
  bookingId: string,
): Promise<void> {
  const now = context.now();
  const ended = await tx.driftDecision.updateManyAndReturn({
    where: { bookingId, status: 'cancelling' },
    data: { status: 'cancelled', decidedAt: now, nextAttemptAt: null, problem: null },
  });
  const events = ended.map(({ id: decisionId, drift, decider }) => {
    const by = actor.safeParse(decider).data?.kind === 'admin' ? ('admin' as const) : ('owner' as const);
    const body = { decisionId, bookingId, outcome: 'cancel' as const, by, drift, at: now.toISOString() };
    return { aggregateId: bookingId, body };
  });
  await writeEvents(tx, context, calendarEvents.driftDecided, events);
}
