import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { ownerOf, type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());
afterEach(() => stage.stripe.faults.clear());

const refundsAtStripe = (intent: string) =>
  Object.values(stage.stripe.state().refunds).filter(refund => refund.payment_intent === intent);

const cancel = (bookingId: string, refundPercentage: number) =>
  stage.announce(bookingId, {
    status: 'cancelled',
    cancelReason: 'guest',
    cancelledAt: new Date(stage.stripe.clock.now().getTime() + 60_000).toISOString(),
    refundPercentage,
  });

async function refundsOf(bookingId: string) {
  const answer = await stage.refunds(bookingId);
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value.items;
}

const succeeded = (bookingId: string, count: number) =>
  eventually(async () => (await refundsOf(bookingId)).filter(one => one.status === 'succeeded').length === count, {
    describe: `${count} refunds have succeeded`,
  });

test('an owner gives a part back and sees how far it is', async () => {
  const { bookingId, booking, intent } = await stage.bookPaid();
  const actor = ownerOf(booking.establishmentId);
  const asked = await stage.refund(bookingId, { actor, refund: { amount: 2_500, reason: 'no sauna' } });
  expect(asked).toMatchObject({
    ok: true,
    value: { purpose: 'owner', amount: 2_500, currency: 'CAD', status: 'requested', reason: 'no sauna' },
  });
  await succeeded(bookingId, 1);
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 2_500, reason: 'requested_by_customer' }]);
  const [shown] = await refundsOf(bookingId);
  expect(shown).toMatchObject({ id: asked.ok && asked.value.id, parts: [{ amount: 2_500, status: 'succeeded' }] });
  expect(await stage.refunds(bookingId, { kind: 'guest', bookingId })).toMatchObject({
    value: { items: [{ amount: 2_500, reason: null }] },
  });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.refunded'));
  expect(stage.factsOf(bookingId).at(-1)?.body.bookingMoney).toMatchObject({
    amountPaid: 12_000,
    amountRefunded: 2_500,
  });
});

test('two who give everything back at the same time, on two replicas, give it back once', async () => {
  const replica = await stage.startReplica();
  const paid = await Promise.all(Array.from({ length: 6 }, () => stage.bookPaid()));
  for (const { bookingId } of paid) {
    const answers = await Promise.all([stage.refund(bookingId), stage.refund(bookingId), stage.refund(bookingId)]);
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    for (const answer of answers.filter(one => !one.ok)) {
      expect(answer).toMatchObject({ refusal: { code: 'nothing_to_refund' } });
    }
  }
  for (const { bookingId, intent } of paid) {
    await succeeded(bookingId, 1);
    expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([12_000]);
  }
  await replica.drain();
});

test('parts asked for at the same time never add up to more than was paid', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => stage.refund(bookingId, { refund: { amount: 5_000 } })),
  );
  expect(answers.filter(answer => answer.ok)).toHaveLength(2);
  for (const answer of answers.filter(one => !one.ok)) {
    expect(answer).toMatchObject({
      refusal: { code: 'amount_exceeds_remaining', message: 'At most 20.00 CAD is left to give back.' },
    });
  }
  await succeeded(bookingId, 2);
  expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([5_000, 5_000]);
});

test('the same key gives the same refund, another body under it is refused', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const ask = (amount: number) => stage.refund(bookingId, { refund: { amount }, idempotencyKey: 'k-1' });
  const [first, again] = await Promise.all([ask(1_000), ask(1_000)]);
  expect(first).toMatchObject({ ok: true });
  expect(again.ok && again.value.id).toBe(first.ok && first.value.id);
  expect(await ask(2_000)).toMatchObject({ ok: false, refusal: { code: 'idempotency_key_reused' } });
  await succeeded(bookingId, 1);
  expect(refundsAtStripe(intent)).toHaveLength(1);
});

test('what was not paid, or is of somebody else, is not given back', async () => {
  const unpaid = stage.book();
  expect(await stage.refund(unpaid.id)).toMatchObject({ refusal: { code: 'nothing_to_refund' } });
  await stage.checkout(unpaid.id);
  expect(await stage.refund(unpaid.id)).toMatchObject({ refusal: { code: 'nothing_to_refund' } });
  const { bookingId } = await stage.bookPaid();
  for (const actor of [ownerOf(newId()), { kind: 'guest', bookingId } as const]) {
    expect(await stage.refund(bookingId, { actor })).toMatchObject({ refusal: { code: 'not_found' } });
  }
  expect(await stage.refund(newId())).toMatchObject({ refusal: { code: 'not_found' } });
  expect(await stage.refunds(bookingId, ownerOf(newId()))).toMatchObject({ refusal: { code: 'not_found' } });
});

test('a cancellation gives back what its policy says, less what the owner gave already', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  await stage.refund(bookingId, { refund: { amount: 4_000 } });
  await cancel(bookingId, 50);
  await succeeded(bookingId, 2);
  expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([4_000, 2_000]);
  expect(await stage.refund(bookingId, { refund: { amount: 6_001 } })).toMatchObject({
    refusal: { code: 'amount_exceeds_remaining' },
  });
  expect(await stage.refund(bookingId)).toMatchObject({ ok: true, value: { amount: 6_000 } });
  await succeeded(bookingId, 3);
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'refunded', amountRefunded: 12_000 }]);
});

test('a refund in the dashboard that nobody told of yet counts', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.webhooks.pause();
  stage.stripe.refunds.create({ payment_intent: intent, amount: 9_000 });
  expect(await stage.refund(bookingId, { refund: { amount: 3_001 } })).toMatchObject({
    refusal: { code: 'amount_exceeds_remaining' },
  });
  stage.stripe.webhooks.resume();
});

test('while Stripe is away a refund is taken, and made when it is back', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.goDown();
  expect(await stage.refund(bookingId, { refund: { amount: 500 } })).toMatchObject({
    ok: true,
    value: { status: 'requested' },
  });
  stage.stripe.goUp();
  await succeeded(bookingId, 1);
  expect(refundsAtStripe(intent)).toMatchObject([{ amount: 500 }]);
});

test('an owner refund for which too little is left by the time it is made fails, and says so', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.goDown();
  await stage.refund(bookingId, { refund: { amount: 5_000 } });
  stage.stripe.refunds.create({ payment_intent: intent, amount: 8_000 });
  stage.stripe.goUp();
  const failed = await eventually(async () =>
    (await refundsOf(bookingId)).find(one => one.purpose === 'owner' && one.status === 'failed'),
  );
  expect(failed).toMatchObject({ failureReason: 'only 4000 CAD is left to give back' });
  expect(refundsAtStripe(intent).map(refund => refund.amount)).toEqual([8_000]);
});

test('a refund that fails at the bank is shown, put before a person, and can be asked for again', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.refunds.holdNext(1);
  await stage.refund(bookingId, { refund: { amount: 7_000 } });
  await eventually(async () => (await refundsOf(bookingId))[0]?.status === 'pending');
  stage.stripe.refunds.settle(String(refundsAtStripe(intent)[0]?.id), 'failed', 'expired_or_canceled_card');
  await eventually(async () => (await stage.payments(bookingId))[0]?.needsReview === true);
  expect(await refundsOf(bookingId)).toMatchObject([{ status: 'failed', failureReason: 'expired_or_canceled_card' }]);
  expect(await stage.refund(bookingId, { refund: { amount: 7_000 } })).toMatchObject({ ok: true });
  await succeeded(bookingId, 1);
  await eventually(async () => (await stage.payments(bookingId))[0]?.needsReview === false, {
    describe: 'nobody has to look any more',
  });
  expect(await stage.payments(bookingId)).toMatchObject([{ amountRefunded: 7_000, reason: null }]);
});

test('a disputed payment is not refunded a second time, and the owner is told why', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const dispute = stage.stripe.disputes.create({ payment_intent: intent });
  expect(await stage.refund(bookingId)).toMatchObject({ refusal: { code: 'payment_disputed' } });
  stage.stripe.disputes.close(dispute.id, 'lost');
  await eventually(async () => (await stage.payments(bookingId))[0]?.disputeStatus === 'lost');
  // All of it is the guest's already.
  expect(await stage.refund(bookingId)).toMatchObject({ refusal: { code: 'nothing_to_refund' } });
  expect(refundsAtStripe(intent)).toEqual([]);
});

test('an inquiry can be answered with a refund', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  stage.stripe.disputes.create({ payment_intent: intent, kind: 'inquiry' });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.disputed'));
  expect(await stage.refund(bookingId)).toMatchObject({ ok: true });
  await succeeded(bookingId, 1);
  expect(refundsAtStripe(intent)).toHaveLength(1);
});
