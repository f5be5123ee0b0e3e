import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const minute = 60_000;

/** Paid at Stripe, and the booking service says nothing: it is away, or an event was lost. */
async function payUnheard(): Promise<string> {
  const { id } = stage.book();
  stage.deaf.add(id);
  await stage.checkout(id);
  const [payment] = await stage.payments(id);
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  await eventually(() => stage.subjectsOf(id).includes('payment.succeeded'), { describe: 'payment.succeeded' });
  return id;
}

/** A while later, once everything that was due then has been looked at. */
async function later(minutes: number): Promise<void> {
  await stage.quiet();
  stage.stripe.clock.moveBy(minutes * minute);
  stage.service().reconcileNow();
}

const reviewsOf = async (bookingId: string) => {
  const answer = await stage.reviews();
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value.payments.filter(payment => payment.bookingId === bookingId);
};

const succeeded = (bookingId: string) =>
  stage.subjectsOf(bookingId).filter(subject => subject === 'payment.succeeded').length;

async function flag(): Promise<string> {
  const bookingId = await payUnheard();
  await later(11);
  await eventually(() => succeeded(bookingId) === 2, { describe: 'told again' });
  expect(await reviewsOf(bookingId)).toEqual([]);
  await later(10);
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.needs_review'), { describe: 'needs_review' });
  expect(await reviewsOf(bookingId)).toMatchObject([{ reason: expect.stringMatching(/^booking_undecided/) }]);
  return bookingId;
}

test('a payment that booking says nothing about is told again, then put before a person until booking decides', async () => {
  const bookingId = await flag();
  await stage.announce(bookingId, { status: 'confirmed', confirmedAt: stage.stripe.clock.now().toISOString() });
  await eventually(async () => (await reviewsOf(bookingId)).length === 0, { describe: 'nobody has to look any more' });
  expect(await stage.payments(bookingId)).toMatchObject([{ status: 'succeeded', reason: null, nextCheckAt: null }]);
});

test('once booking refuses what it had said nothing about, all of it goes back', async () => {
  const bookingId = await flag();
  await stage.announce(bookingId, {
    status: 'cancelled',
    cancelledAt: stage.stripe.clock.now().toISOString(),
    cancelReason: 'payment_refused',
    refundPercentage: 100,
  });
  await eventually(async () => (await stage.payments(bookingId))[0]?.status === 'refunded', { describe: 'refunded' });
  expect(await reviewsOf(bookingId)).toEqual([]);
});

test('what a person has resolved is not put before them again', async () => {
  const bookingId = await flag();
  const [review] = await reviewsOf(bookingId);
  expect(await stage.resolve(String(review?.paymentId), 'called the guest')).toMatchObject({ ok: true });
  const looked = async () => (await stage.payments(bookingId))[0]?.nextCheckAt?.getTime() ?? 0;
  await stage.quiet();
  const before = await eventually(looked);
  await later(61);
  await eventually(async () => (await looked()) > before + 30 * minute, { describe: 'looked at again' });
  expect(await reviewsOf(bookingId)).toEqual([]);
});

test('money that came long ago and is only heard of now has its time too', async () => {
  const { id } = stage.book();
  await stage.checkout(id);
  const [payment] = await stage.payments(id);
  stage.stripe.webhooks.dropNext(20);
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  await later(45);
  await eventually(() => succeeded(id) === 1, { describe: 'payment.succeeded' });
  stage.stripe.webhooks.dropNext(0);
  expect(await reviewsOf(id)).toEqual([]);
});

test('a payment that waits since before anybody followed it is put before a person as well', async () => {
  const bookingId = await payUnheard();
  await stage.quiet();
  await eventually(async () => (await stage.payments(bookingId))[0]?.nextCheckAt !== null);
  // As a version left it that did not wait for a decision.
  await stage.db.payment.updateMany({ where: { bookingId }, data: { nextCheckAt: null } });
  const paid = await stage.bookPaid();
  await later(25);
  await eventually(async () => (await reviewsOf(bookingId)).length === 1, { describe: 'put before a person' });
  expect(await stage.payments(bookingId)).toMatchObject([{ reason: expect.stringMatching(/^booking_undecided/) }]);
  expect(await stage.payments(paid.bookingId)).toMatchObject([{ nextCheckAt: null }]);
});

test('a payment whose booking is confirmed is not looked at again', async () => {
  const { bookingId } = await stage.bookPaid();
  await eventually(async () => (await stage.payments(bookingId))[0]?.nextCheckAt === null);
  await later(20);
  expect(await reviewsOf(bookingId)).toEqual([]);
  expect(succeeded(bookingId)).toBe(1);
});
