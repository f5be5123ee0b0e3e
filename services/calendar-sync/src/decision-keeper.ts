import { actor, bookingRequests, type Refusal } from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import { fullJitter, startWorker, type Worker } from '@monde-sauvage/service-kit';
import type { Context } from './context.ts';
import type { DriftDecision } from './generated/prisma/client.ts';
import {
  claimCancellation,
  endCancelled,
  findDueCancellations,
  giveBack,
  tryAgain,
} from './stores/cancellation-store.ts';
import { transact } from './stores/transact.ts';
import { wakeOverStays } from './stores/wake-mirrors.ts';

const retryPause = { baseMs: 1_000, capMs: 60_000 };

/** Refusals that say nothing about the booking: it is asked again. */
const passing = new Set<Refusal['code']>(['unavailable', 'internal', 'rate_limited']);

/** Carries out decisions to cancel that were not at once: the booking service was away, or a replica ended in the middle. */
export const startDecisionKeeper = (context: Context): Worker =>
  startWorker({
    name: 'decision-keeper',
    everyMs: context.timing.lookForWorkEveryMs,
    logger: context.logger,
    metrics: context.metrics,
    async run(signal) {
      if ((await wakeOverStays(context)) > 0) context.nudge.mirrors();
      for (const decision of await findDueCancellations(context)) {
        if (signal.aborted) return;
        if (await claimCancellation(context, decision)) await cancelAsDecided(context, decision);
      }
    },
  });

/**
 * Asks the booking service, as who decided, to cancel, so that its rules, refund and audit trail are the usual ones. Safe to
 * repeat: a cancelled booking is answered as it is. What fails for now is tried again; a refusal gives the question back to
 * the owner, with the reason.
 * @returns the refusal, if it was one
 */
export async function cancelAsDecided(context: Context, decision: DriftDecision): Promise<Refusal | undefined> {
  const { bookingId, drift } = decision;
  const by = actor.safeParse(decision.decider);
  if (!by.success) {
    await giveBack(context, decision, 'It is not known any more who decided. Please decide again.');
    return undefined;
  }
  await context.passing('decided to cancel, booking not asked');
  const reason = `Its event was ${drift}; the owner decided to cancel.`.slice(0, 500);
  try {
    const cancelled = await request(context.nats, bookingRequests.cancel, { actor: by.data, bookingId, reason });
    if (!cancelled.ok && passing.has(cancelled.refusal.code)) throw new Error(cancelled.refusal.message);
    if (!cancelled.ok) {
      await giveBack(context, decision, `The booking was not cancelled: ${cancelled.refusal.message}`);
      return cancelled.refusal;
    }
  } catch (error) {
    const waitMs = 500 + fullJitter(decision.attempts, retryPause);
    context.logger.warn({ err: error, bookingId, waitMs }, 'a booking could not be cancelled yet as its owner decided');
    await tryAgain(context, decision, new Date(context.now().getTime() + waitMs));
    return undefined;
  }
  await context.passing('booking cancelled as decided, not noted');
  await transact(context.db, tx => endCancelled(tx, context, bookingId));
  context.nudge.relay();
  return undefined;
}
