import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());
afterEach(() => {
  stage.stripe.faults.clear();
  stage.stripe.expansion.limit(4);
});

async function paidBooking(): Promise<{ bookingId: string; intent: string }> {
  const { id } = stage.book();
  expect(await stage.checkout(id)).toMatchObject({ ok: true });
  const [payment] = await stage.payments(id);
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  await told(id, 'payment.succeeded');
  await stage.announce(id, { status: 'confirmed', confirmedAt: new Date().toISOString() });
  const [paid] = await stage.payments(id);
  return { bookingId: id, intent: String(paid?.paymentIntentId) };
}

const told = (bookingId: string, subject: string) =>
  eventually(() => stage.subjectsOf(bookingId).includes(subject), { describe: subject });

const refundsAtStripe = (intent: string) =>
  Object.values(stage.stripe.state().refunds).filter(refund => refund.payment_intent === intent);

const cancel = (bookingId: string, refundPercentage: number | null) =>
  stage.announce(bookingId, { status: 'cancelled', cancelReason: 'guest', refundPercentage });

test('a cancellation gives back its share, once, however often it is announced', async () => {
  const { bookingId, intent } = await paidBooking();
  await cancel(bookingId, 50);
  await cancel(bookingId, 50);
  await told(bookingId, 'payment.refunded');
  await cancel(bookingId, 50);
  await stage.quiet();
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 6_000, reason: 'requested_by_customer' }]);
  expect(stage.factsOf(bookingId).at(-1)).toMatchObject({
    subject: 'payment.refunded',
    body: { status: 'partially_refunded', amountPaid: 12_000, amountRefunded: 6_000 },
  });
  expect(stage.subjectsOf(bookingId)).toEqual(['payment.succeeded', 'payment.refunded']);
});

test('a cancellation without a decision about the money gives nothing back, until there is one', async () => {
  const { bookingId, intent } = await paidBooking();
  await cancel(bookingId, null);
  expect(await stage.db.refund.count({ where: { payment: { bookingId } } })).toBe(0);
  await cancel(bookingId, 100);
  await told(bookingId, 'payment.refunded');
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 12_000 }]);
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'refunded', amountRefunded: 12_000 }]);
});

test('a cancellation that gives nothing back gives nothing back', async () => {
  const { bookingId } = await paidBooking();
  await cancel(bookingId, 0);
  expect(await stage.db.refund.count({ where: { payment: { bookingId } } })).toBe(0);
});

test('money that comes in after the cancellation goes back by the same rule', async () => {
  const { id } = stage.book();
  await stage.checkout(id);
  const [payment] = await stage.payments(id);
  stage.stripe.webhooks.pause();
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  await cancel(id, 100);
  stage.stripe.webhooks.resume();
  await told(id, 'payment.refunded');
  await stage.quiet();
  // A person hears of the guest who paid for nothing; the flag goes with the money.
  expect(stage.subjectsOf(id)).toEqual(['payment.succeeded', 'payment.needs_review', 'payment.refunded']);
  expect(await stage.payments(id)).toMatchObject([{ needsReview: false, amountRefunded: 12_000 }]);
});

test.each([
  ["Stripe's answer is lost", { loseResponse: 'after', times: 3 } as const],
  ['Stripe fails after doing it', { status: 500, applied: true, times: 1 } as const],
  ['Stripe fails before doing it', { status: 500, times: 2 } as const],
])('a refund is made once when %s', async (_what, fault) => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, ...fault });
  await cancel(bookingId, 100);
  await eventually(
    async () => (await stage.db.refund.count({ where: { status: 'succeeded', payment: { bookingId } } })) === 1,
    {
      describe: 'the refund has succeeded',
    },
  );
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 12_000 }]);
});

test('a refund that was made is not taken for refused when Stripe then refuses to show the payment', async () => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.webhooks.pause();
  stage.stripe.faults.add({
    match: { method: 'GET', path: '^/v1/checkout/sessions/' },
    skip: 1,
    status: 400,
    times: 1,
  });
  await cancel(bookingId, 100);
  await told(bookingId, 'payment.refunded');
  stage.stripe.webhooks.resume();
  expect(refundsAtStripe(intent)).toHaveLength(1);
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'refunded', needsReview: false }]);
});

test('a refund that Stripe holds is followed to its end, and a failed one is put before a person', async () => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.refunds.holdNext(1);
  await cancel(bookingId, 100);
  await told(bookingId, 'payment.refunded');
  await eventually(
    async () => (await stage.db.refund.count({ where: { status: 'pending', payment: { bookingId } } })) === 1,
  );
  stage.stripe.refunds.settle(String(refundsAtStripe(intent)[0]?.id), 'failed', 'lost_or_stolen_card');
  const payment = await eventually(async () => (await stage.payments(bookingId)).find(one => one.needsReview));
  expect(payment).toMatchObject({ amountRefunded: 0, reason: expect.stringContaining('lost_or_stolen_card') });
  await told(bookingId, 'payment.needs_review');
  expect(await stage.db.refund.findMany({ where: { payment: { bookingId } } })).toMatchObject([
    { status: 'failed', lastError: 'lost_or_stolen_card' },
  ]);
});

test("a refund made in Stripe's dashboard is recorded and counted", async () => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.refunds.create({ payment_intent: intent, amount: 2_000 });
  await told(bookingId, 'payment.refunded');
  await cancel(bookingId, 50);
  await eventually(() => refundsAtStripe(intent).length === 2);
  await stage.quiet();
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'partially_refunded', amountRefunded: 6_000 }]);
});

test('a refund gives back no more than remains when nobody told of the one in the dashboard yet', async () => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.webhooks.pause();
  stage.stripe.refunds.create({ payment_intent: intent, amount: 2_000 });
  await cancel(bookingId, 100);
  await eventually(() => refundsAtStripe(intent).length === 2);
  stage.stripe.webhooks.resume();
  await stage.quiet();
  expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([2_000, 10_000]);
  const [payment] = await stage.payments(bookingId);
  expect(payment).toMatchObject({ status: 'refunded', amountRefunded: 12_000, needsReview: false });
});

test('a refund that Stripe refuses is put before a person, who is told why', async () => {
  const { bookingId } = await paidBooking();
  const refusal = { status: 400, message: 'Insufficient funds', code: 'balance_insufficient' };
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, ...refusal });
  await cancel(bookingId, 100);
  await told(bookingId, 'payment.needs_review');
  expect(stage.factsOf(bookingId).at(-1)?.body).toMatchObject({
    status: 'succeeded',
    reason: expect.stringMatching(/^refund_refused.*balance_insufficient/),
  });
});

test('a refund that is refused because some went back in that moment gives back the rest', async () => {
  const { bookingId, intent } = await paidBooking();
  await stage.quiet();
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, latencyMs: 1_000 });
  await cancel(bookingId, 100);
  await eventually(() => stage.stripe.faults.list().length === 0, { describe: 'the refund is under way' });
  stage.stripe.refunds.create({ payment_intent: intent, amount: 5_000 });
  await eventually(async () => (await stage.payments(bookingId))[0]?.status === 'refunded', {
    describe: 'all is back',
  });
  expect(
    refundsAtStripe(intent)
      .map(({ amount }) => amount)
      .sort(),
  ).toEqual([5_000, 7_000]);
  expect(await stage.payments(bookingId)).toMatchObject([{ needsReview: false, reason: null }]);
});

test('a refund that went back in the dashboard already is not made', async () => {
  const { bookingId, intent } = await paidBooking();
  stage.stripe.webhooks.pause();
  stage.stripe.refunds.create({ payment_intent: intent });
  await cancel(bookingId, 100);
  await told(bookingId, 'payment.refunded');
  stage.stripe.webhooks.resume();
  await stage.quiet();
  await eventually(async () => (await stage.db.refund.count({ where: { nextAttemptAt: { not: null } } })) === 0);
  expect(refundsAtStripe(intent)).toHaveLength(1);
  expect(await stage.db.refund.findMany({ where: { payment: { bookingId } } })).toMatchObject([
    { purpose: 'external', status: 'succeeded', amount: 12_000 },
  ]);
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'refunded', needsReview: false }]);
});

describe.each([0, 1])('when Stripe expands its answers by %i levels', levels => {
  beforeEach(() => stage.stripe.expansion.limit(levels));

  test('refunds made in the dashboard and here are recorded and summed', async () => {
    const { bookingId, intent } = await paidBooking();
    expect(await stage.payments(bookingId)).toMatchObject([{ chargeId: expect.any(String), paidAt: expect.any(Date) }]);
    stage.stripe.refunds.create({ payment_intent: intent, amount: 2_000 });
    await eventually(async () => (await stage.payments(bookingId))[0]?.amountRefunded === 2_000);
    await cancel(bookingId, 100);
    await eventually(async () => (await stage.payments(bookingId))[0]?.status === 'refunded');
    expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([2_000, 10_000]);
    expect(await stage.db.refund.count({ where: { status: 'succeeded', payment: { bookingId } } })).toBe(2);
  });

  test('a slow payment that fails is told, with why', async () => {
    const { id } = stage.book();
    await stage.checkout(id);
    const [payment] = await stage.payments(id);
    const session = String(payment?.checkoutSessionId);
    stage.stripe.sessions.pay(session, 'delayed');
    await stage.quiet();
    expect(await stage.payments(id)).toMatchObject([{ status: 'open', sessionStatus: 'complete' }]);
    stage.stripe.sessions.settle(session, 'failed');
    await told(id, 'payment.failed');
  });

  test('a dispute is told', async () => {
    const { bookingId, intent } = await paidBooking();
    stage.stripe.disputes.create({ payment_intent: intent });
    await told(bookingId, 'payment.disputed');
  });
});

test('two replicas make one refund', async () => {
  const replica = await stage.startReplica();
  const paid = await Promise.all(Array.from({ length: 4 }, paidBooking));
  await Promise.all(paid.map(({ bookingId }) => cancel(bookingId, 100)));
  await Promise.all(paid.map(({ bookingId }) => told(bookingId, 'payment.refunded')));
  await stage.quiet();
  for (const { bookingId, intent } of paid) {
    expect(refundsAtStripe(intent)).toMatchObject([{ amount: 12_000 }]);
    expect(stage.subjectsOf(bookingId)).toEqual(['payment.succeeded', 'payment.refunded']);
  }
  await replica.drain();
});

test('a booking that was paid twice gets the later payment back in full', async () => {
  const { id, paySecond } = await stage.bookPayableTwice();
  paySecond();
  await told(id, 'payment.refunded');
  expect(await stage.payments(id)).toMatchObject([
    { status: 'succeeded', amountRefunded: 0 },
    { status: 'refunded', amountRefunded: 12_000, reason: 'duplicate_payment' },
  ]);
});

test('a dispute is told and stops refunds; once won the cancellation is made good', async () => {
  const { bookingId, intent } = await paidBooking();
  const dispute = stage.stripe.disputes.create({ payment_intent: intent });
  await told(bookingId, 'payment.disputed');
  await cancel(bookingId, 100);
  expect(await stage.db.refund.count({ where: { payment: { bookingId } } })).toBe(0);
  stage.stripe.disputes.close(dispute.id, 'won');
  await told(bookingId, 'payment.refunded');
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'refunded', needsReview: false }]);
});
