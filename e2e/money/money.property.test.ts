import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPropertyRun, runSequences, untilQuiet } from '@monde-sauvage/testkit';
import { crashPoints, stripeCalls } from '../../services/payment/src/crash-points.ts';
import { countEndings } from './endings.ts';
import { findWork, judge, letMinutesPass, mismatched } from './judge.ts';
import { book, goesOnBy, type PlayedBooking, play } from './play.ts';
import { describeSequence, type Sequence, sequences } from './sequences.ts';
import { createMoneyWorld, type MoneyWorld } from './world.ts';

/** Some two and a half minutes on two cores that have nothing else to do. */
const patience = 1_800_000;
/** In each npm test; so many reach every crash point several times, however the bookings meet. */
const usualCount = 500;
const run = readPropertyRun(process.env, { count: usualCount });

let world: MoneyWorld;
beforeAll(async () => {
  world = await createMoneyWorld();
}, patience);
afterAll(() => world?.close(), patience);

/** All bookings of a batch live through the same times; within each, every booking at its own pace. */
async function runBatch(batch: readonly Sequence[]) {
  const { stripe, crashes } = world;
  const bookings: PlayedBooking[] = [];
  while (bookings.length < batch.length) {
    const next = batch.slice(bookings.length, bookings.length + 10);
    bookings.push(...(await Promise.all(next.map(sequence => book(world, sequence)))));
  }
  const act = (index: number, pace: Sequence['pace']) =>
    Promise.all(
      batch.map(async (sequence, which) => {
        const booking = bookings[which];
        if (booking === undefined || sequence.pace !== pace) return;
        for (const action of sequence.times[index] ?? []) await play(world, booking, action);
      }),
    );
  for (const [index, ms] of goesOnBy.entries()) {
    await act(index, 'in haste');
    await letMinutesPass(world);
    await act(index, 'with leisure');
    stripe.webhooks.resume();
    stripe.expansion.limit(wholeAnswers);
    await world.goOnBy(ms);
    await world.nudge();
  }
  await letMinutesPass(world);
  crashes.disarm();
  stripe.faults.clear();
  stripe.webhooks.dropNext(0);
  stripe.webhooks.duplicateNext(0);
  stripe.webhooks.releaseHeld();
  stripe.refunds.holdNext(0);
  // What waits at a bank comes to its end, and slow payments too.
  const { refunds, sessions } = stripe.state();
  for (const [index, refund] of Object.values(refunds).entries()) {
    if (refund.status === 'pending') stripe.refunds.settle(refund.id, index % 3 === 0 ? 'failed' : 'succeeded');
  }
  for (const { session } of Object.values(sessions)) {
    if (session.status === 'complete' && session.payment_status === 'unpaid') settleSlow(session.id);
  }
  await stripe.webhooks.quiet();
  await untilQuiet(() => findWork(world), { timeoutMs: 300_000 });
  const wrong = await mismatched(world);
  if (wrong.length > 0) {
    for (const { intent } of wrong) giveBack(intent);
    await stripe.webhooks.quiet();
    await untilQuiet(() => findWork(world), { timeoutMs: 300_000 });
  }
  return judge(
    world,
    bookings.map(booking => booking.id),
  );
}

/** As deep as Stripe expands what an answer names. */
const wholeAnswers = 4;

/** Whoever looks at what came in a wrong amount gives it back in the dashboard, unless a bank takes it. */
function giveBack(intent: string): void {
  const { disputes, paymentIntents } = world.stripe.state();
  const charge = paymentIntents[intent]?.latest_charge;
  for (const { id, status } of Object.values(disputes).filter(dispute => dispute.charge === charge)) {
    if (status.startsWith('warning_') && status !== 'warning_closed') world.stripe.disputes.close(id, 'warning_closed');
    if (status === 'needs_response' || status === 'under_review') world.stripe.disputes.close(id, 'lost');
  }
  try {
    world.stripe.refunds.create({ payment_intent: intent });
  } catch {
    // Nothing of it is left.
  }
}

/** One that failed already stays as it is. */
function settleSlow(session: string): void {
  try {
    world.stripe.sessions.settle(session, 'succeeded');
  } catch {
    // Not under way any more.
  }
}

test(
  'whatever happens in whatever order, money matches in the end, to the cent',
  async () => {
    process.stdout.write(`money: ${run.count} sequences, PROPERTY_SEED=${run.seed}\n`);
    await runSequences(
      {
        name: 'money matches',
        sequence: sequences,
        describe: describeSequence,
        runBatch,
        batchSize: 100,
        shrinkForMs: 120_000,
      },
      run,
    );
    const { struck } = world.crashes;
    const times = crashPoints.map(point => `"${point}" ${struck.get(point) ?? 0}×`);
    process.stdout.write(`money: crashed at ${times.join(', ')}\n`);
    const endings = await countEndings(world);
    process.stdout.write(
      `money: came to ${[...endings].map(([ending, times]) => `"${ending}" ${times}×`).join(', ')}\n`,
    );
    // A call that the list does not name is one that nothing crashes after.
    const known = new Set<string>(stripeCalls);
    expect(Object.keys(world.stripe.calls.counts()).filter(call => !known.has(call))).toEqual([]);
    // A point that nothing reaches is not tested.
    if (run.count < usualCount) return;
    expect(crashPoints.filter(point => !struck.has(point))).toEqual([]);
    expect([...endings].filter(([, times]) => times === 0)).toEqual([]);
  },
  patience,
);
