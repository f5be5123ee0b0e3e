import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { Prisma } from '../src/generated/prisma/client.ts';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterEach(() => stage.deaf.clear());
afterAll(() => stage.close());

const minuteMs = 60_000;
const timesTold = (bookingId: string) => stage.factsOf(bookingId).length;
const checkAt = async (bookingId: string) =>
  (await stage.db.booking.findUniqueOrThrow({ where: { id: bookingId } })).moneyCheckAt?.getTime() ?? 0;
/** Looks at what is due, until this booking was looked at. */
async function lookLater(bookingId: string): Promise<void> {
  const before = await checkAt(bookingId);
  stage.stripe.clock.moveBy(11 * minuteMs);
  const looked = async () => {
    // A booking that somebody holds just now is passed over until the next look.
    stage.service().reconcileNow();
    return (await checkAt(bookingId)) > before;
  };
  await eventually(looked, { describe: 'the booking was looked at' });
  await stage.quiet();
}

test('a refund that booking never heard of is told again, with the sums, and then no more', async () => {
  const { bookingId, chargeId } = await stage.bookPaid();
  stage.deaf.add(bookingId);
  stage.stripe.refunds.create({ charge: chargeId, amount: 5_000 });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.refunded'), { describe: 'payment.refunded' });
  // Booking speaks of something else: the money it knows is that of before.
  await stage.announce(bookingId, { notes: 'later arrival' });
  stage.deaf.delete(bookingId);
  const told = timesTold(bookingId);
  await lookLater(bookingId);
  await eventually(() => timesTold(bookingId) === told + 1, { describe: 'told again' });
  expect(stage.factsOf(bookingId).at(-1)).toMatchObject({
    subject: 'payment.succeeded',
    body: { status: 'partially_refunded', bookingMoney: { amountPaid: 12_000, amountRefunded: 5_000 } },
  });
  // Its answer comes: nothing differs any more, and no time makes it be looked at.
  await stage.announce(bookingId, {});
  await lookLaterAtAnother();
  expect(timesTold(bookingId)).toBe(told + 1);
});

test('who stays deaf is told once an hour, not in a loop', async () => {
  const { bookingId, chargeId } = await stage.bookPaid();
  stage.deaf.add(bookingId);
  stage.stripe.refunds.create({ charge: chargeId, amount: 100 });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.refunded'), { describe: 'payment.refunded' });
  await stage.announce(bookingId, {});
  const told = timesTold(bookingId);
  await lookLater(bookingId);
  await eventually(() => timesTold(bookingId) === told + 1, { describe: 'told again' });
  const wait = (await checkAt(bookingId)) - stage.stripe.clock.now().getTime();
  expect(wait).toBeGreaterThan(50 * minuteMs);
});

test('a booking whose own event was lost is asked, and not told what it knows', async () => {
  const { bookingId, chargeId } = await stage.bookPaid();
  stage.stripe.refunds.create({ charge: chargeId, amount: 100 });
  await eventually(() => stage.bookings.get(bookingId)?.payment.amountRefunded === 100, { describe: 'booking knows' });
  const told = timesTold(bookingId);
  await lookLater(bookingId);
  const heard = async () => (await stage.db.booking.findUniqueOrThrow({ where: { id: bookingId } })).heardRefunded;
  await eventually(async () => (await heard()) === 100, { describe: 'booking was asked' });
  expect(timesTold(bookingId)).toBe(told);
});

test('a dispute that booking never heard of is told again as what it is, and so is its end', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const disputes = () => stage.factsOf(bookingId).filter(({ subject }) => subject === 'payment.disputed');
  stage.deaf.add(bookingId);
  const { id } = stage.stripe.disputes.create({ payment_intent: intent, dueInDays: 9 });
  await eventually(() => disputes().length === 1, { describe: 'payment.disputed' });
  await stage.announce(bookingId, { notes: 'later arrival' });
  stage.deaf.delete(bookingId);
  await lookLater(bookingId);
  await eventually(() => disputes().length === 2, { describe: 'told again' });
  expect(disputes().at(-1)?.body).toMatchObject({
    status: 'disputed',
    dispute: { id, status: 'needs_response', amount: 12_000, dueBy: expect.any(String) },
  });
  await eventually(() => stage.bookings.get(bookingId)?.payment.status === 'disputed', { describe: 'booking knows' });
  await stage.announce(bookingId, {});

  stage.deaf.add(bookingId);
  stage.stripe.disputes.close(id, 'won');
  await eventually(() => disputes().length === 3, { describe: 'its end' });
  await stage.announce(bookingId, {});
  stage.deaf.delete(bookingId);
  await lookLater(bookingId);
  await eventually(() => stage.bookings.get(bookingId)?.payment.status === 'succeeded', { describe: 'told again' });
  expect(disputes().at(-1)?.body).toMatchObject({ status: 'succeeded', dispute: { id, status: 'won' } });
  await stage.announce(bookingId, {});
  const told = timesTold(bookingId);
  await lookLaterAtAnother();
  expect(timesTold(bookingId)).toBe(told);
});

test('a dispute about money that was paid twice is told once: booking knows only one of the two', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const [first] = await stage.payments(bookingId);
  if (!first) throw new Error('no payment');
  const { id: _id, attempt: _attempt, checkoutSessionId: _session, ...copy } = first;
  const twice = { ...copy, attempt: 2, checkoutSessionId: 'cs_second', paymentIntentId: 'pi_2', chargeId: 'ch_2' };
  await stage.db.payment.create({
    data: { ...twice, id: newId(), sessionParams: Prisma.DbNull, paidAt: new Date(first.createdAt.getTime() + 1) },
  });
  stage.stripe.disputes.create({ payment_intent: intent });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.disputed'), { describe: 'payment.disputed' });
  expect(await stage.db.booking.findUniqueOrThrow({ where: { id: bookingId } })).toMatchObject({ toldDisputed: null });
});

/** Time passes for everybody, and what is due by then has been looked at. */
async function lookLaterAtAnother(): Promise<void> {
  stage.stripe.clock.moveBy(600 * minuteMs);
  const { bookingId, chargeId } = await stage.bookPaid();
  stage.deaf.add(bookingId);
  stage.stripe.refunds.create({ charge: chargeId });
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.refunded'), { describe: 'payment.refunded' });
  await stage.announce(bookingId, {});
  await lookLater(bookingId);
}
