import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { BookingSnapshot } from '@monde-sauvage/contracts';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import { readConfig } from '../src/config.ts';
import { createPaymentService } from '../src/service.ts';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());
afterEach(() => {
  stage.stripe.goUp();
  stage.stripe.faults.clear();
});

const minute = 60_000;
const refundPath = { method: 'POST', path: '^/v1/refunds$' };
const insufficient = { status: 400, message: 'Insufficient funds', code: 'balance_insufficient' };

/** Minutes pass and everything that is due by then is done, until it is so. */
const inMinutes = (describe: string, isSo: () => Promise<boolean> | boolean, stepMs = 121_000) =>
  eventually(
    async () => {
      if (await isSo()) return true;
      stage.stripe.clock.moveBy(stepMs);
      stage.service().reconcileNow();
      return false;
    },
    { describe },
  );

const told = (bookingId: string, subject: string, times = 1) =>
  eventually(() => stage.subjectsOf(bookingId).filter(one => one === subject).length === times, { describe: subject });
const paymentOf = async (bookingId: string, index = 0) => (await stage.payments(bookingId))[index];
const cancelled = (refundPercentage: number): Partial<BookingSnapshot> => ({
  status: 'cancelled',
  cancelReason: 'guest',
  cancelledAt: new Date(stage.stripe.clock.now().getTime() + 5_000).toISOString(),
  refundPercentage,
});

/** 3000 go back in Stripe's dashboard half an hour before the service starts again, and nobody tells it. */
async function refundUnheard(intent: string): Promise<void> {
  await stage.quiet();
  await stage.stopService();
  stage.stripe.webhooks.configure({ url: `${stage.webhookUrl}/elsewhere` });
  stage.stripe.refunds.create({ payment_intent: intent, amount: 3_000 });
  await stage.stripe.webhooks.quiet();
  stage.stripe.webhooks.configure({ url: stage.webhookUrl });
  stage.stripe.clock.moveBy(30 * minute);
}

test('a cancellation that is only learned of by asking booking about money gives back what it says', async () => {
  const { bookingId, booking, intent } = await stage.bookPaid();
  await stage.quiet();
  // Both of the events of booking are lost: that of what it heard of the refund, and that of the cancellation.
  stage.bookings.set(bookingId, { ...booking, ...cancelled(100), version: booking.version + 1 });
  stage.stripe.refunds.create({ payment_intent: intent, amount: 100 });
  await told(bookingId, 'payment.refunded');
  await inMinutes('the copy says that it is cancelled', async () => {
    return (await stage.db.booking.findUniqueOrThrow({ where: { id: bookingId } })).status === 'cancelled';
  });
  await inMinutes('the rest is back', async () => (await paymentOf(bookingId))?.status === 'refunded');
});

test('what differs from Stripe and could not be read just then is read later', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  await refundUnheard(intent);
  stage.stripe.faults.add({ match: { method: 'GET', path: '^/v1/checkout/sessions/' }, status: 503, times: 3 });
  await stage.startService();
  await eventually(() => stage.stripe.faults.list().length === 0, { describe: 'Stripe could not be read' });
  await inMinutes('it is known', async () => (await paymentOf(bookingId))?.amountRefunded === 3_000);
});

test('what a person resolved goes back although Stripe is away just then and booking says something', async () => {
  const { id, secondId, paySecond } = await stage.bookPayableTwice();
  await stage.announce(id, { status: 'confirmed', confirmedAt: new Date().toISOString() });
  stage.stripe.faults.add({ match: refundPath, status: 503, times: 1_000 });
  paySecond();
  await told(id, 'payment.succeeded', 2);
  const intent = String((await paymentOf(id, 1))?.paymentIntentId);
  const dispute = stage.stripe.disputes.create({ payment_intent: intent, amount: 2_000 });
  stage.stripe.disputes.close(dispute.id, 'lost');
  await eventually(async () => (await paymentOf(id, 1))?.reason === 'dispute_lost', { describe: 'lost' });
  const planned = () => stage.db.refund.count({ where: { paymentId: secondId } });
  await inMinutes('nothing is planned of what a bank took a part of', async () => (await planned()) === 0);
  await stage.quiet();
  stage.stripe.faults.clear();
  stage.stripe.goDown();
  expect(await stage.resolve(secondId, 'written off')).toMatchObject({ ok: true });
  await eventually(async () => (await paymentOf(id, 1))?.lastError !== null, { describe: 'could not be looked at' });
  await stage.announce(id, {});
  stage.stripe.goUp();
  await inMinutes('the rest is planned to go back', async () => (await planned()) === 1);
  // No other test meets it.
  const requested = () => stage.db.refund.count({ where: { status: 'requested' } });
  await inMinutes('it is made, or refused', async () => (await requested()) === 0);
});

test('a refund that Stripe refused stays before a person when the owner gives a little back', async () => {
  const { bookingId } = await stage.bookPaid();
  stage.stripe.faults.add({ match: refundPath, ...insufficient, times: 1 });
  await stage.announce(bookingId, cancelled(50));
  await told(bookingId, 'payment.needs_review');
  expect(await stage.refund(bookingId, { refund: { amount: 100 } })).toMatchObject({ ok: true });
  await told(bookingId, 'payment.refunded');
  await stage.quiet();
  // 5900 of the 6000 are still due to the guest, and nothing will give them back by itself.
  expect(await stage.payments(bookingId)).toMatchObject([{ amountRefunded: 100, needsReview: true }]);
});

test('a refund that Stripe refused stays before a person after an inquiry of the bank that came to nothing', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.faults.add({ match: refundPath, ...insufficient, times: 1 });
  await stage.announce(bookingId, cancelled(50));
  await told(bookingId, 'payment.needs_review');
  const inquiry = stage.stripe.disputes.create({ payment_intent: intent, kind: 'inquiry' });
  await told(bookingId, 'payment.disputed');
  stage.stripe.disputes.close(inquiry.id, 'warning_closed');
  await told(bookingId, 'payment.disputed', 2);
  await stage.quiet();
  expect(await stage.payments(bookingId)).toMatchObject([{ amountRefunded: 0, needsReview: true }]);
});

test('once the refused refund of the balance was made by hand, that of the deposit goes back too', async () => {
  const schedule = [
    { purpose: 'deposit' as const, amount: 3_600, dueDate: null },
    { purpose: 'balance' as const, amount: 8_400, dueDate: '2030-01-01' },
  ];
  const price = { currency: 'CAD', total: 12_000, lines: [{ label: '2 nuits', amount: 12_000 }], schedule };
  const { bookingId } = await stage.bookPaid({ price });
  await stage.checkout(bookingId);
  stage.stripe.clock.moveBy(1_000);
  stage.stripe.sessions.pay(String((await paymentOf(bookingId, 1))?.checkoutSessionId));
  await told(bookingId, 'payment.succeeded', 2);
  const [deposit, balance] = await stage.payments(bookingId);
  await stage.quiet();
  stage.stripe.faults.add({ match: refundPath, status: 503, times: 1_000 });
  await stage.announce(bookingId, cancelled(100));
  const ofDeposit = { paymentId: String(deposit?.id) };
  await eventually(
    async () => (await stage.db.refund.count({ where: { payment: { bookingId }, lastError: { not: null } } })) === 2,
  );
  // The deposit's next try is later than the balance's, as jitter has it.
  await stage.db.refund.updateMany({
    where: ofDeposit,
    data: { nextAttemptAt: new Date(stage.stripe.clock.now().getTime() + 10 * minute), attempts: { increment: 1 } },
  });
  stage.stripe.faults.clear();
  stage.stripe.faults.add({ match: refundPath, ...insufficient, times: 1_000 });
  await inMinutes('refused', () => stage.subjectsOf(bookingId).includes('payment.needs_review'), 10_000);
  stage.stripe.faults.clear();
  await inMinutes('the deposit waits for it', async () => (await stage.db.refund.count({ where: ofDeposit })) === 0);
  // docs/operations.md: refund again, then `resolve`.
  stage.stripe.refunds.create({ payment_intent: String(balance?.paymentIntentId) });
  await eventually(async () => (await paymentOf(bookingId, 1))?.status === 'refunded');
  await stage.resolve(String(balance?.id), 'made in the dashboard');
  await inMinutes('the deposit is back', async () => (await paymentOf(bookingId))?.status === 'refunded');
});

test('a dispute comes before a person although one has dealt with a refund that failed on the same payment', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.refunds.holdNext(1);
  expect(await stage.refund(bookingId, { refund: { amount: 3_000 } })).toMatchObject({ ok: true });
  await told(bookingId, 'payment.refunded');
  const made = Object.values(stage.stripe.state().refunds).find(refund => refund.payment_intent === intent);
  stage.stripe.refunds.settle(String(made?.id), 'failed', 'lost_or_stolen_card');
  await eventually(async () => (await paymentOf(bookingId))?.needsReview === true, { describe: 'in review' });
  expect(await stage.resolve(String((await paymentOf(bookingId))?.id), 'paid by hand')).toMatchObject({ ok: true });
  await stage.quiet();
  const dispute = stage.stripe.disputes.create({ payment_intent: intent });
  await told(bookingId, 'payment.disputed');
  await stage.quiet();
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'disputed', needsReview: true }]);
  stage.stripe.disputes.close(dispute.id, 'lost');
  await told(bookingId, 'payment.disputed', 2);
  await stage.quiet();
  const { id } = (await paymentOf(bookingId)) ?? { id: '' };
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'disputed', needsReview: true }]);
  // And it is over once somebody says so.
  expect(await stage.resolve(id, 'written off')).toMatchObject({ ok: true });
  await eventually(async () => (await paymentOf(bookingId))?.nextCheckAt === null);
  expect(await stage.payments(bookingId)).toMatchObject([{ needsReview: false }]);
});

test('what one look at Stripe could not read to its end is not taken for read', async () => {
  const known = await stage.bookPaid();
  const { bookingId, intent } = await stage.bookPaid();
  const one = stage.stripe.refunds.create({ payment_intent: known.intent, amount: 100 });
  await told(known.bookingId, 'payment.refunded');
  await refundUnheard(intent);
  const { stripeClient } = stage;
  let looks = 0;
  async function* manyNewer(list: AsyncIterable<unknown>) {
    for (let count = 0; count < 5_000; count += 1) yield one;
    yield* list;
  }
  const refunds = Object.assign(Object.create(stripeClient.refunds), {
    list(params: { created?: object }, ...rest: []) {
      const list = stripeClient.refunds.list(params as never, ...rest);
      if (!params.created) return list;
      looks += 1;
      return looks === 1 ? manyNewer(list) : list;
    },
  });
  const replica = await createPaymentService(
    readConfig({
      ...stage.servers,
      ...{ PORT: '0', HOST: '127.0.0.1', STRIPE_SECRET_KEY: 'sk_test', STRIPE_WEBHOOK_SECRET: 'whsec_of_the_test' },
    }),
    {
      now: stage.stripe.clock.now,
      logger: silentLogger,
      stripe: Object.assign(Object.create(stripeClient), { refunds }),
    },
  );
  await replica.start();
  await eventually(() => looks === 1, { describe: 'looked once' });
  await eventually(
    async () => {
      if ((await paymentOf(bookingId))?.amountRefunded === 3_000) return true;
      stage.stripe.clock.moveBy(121_000);
      replica.reconcileNow();
      return false;
    },
    { describe: 'it is known' },
  ).finally(async () => {
    await replica.drain();
    await stage.startService();
  });
});
