import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPropertyRun, runSequences, untilQuiet } from '@monde-sauvage/testkit';
import { crashPoints } from '../../services/payment/src/crash-points.ts';
import { findWork, judge, mismatched } from './judge.ts';
import { book, goesOnBy, type PlayedBooking, play } from './play.ts';
import { describeSequence, type Sequence, sequences } from './sequences.ts';
import { createMoneyWorld, type MoneyWorld } from './world.ts';

/** Two minutes on two cores that have nothing else to do. */
const patience = 1_800_000;
/** In each npm test. */
const usualCount = 200;
/** So many reach every crash point, however the bookings meet. */
const enoughForEveryPoint = 500;
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
  for (const [index, ms] of goesOnBy.entries()) {
    await Promise.all(
      batch.map(async (sequence, which) => {
        const booking = bookings[which];
        for (const action of sequence.times[index] ?? []) if (booking) await play(world, booking, action);
      }),
    );
    stripe.webhooks.resume();
    stripe.clock.moveBy(ms);
    await world.nudge();
  }
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
    // Whoever looks at what came in a wrong amount gives it back in the dashboard.
    for (const { intent } of wrong) stripe.refunds.create({ payment_intent: intent });
    await stripe.webhooks.quiet();
    await untilQuiet(() => findWork(world), { timeoutMs: 300_000 });
  }
  return judge(
    world,
    bookings.map(booking => booking.id),
  );
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
    process.stdout.write(
      `money: crashed at ${[...struck].map(([point, times]) => `"${point}" ${times}×`).join(', ')}\n`,
    );
    if (run.count >= enoughForEveryPoint) expect(crashPoints.filter(point => !struck.has(point))).toEqual([]);
  },
  patience,
);
