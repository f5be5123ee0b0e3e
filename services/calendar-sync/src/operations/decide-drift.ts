import {
  type Actor,
  bookingRequests,
  calendarEvents,
  type driftDecision,
  mayManage,
  ok,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import type { Context, Transaction } from '../context.ts';
import { unverified } from '../domain/drift.ts';
import type { DriftDecision } from '../generated/prisma/client.ts';
import { viewDecision } from '../stores/decision-store.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';

type Answer = Result<z.input<typeof driftDecision>>;

/** A cancellation that was begun this long ago and did not end was left behind by a crash. */
const leftBehindMs = 30_000;

/**
 * An owner decides what follows from a change in Google: the event is put back, or the booking cancelled with everything
 * given back. Whoever decides first decides; to say the same again is answered the same.
 */
export async function decideDrift(
  context: Context,
  input: { actor: Actor; establishmentId: string; decisionId: string; decision: 'restore' | 'cancel' },
): Promise<Answer> {
  const { actor, establishmentId, decisionId } = input;
  const none = refuse('not_found', 'There is no such decision, or a newer one has taken its place.');
  if (actor.kind === 'guest' || !mayManage(actor, establishmentId)) return none;
  const by = actor.kind;
  const known = await context.db.driftDecision.findUnique({ where: { id: decisionId, establishmentId } });
  if (known === null) return none;
  return input.decision === 'restore' ? restore(context, known, by) : cancel(context, known, actor, by);
}

async function restore(context: Context, decision: DriftDecision, by: 'owner' | 'admin'): Promise<Answer> {
  const { id, bookingId } = decision;
  const now = context.now();
  const leftBehind = { status: 'cancelling', decidedAt: { lt: new Date(now.getTime() - leftBehindMs) } };
  await transact(context.db, async tx => {
    const { count } = await tx.driftDecision.updateMany({
      where: { id, OR: [{ status: 'waiting' }, leftBehind] },
      data: { status: 'restoring', decidedAt: now },
    });
    if (count === 0) return;
    await wakeMirror(tx, bookingId, now);
    await announce(tx, context, decision, { outcome: 'restore', by, now });
  });
  context.nudge.relay();
  context.nudge.mirrors();
  return answer(context, id, ['restoring', 'restored']);
}

async function cancel(context: Context, decision: DriftDecision, actor: Actor, by: 'owner' | 'admin'): Promise<Answer> {
  const { id, bookingId, drift } = decision;
  const claim = async (status: string) =>
    (
      await context.db.driftDecision.updateMany({
        where: { id, status },
        data: { status: 'cancelling', decidedAt: context.now() },
      })
    ).count > 0;
  const isFirst = await claim('waiting');
  // Under way already, or left behind by a crash: booking answers the same to both.
  if (!isFirst && !(await claim('cancelling'))) return answer(context, id, ['cancelled']);
  const giveBack = async () => {
    const { count } = await context.db.driftDecision.updateMany({
      where: { id, status: 'cancelling' },
      data: { status: 'waiting', decidedAt: null },
    });
    // What happened to the event meanwhile was not taken for an answer to this question.
    if (count > 0)
      await context.db.mirror.updateMany({ where: { bookingId, drift: null }, data: { drift: unverified } });
    if (count > 0) await wakeMirror(context.db, bookingId, context.now());
    context.nudge.mirrors();
  };
  const reason = `Its event was ${drift}; the owner decided to cancel.`;
  try {
    const cancelled = await request(context.nats, bookingRequests.cancel, { actor, bookingId, reason });
    if (!cancelled.ok) {
      await giveBack();
      return cancelled;
    }
  } catch (error) {
    await giveBack();
    throw error;
  }
  const now = context.now();
  await transact(context.db, async tx => {
    // The news of the cancellation may have been faster.
    await tx.driftDecision.updateMany({
      where: { id, status: { in: ['cancelling', 'closed'] } },
      data: { status: 'cancelled', decidedAt: now },
    });
    if (isFirst) await announce(tx, context, decision, { outcome: 'cancel', by, now });
  });
  context.nudge.relay();
  return answer(context, id, ['cancelled']);
}

const wakeMirror = (tx: Pick<Transaction, 'mirror'>, bookingId: string, now: Date) =>
  tx.mirror.updateMany({ where: { bookingId }, data: { nextAttemptAt: now, wakes: { increment: 1 }, attempts: 0 } });

async function announce(
  tx: Transaction,
  context: Context,
  { id: decisionId, bookingId, drift }: DriftDecision,
  { outcome, by, now }: { outcome: 'restore' | 'cancel'; by: 'owner' | 'admin'; now: Date },
): Promise<void> {
  const body = { decisionId, bookingId, outcome, by, drift, at: now.toISOString() };
  await writeEvents(tx, context, calendarEvents.driftDecided, [{ aggregateId: bookingId, body }]);
}

/** The decision as it stands by now, if it went as was asked. */
async function answer(context: Context, id: string, asAsked: string[]): Promise<Answer> {
  const decision = await context.db.driftDecision.findUnique({ where: { id } });
  if (decision !== null && asAsked.includes(decision.status)) return ok(viewDecision(decision));
  return refuse('already_decided', alreadyDecided(decision));
}

function alreadyDecided(decision: DriftDecision | null): string {
  switch (decision?.status) {
    case 'restoring':
    case 'restored':
      return 'It was decided to put the event back.';
    case 'cancelling':
    case 'cancelled':
      return 'It was decided to cancel the booking.';
    case 'undone':
      return 'The event was put right in Google: nothing is left to decide.';
    default:
      return 'The booking was cancelled, or its event has moved to another calendar: nothing is left to decide.';
  }
}
