import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually, recordingLogger } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import type { PaymentService } from '../src/service.ts';
import { type Stage, setStage } from './support.ts';

const { logger, written } = recordingLogger();
/** Where whoever comes first waits until it may go on. */
const gates = new Map<CrashPoint, { isReached: boolean; opened: PromiseWithResolvers<void> }>();
let stage: Stage;
let other: PaymentService;
beforeAll(async () => {
  stage = await setStage({
    logger,
    async passing(point) {
      const gate = gates.get(point);
      if (gate === undefined || gate.isReached) return;
      gate.isReached = true;
      await gate.opened.promise;
    },
  });
  other = await stage.startReplica();
});
afterAll(async () => {
  await other.drain();
  await stage.close();
});
afterEach(() => {
  stage.stripe.faults.clear();
  for (const { opened } of gates.values()) opened.resolve();
  gates.clear();
});

function holdFirstAt(point: CrashPoint) {
  const gate = { isReached: false, opened: Promise.withResolvers<void>() };
  gates.set(point, gate);
  return { isHeld: () => eventually(() => gate.isReached, { describe: point }), goOn: () => gate.opened.resolve() };
}

const longerThanLease = 121_000;
const asked = () => stage.stripe.calls.count('POST', /^\/v1\/refunds$/);
const refundsAtStripe = (intent: string) =>
  Object.values(stage.stripe.state().refunds).filter(refund => refund.payment_intent === intent);
const refundOf = (bookingId: string) => stage.db.refund.findFirst({ where: { payment: { bookingId } } });

/** Cancels a paid booking, and has a second replica take its refund while the first one still works on it. */
async function cancelAndTakeOver(bookingId: string): Promise<void> {
  await stage.quiet();
  await stage.announce(bookingId, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
  await eventually(async () => (await refundOf(bookingId))?.attempts === 1, { describe: 'the first has it' });
  await eventually(
    async () => {
      stage.stripe.clock.moveBy(longerThanLease);
      for (const replica of [stage.service(), other]) replica.reconcileNow();
      return ((await refundOf(bookingId))?.attempts ?? 0) > 1;
    },
    { describe: 'the second has it' },
  );
}

test('who was away for longer than its lease leaves the refund to who has it now', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const before = asked();
  // The first one waits for what it reads before it refunds, and then the second one is about to make its refund.
  await stage.quiet();
  const first = holdFirstAt('GET /v1/checkout/sessions/:id answered, not noted');
  const second = holdFirstAt('refund about to be made');
  await cancelAndTakeOver(bookingId);
  await first.isHeld();
  await second.isHeld();
  first.goOn();
  await eventually(() => written().includes('refund is not due any more'), { describe: 'the first leaves it' });
  second.goOn();
  await eventually(async () => (await refundOf(bookingId))?.status === 'succeeded', { describe: 'the refund is made' });
  // Both have ended what they had begun.
  await Promise.all([stage.stopService(), other.drain()]);
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 12_000 }]);
  expect(asked() - before).toBe(1);
  await stage.startService();
  other = await stage.startReplica();
});

test('two who are told of one failure of Stripe go on under one new key', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, status: 500, latencyMs: 1_000 });
  await cancelAndTakeOver(bookingId);
  await eventually(
    async () => {
      stage.stripe.clock.moveBy(longerThanLease);
      return (await refundOf(bookingId))?.status === 'succeeded';
    },
    { describe: 'the refund is made' },
  );
  expect(await refundOf(bookingId)).toMatchObject({ keyGeneration: 1 });
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 12_000 }]);
});

test('what was paid twice, and by now is the payment that counts, goes back although Stripe cannot be read just then', async () => {
  const { id, secondId, secondSession, paySecond } = await stage.bookPayableTwice();
  await stage.quiet();
  // Both are to go back, the second one because it was paid twice, the first one as the cancellation says.
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, status: 503, times: 100 });
  paySecond();
  const planned = () => stage.db.refund.findMany({ where: { paymentId: secondId } });
  await eventually(async () => (await planned())[0]?.purpose === 'duplicate', { describe: 'a refund of the second' });
  await stage.announce(id, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
  // Nobody is at them just now, nor for a while.
  const inADay = new Date(stage.stripe.clock.now().getTime() + 86_400_000);
  await stage.db.refund.updateMany({
    where: { payment: { bookingId: id } },
    data: { nextAttemptAt: inADay, attempts: { increment: 1 } },
  });
  await Promise.all([stage.stopService(), other.drain()]);
  await stage.startService();
  other = await stage.startReplica();
  // The owner gives the first one back in the dashboard: what was the second is now the only one that holds money.
  stage.stripe.refunds.create({ payment_intent: String((await stage.payments(id))[0]?.paymentIntentId) });
  await eventually(async () => (await stage.payments(id))[0]?.status === 'refunded', { describe: 'the first is back' });
  await stage.quiet();
  expect(await planned()).toMatchObject([{ purpose: 'duplicate', status: 'requested' }]);
  const sessionOfSecond = `^/v1/checkout/sessions/${secondSession}`;
  // Read once before it is fitted; then not for a while.
  stage.stripe.faults.clear();
  stage.stripe.faults.add({ match: { method: 'GET', path: sessionOfSecond }, skip: 1, status: 503, times: 6 });
  stage.stripe.clock.moveBy(86_400_000);
  await eventually(
    async () => {
      for (const replica of [stage.service(), other]) replica.reconcileNow();
      stage.stripe.clock.moveBy(longerThanLease);
      return (await stage.payments(id))[1]?.status === 'refunded';
    },
    { describe: 'the second is back' },
  );
  expect(refundsAtStripe(String((await stage.payments(id))[1]?.paymentIntentId))).toMatchObject([{ amount: 12_000 }]);
  expect(await planned()).toMatchObject([{ purpose: 'cancellation', status: 'succeeded' }]);
});
