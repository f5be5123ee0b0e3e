import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
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
  stage.stripe.clock.moveBy(600 * minuteMs);
  const other = await stage.bookPaid();
  stage.deaf.add(other.bookingId);
  stage.stripe.refunds.create({ charge: other.chargeId });
  await eventually(() => stage.subjectsOf(other.bookingId).includes('payment.refunded'));
  await stage.announce(other.bookingId, {});
  await lookLater(other.bookingId);
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
