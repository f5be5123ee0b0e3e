import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BookingSnapshot, startOfDay } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const dayMs = 86_400_000;
/** A day so many days from now, on Toronto's calendar. */
const inDays = (days: number) =>
  new Date(stage.stripe.clock.now().getTime() + days * dayMs).toLocaleDateString('en-CA', {
    timeZone: 'America/Toronto',
  });

/** 36.00 now and 84.00 later. */
function withDeposit(o: { dueInDays?: number; unpaidBalance?: 'keep' | 'cancel' } = {}): Partial<BookingSnapshot> {
  const schedule = [
    { purpose: 'deposit' as const, amount: 3_600, dueDate: null },
    { purpose: 'balance' as const, amount: 8_400, dueDate: inDays(o.dueInDays ?? 30) },
  ];
  return {
    price: { currency: 'CAD', total: 12_000, lines: [{ label: '2 nuits', amount: 12_000 }], schedule },
    balanceTerms: { reminderDays: 7, unpaidBalance: o.unpaidBalance ?? 'keep', graceDays: 2 },
  };
}

const sessionOf = async (bookingId: string) => String((await stage.payments(bookingId)).at(-1)?.checkoutSessionId);
const atStripe = async (bookingId: string) => stage.stripe.state().sessions[await sessionOf(bookingId)]?.session;
const told = (bookingId: string, subject: string, times = 1) =>
  eventually(() => stage.subjectsOf(bookingId).filter(one => one === subject).length === times, { describe: subject });
const cancelNow = (bookingId: string, refundPercentage: number, secondsFromNow = 60) =>
  stage.announce(bookingId, {
    status: 'cancelled',
    cancelReason: 'guest',
    cancelledAt: new Date(stage.stripe.clock.now().getTime() + secondsFromNow * 1000).toISOString(),
    refundPercentage,
  });

async function payBalance(bookingId: string): Promise<void> {
  expect(await stage.checkout(bookingId)).toMatchObject({ ok: true });
  stage.stripe.sessions.pay(await sessionOf(bookingId));
  await told(bookingId, 'payment.succeeded', 2);
}

test('deposit and balance are two payments, each asked for with our amount', async () => {
  const { bookingId } = await stage.bookPaid(withDeposit());
  expect(await atStripe(bookingId)).toMatchObject({ amount_total: 3_600 });
  expect(stage.factsOf(bookingId)).toMatchObject([
    { body: { purpose: 'deposit', amount: 3_600, bookingMoney: { amountPaid: 3_600, version: 1 } } },
  ]);
  const opened = await stage.checkout(bookingId);
  expect(await stage.checkout(bookingId)).toEqual(opened);
  expect(await atStripe(bookingId)).toMatchObject({ amount_total: 8_400, status: 'open' });
  stage.stripe.sessions.pay(await sessionOf(bookingId));
  await told(bookingId, 'payment.succeeded', 2);
  expect(stage.factsOf(bookingId).at(-1)).toMatchObject({
    body: { purpose: 'balance', amount: 8_400, bookingMoney: { amountPaid: 12_000, amountRefunded: 0 } },
  });
  expect(await stage.checkout(bookingId)).toMatchObject({ ok: false, refusal: { code: 'not_pending' } });
  expect(await stage.payments(bookingId)).toMatchObject([
    { purpose: 'deposit', status: 'succeeded' },
    { purpose: 'balance', status: 'succeeded' },
  ]);
});

test('a cancellation gives its share of both back, the balance first', async () => {
  const { bookingId } = await stage.bookPaid(withDeposit());
  await payBalance(bookingId);
  await cancelNow(bookingId, 80);
  await eventually(async () => (await stage.payments(bookingId)).every(one => one.amountRefunded > 0));
  await stage.quiet();
  expect(await stage.payments(bookingId)).toMatchObject([
    { purpose: 'deposit', amountRefunded: 1_200 },
    { purpose: 'balance', amountRefunded: 8_400 },
  ]);
  expect(stage.factsOf(bookingId).at(-1)?.body.bookingMoney).toMatchObject({
    amountPaid: 12_000,
    amountRefunded: 9_600,
  });
});

test('a cancelled booking closes the balance session; who paid after it gets all of that back', async () => {
  const open = await stage.bookPaid(withDeposit());
  await stage.checkout(open.bookingId);
  await cancelNow(open.bookingId, 0);
  await eventually(async () => (await atStripe(open.bookingId))?.status === 'expired');

  const late = await stage.bookPaid(withDeposit());
  await stage.checkout(late.bookingId);
  stage.stripe.webhooks.pause();
  // The deposit was paid well before it, the balance just after.
  stage.stripe.clock.moveBy(60_000);
  stage.stripe.sessions.pay(await sessionOf(late.bookingId));
  await cancelNow(late.bookingId, 0, -30);
  stage.stripe.webhooks.resume();
  await told(late.bookingId, 'payment.refunded');
  await stage.quiet();
  expect(await stage.payments(late.bookingId)).toMatchObject([
    { purpose: 'deposit', amountRefunded: 0 },
    {
      purpose: 'balance',
      amountRefunded: 8_400,
      needsReview: false,
      reason: expect.stringContaining('booking_cancelled'),
    },
  ]);
  expect(stage.subjectsOf(late.bookingId)).toContain('payment.needs_review');
});

const stagesOf = (bookingId: string) =>
  stage.noticesOf(bookingId).map(notice => ('stage' in notice ? notice.stage : `overdue, cancel: ${notice.cancel}`));
const notices = (bookingId: string, count: number) =>
  eventually(
    () => {
      stage.service().announceBalancesNow();
      return stagesOf(bookingId).length === count;
    },
    { describe: `${count} notices` },
  );

test('a balance is reminded of, due and overdue once each, over replicas and restarts', async () => {
  const replica = await stage.startReplica();
  const { bookingId } = await stage.bookPaid(withDeposit({ dueInDays: 10 }));
  const paid = await stage.bookPaid(withDeposit({ dueInDays: 10 }));
  await payBalance(paid.bookingId);
  stage.service().announceBalancesNow();
  stage.stripe.clock.moveBy(4 * dayMs);
  replica.announceBalancesNow();
  await notices(bookingId, 1);
  await stage.stopService();
  await stage.startService();
  stage.stripe.clock.moveBy(7 * dayMs);
  replica.announceBalancesNow();
  await notices(bookingId, 2);
  stage.stripe.clock.moveBy(10 * dayMs);
  replica.announceBalancesNow();
  await notices(bookingId, 3);
  expect(stagesOf(bookingId)).toEqual(['upcoming', 'due', 'overdue, cancel: false']);
  expect(stage.noticesOf(bookingId)).toMatchObject([{ amount: 8_400, currency: 'CAD' }, {}, {}]);
  // Kept: it can still be paid.
  await payBalance(bookingId);
  expect(stage.noticesOf(paid.bookingId)).toEqual([]);
  await replica.drain();
});

test('a balance that is overdue where owners cancel is closed at Stripe before booking is told', async () => {
  const unpaid = await stage.bookPaid(withDeposit({ dueInDays: 1, unpaidBalance: 'cancel' }));
  const inTime = await stage.bookPaid(withDeposit({ dueInDays: 1, unpaidBalance: 'cancel' }));
  stage.stripe.clock.moveBy(dayMs);
  for (const { bookingId } of [unpaid, inTime]) await notices(bookingId, 1);
  const overdueAt = startOfDay(inDays(3), 'America/Toronto').getTime();
  stage.stripe.clock.moveBy(overdueAt - 1_800_000 - stage.stripe.clock.now().getTime());
  // Both have the page open when the time is over; one pays before we come to it.
  for (const { bookingId } of [unpaid, inTime]) expect(await stage.checkout(bookingId)).toMatchObject({ ok: true });
  stage.stripe.clock.moveBy(1_801_000);
  stage.stripe.webhooks.pause();
  stage.stripe.sessions.pay(await sessionOf(inTime.bookingId));
  await notices(unpaid.bookingId, 2);
  await told(inTime.bookingId, 'payment.succeeded', 2);
  stage.stripe.webhooks.resume();
  expect(stagesOf(unpaid.bookingId)).toEqual(['due', 'overdue, cancel: true']);
  expect((await atStripe(unpaid.bookingId))?.status).toBe('expired');
  expect(stagesOf(inTime.bookingId)).toEqual(['due']);
  expect(await stage.checkout(unpaid.bookingId)).toMatchObject({ ok: false, refusal: { code: 'not_pending' } });
  // Booking has not cancelled it by the next day, so it has not heard.
  stage.stripe.clock.moveBy(dayMs);
  await notices(unpaid.bookingId, 3);
  expect(stagesOf(unpaid.bookingId)).toEqual(['due', 'overdue, cancel: true', 'overdue, cancel: true']);
});

test('an overdue balance of a booking that is kept is told each day until booking says so', async () => {
  const { booking, bookingId } = await stage.bookPaid(withDeposit({ dueInDays: 1 }));
  stage.stripe.clock.moveBy(dayMs);
  await notices(bookingId, 1);
  stage.stripe.clock.moveBy(3 * dayMs);
  await notices(bookingId, 2);
  // Booking says something, and not that: the event was lost.
  await stage.announce(bookingId, { notes: 'later arrival' });
  stage.stripe.clock.moveBy(dayMs);
  await notices(bookingId, 3);
  expect(stagesOf(bookingId)).toEqual(['due', 'overdue, cancel: false', 'overdue, cancel: false']);
  await stage.announce(bookingId, { payment: { ...booking.payment, balanceStatus: 'overdue' } });
  stage.stripe.clock.moveBy(dayMs);
  await eventually(
    async () => {
      stage.service().announceBalancesNow();
      return (await stage.db.booking.findUniqueOrThrow({ where: { id: bookingId } })).balanceNoticeAt === null;
    },
    { describe: 'nothing more to tell' },
  );
  expect(stagesOf(bookingId)).toHaveLength(3);
});
