import {
  type Actor,
  calendarEvents,
  type driftDecision,
  mayManage,
  ok,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { Context, Transaction } from '../context.ts';
import { cancelAsDecided } from '../decision-keeper.ts';
import type { DriftDecision } from '../generated/prisma/client.ts';
import { decideToCancel } from '../stores/cancellation-store.ts';
import { viewDecision } from '../stores/decision-store.ts';
import { writeEvents } from '../stores/outbox-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirror } from '../stores/wake-mirrors.ts';

type Answer = Result<z.input<typeof driftDecision>>;

/**
 * An owner decides what follows from a change in Google: the event is put back, or the booking cancelled with everything
 * given back. Whoever decides first decides; to say the same again is answered the same. A cancellation that the booking service
 * cannot do at once is answered as decided, and followed to its end.
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
  return input.decision === 'restore' ? restore(context, known, by) : cancel(context, decisionId, actor);
}

async function restore(context: Context, decision: DriftDecision, by: 'owner' | 'admin'): Promise<Answer> {
  const { id, bookingId } = decision;
  const now = context.now();
  await transact(context.db, async tx => {
    const { count } = await tx.driftDecision.updateMany({
      where: { id, status: 'waiting' },
      data: { status: 'restoring', decidedAt: now, problem: null },
    });
    if (count === 0) return;
    await wakeMirror(tx, bookingId, now);
    await announce(tx, context, decision, { outcome: 'restore', by, now });
  });
  await context.passing('decided to restore, nobody woken');
  context.nudge.relay();
  context.nudge.mirrors();
  return answer(context, id, ['restoring', 'restored']);
}

/** Once this is stored it will be done: what cannot be done at once is carried out by the decision keeper. */
async function cancel(context: Context, id: string, decider: Exclude<Actor, { kind: 'guest' }>): Promise<Answer> {
  const decided = await decideToCancel(context, id, decider);
  const refusal = decided === undefined ? undefined : await cancelAsDecided(context, decided);
  if (refusal !== undefined) return { ok: false, refusal };
  return answer(context, id, ['cancelling', 'cancelled']);
}

async function announce(
  tx: Transaction,
  context: Context,
  { id: decisionId, bookingId, drift }: DriftDecision,
  { outcome, by, now }: { outcome: 'restore'; by: 'owner' | 'admin'; now: Date },
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
