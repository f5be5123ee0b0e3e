import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { booking, checkout, problem } from '@monde-sauvage/contracts';
import {
  bookInTime,
  comesTrue,
  historyOf,
  openTimedLodge,
  type Stay,
  startInTime,
  stayBody,
  type TimedLodge,
  type TimedPlatform,
} from '../support/in-time.ts';

/**
 * A deposit now and the balance 30 days before arrival, as guests and owners of Toronto live it from January 2028 on: over
 * the 29th of February and the 12th of March, on which clocks go forward. Time goes forward only, so the tests build on
 * one another's dates.
 */
let platform: TimedPlatform;
beforeAll(async () => {
  platform = await startInTime();
  platform.travelTo('2028-01-15T17:00:00Z');
}, 300_000);
afterAll(() => platform?.stop(), 300_000);

const deposit = { percentage: 30, balanceDaysBefore: 30, reminderDays: 7, graceDays: 3 };
const tiers = [
  { daysBefore: 60, percentage: 100 },
  { daysBefore: 20, percentage: 50 },
  { daysBefore: 5, percentage: 10 },
];
const openLodge = (unpaidBalance: 'keep' | 'cancel') =>
  openTimedLodge(platform, {
    cancellationPolicy: { name: 'custom', tiers },
    deposit: { ...deposit, unpaidBalance },
  });

type Guest = Awaited<ReturnType<typeof bookInTime>>;
const read = (lodge: TimedLodge, { id }: Guest) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);
const sessionIdOf = (page: string) => new URL(page).pathname.split('/').at(-1) ?? '';

async function openPage({ id, guest }: Guest): Promise<string> {
  const { checkoutUrl } = await guest.expect(200, checkout, 'POST', `/v1/bookings/${id}/checkout`, { body: {} });
  return sessionIdOf(checkoutUrl);
}

/** Pays what is due next, and waits until the booking says so. */
async function pay(lodge: TimedLodge, guest: Guest): Promise<void> {
  const before = (await read(lodge, guest)).payment.amountPaid;
  platform.stripe.sessions.pay(await openPage(guest));
  await comesTrue(platform, 'the payment is known', async () => (await read(lodge, guest)).payment.amountPaid > before);
}

async function bookWithDeposit(lodge: TimedLodge, stay: Stay): Promise<Guest> {
  const guest = await bookInTime(platform, lodge, stay);
  await pay(lodge, guest);
  expect(await read(lodge, guest)).toMatchObject({ status: 'confirmed', payment: { balanceStatus: 'due' } });
  return guest;
}

const noticesOf = async (lodge: TimedLodge, guest: Guest) =>
  (await historyOf(lodge, guest.id)).map(({ action }) => action).filter(action => action.startsWith('balance_'));

/** It is said at that moment, and was not before. */
async function expectNotice(at: string, o: { lodge: TimedLodge; guest: Guest; action: string }) {
  platform.travelTo(new Date(Date.parse(at) - 60_000).toISOString());
  platform.nudge();
  const find = async () => (await historyOf(o.lodge, o.guest.id)).find(({ action }) => action === o.action);
  expect(await find()).toBeUndefined();
  platform.travelTo(new Date(Date.parse(at) + 1_000).toISOString());
  const told = await comesTrue(platform, o.action, find);
  expect(Date.parse(told?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(at));
}

/** Time passes until the day on which the balance is due, and that is told. */
async function untilDue(at: string, ...some: [TimedLodge, Guest][]) {
  platform.travelTo(at);
  for (const [lodge, guest] of some) {
    await comesTrue(platform, 'due', async () => (await noticesOf(lodge, guest)).includes('balance_due'));
  }
}

describe('a balance that nobody pays, where owners cancel', () => {
  it('is reminded of, due, and cancels after the grace, by the calendar of the chalet', async () => {
    const lodge = await openLodge('cancel');
    const stay = { startDate: '2028-03-30', endDate: '2028-04-02' };
    const guest = await bookWithDeposit(lodge, stay);
    const paid = await bookWithDeposit(lodge, { startDate: '2028-03-26', endDate: '2028-03-29' });
    await pay(lodge, paid);
    expect(guest.price?.schedule).toEqual([
      { purpose: 'deposit', amount: 18_000, dueDate: null },
      { purpose: 'balance', amount: 42_000, dueDate: '2028-02-29' },
    ]);
    const of = { lodge, guest };
    await expectNotice('2028-02-22T05:00:00Z', { ...of, action: 'balance_upcoming' });
    await expectNotice('2028-02-29T05:00:00Z', { ...of, action: 'balance_due' });
    // The guest has the whole of the third of March, and 26 days are left on the fourth: half of the deposit.
    await expectNotice('2028-03-04T05:00:00Z', { ...of, action: 'balance_unpaid' });
    await comesTrue(platform, 'half of the deposit is back', async () => {
      const { payment } = await read(lodge, guest);
      return payment.amountRefunded === 9_000;
    });
    expect(await read(lodge, guest)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'payment_refused',
      payment: { status: 'partially_refunded', amountPaid: 18_000, amountDue: 0, balanceStatus: 'none' },
    });
    const late = await guest.guest.call('POST', `/v1/bookings/${guest.id}/checkout`, { body: {} });
    expect(late).toMatchObject({ status: 409, body: { code: 'not_pending' } });
    const body = stayBody(lodge.chaletId, stay);
    expect((await platform.api.call('POST', '/v1/bookings', { body })).status).toBe(201);
    expect(await noticesOf(lodge, guest)).toEqual(['balance_upcoming', 'balance_due', 'balance_unpaid']);
    expect(await noticesOf(lodge, paid)).toEqual(['balance_succeeded']);
    expect(await read(lodge, paid)).toMatchObject({ status: 'confirmed', payment: { balanceStatus: 'paid' } });
  });

  it('is not too late while the last day of grace lasts, and counts when it is paid on a page opened then', async () => {
    const [lodge, other] = [await openLodge('cancel'), await openLodge('cancel')];
    // Due on the 14th of March, after clocks went forward: midnight is at four, and no more at five.
    const stay = { startDate: '2028-04-13', endDate: '2028-04-15' };
    const [guest, left] = [await bookWithDeposit(lodge, stay), await bookWithDeposit(other, stay)];
    expect(guest.price?.schedule?.at(1)?.dueDate).toBe('2028-03-14');
    await untilDue('2028-03-14T04:00:01Z', [lodge, guest], [other, left]);
    platform.travelTo('2028-03-18T03:58:00Z');
    const [page, leftPage] = [await openPage(guest), await openPage(left)];
    platform.stripe.webhooks.pause();
    platform.stripe.sessions.pay(page);
    platform.travelTo('2028-03-18T04:00:01Z');
    await comesTrue(platform, 'the other is cancelled', async () => (await read(other, left)).status === 'cancelled');
    platform.stripe.webhooks.resume();
    await comesTrue(platform, 'the balance is known', async () => {
      const { payment } = await read(lodge, guest);
      return payment.balanceStatus === 'paid';
    });
    expect(await read(lodge, guest)).toMatchObject({ status: 'confirmed', payment: { amountPaid: 40_000 } });
    expect(() => platform.stripe.sessions.pay(leftPage)).toThrow();
  });
});

describe('a balance that is due on the eve of a stay, where owners cancel after days of grace', () => {
  it('ends the booking when the day of arrival begins, and never a stay that has begun', async () => {
    const eve = {
      deposit: { percentage: 30, balanceDaysBefore: 1, reminderDays: 0, graceDays: 5, unpaidBalance: 'cancel' },
    };
    const [lodge, other] = [await openTimedLodge(platform, eve), await openTimedLodge(platform, eve)];
    const stay = { startDate: '2028-03-22', endDate: '2028-03-26' };
    const [guest, there] = [await bookWithDeposit(lodge, stay), await bookWithDeposit(other, stay)];
    await expectNotice('2028-03-21T04:00:00Z', { lodge, guest, action: 'balance_due' });
    // Nobody is told to cancel while Stripe cannot be asked whether the page that is open here was paid.
    await openPage(there);
    platform.stripe.goDown();
    await expectNotice('2028-03-22T04:00:00Z', { lodge, guest, action: 'balance_unpaid' });
    expect(await read(lodge, guest)).toMatchObject({ status: 'cancelled', payment: { amountRefunded: 0 } });
    expect(await read(other, there)).toMatchObject({ status: 'confirmed', payment: { balanceStatus: 'due' } });
    platform.travelTo('2028-03-23T04:00:01Z');
    await comesTrue(platform, 'overdue', async () => (await read(other, there)).payment.balanceStatus === 'overdue');
    platform.stripe.goUp();
    await pay(other, there);
    expect(await read(other, there)).toMatchObject({ status: 'confirmed', payment: { balanceStatus: 'paid' } });
  });
});

describe('a balance that came due while the deposit was on its way, where owners cancel', () => {
  it('is told of when the deposit arrives, and the guest has the grace from then on', async () => {
    const lodge = await openLodge('cancel');
    platform.travelTo('2028-03-24T16:00:00Z');
    // Due tomorrow, overdue on the 29th.
    const guest = await bookInTime(platform, lodge, { startDate: '2028-04-24', endDate: '2028-04-27' });
    expect(guest.price?.schedule?.at(1)?.dueDate).toBe('2028-03-25');
    const page = await openPage(guest);
    platform.stripe.sessions.pay(page, 'delayed');
    platform.travelTo('2028-04-01T16:00:00Z');
    platform.stripe.sessions.settle(page, 'succeeded');
    await comesTrue(platform, 'due', async () => (await noticesOf(lodge, guest)).includes('balance_due'));
    expect(await read(lodge, guest)).toMatchObject({ status: 'confirmed', payment: { balanceStatus: 'due' } });
    await expectNotice('2028-04-05T04:00:00Z', { lodge, guest, action: 'balance_unpaid' });
    expect(await noticesOf(lodge, guest)).toEqual(['balance_due', 'balance_unpaid']);
  });
});

describe('a balance that nobody pays, where owners keep', () => {
  it('stays owed, is said to be overdue, and can be paid until arrival', async () => {
    const lodge = await openLodge('keep');
    const guest = await bookWithDeposit(lodge, { startDate: '2028-05-10', endDate: '2028-05-13' });
    await untilDue('2028-04-10T04:00:01Z', [lodge, guest]);
    platform.travelTo('2028-04-14T04:00:01Z');
    await comesTrue(platform, 'overdue', async () => (await read(lodge, guest)).payment.balanceStatus === 'overdue');
    expect(await read(lodge, guest)).toMatchObject({ status: 'confirmed', payment: { amountDue: 42_000 } });
    platform.travelTo('2028-05-09T12:00:00Z');
    await pay(lodge, guest);
    expect((await read(lodge, guest)).payment).toMatchObject({ amountDue: 0, balanceStatus: 'paid' });
    expect(await noticesOf(lodge, guest)).toEqual(['balance_due', 'balance_overdue', 'balance_succeeded']);
  });
});

describe('a guest who cancels', () => {
  it('gets the share of deposit and balance that the tier of that day in Toronto says', async () => {
    const lodge = await openLodge('keep');
    const [inTime, dayLater] = [
      await bookWithDeposit(lodge, { startDate: '2028-08-10', endDate: '2028-08-13' }),
      await bookWithDeposit(lodge, { startDate: '2028-08-13', endDate: '2028-08-16' }),
    ];
    for (const guest of [inTime, dayLater]) await pay(lodge, guest);
    // The 21st of July in UTC, and still the 20th at the chalet: twenty-one days and twenty-four are left.
    platform.travelTo('2028-07-21T03:00:00Z');
    const told = await inTime.guest.expect(200, booking, 'GET', `/v1/bookings/${inTime.id}`);
    expect(told.cancellation).toMatchObject({ percentage: 50, amount: 30_000, until: '2028-07-21' });
    await inTime.guest.expect(200, booking, 'POST', `/v1/bookings/${inTime.id}/cancel`, { body: {} });
    await comesTrue(platform, 'half of all is back', async () => {
      const { payment } = await read(lodge, inTime);
      return payment.amountRefunded === 30_000;
    });
    platform.travelTo('2028-07-25T04:00:01Z');
    const later = await dayLater.guest.expect(200, booking, 'GET', `/v1/bookings/${dayLater.id}`);
    expect(later.cancellation).toMatchObject({ percentage: 10, amount: 6_000, until: '2028-08-08' });
    await dayLater.guest.expect(200, booking, 'POST', `/v1/bookings/${dayLater.id}/cancel`, { body: {} });
    await comesTrue(platform, 'a tenth is back', async () => {
      const { payment } = await read(lodge, dayLater);
      return payment.amountRefunded === 6_000;
    });
    const refunds = Object.values(platform.stripe.state().refunds).filter(({ status }) => status !== 'failed');
    expect(refunds.map(({ amount }) => amount).slice(-2)).toEqual([30_000, 6_000]);
  });

  it('before the balance is due gets back of the deposit, and a page that is open for the balance is closed', async () => {
    const lodge = await openLodge('cancel');
    const guest = await bookWithDeposit(lodge, { startDate: '2028-10-10', endDate: '2028-10-13' });
    const page = await openPage(guest);
    platform.travelTo('2028-08-15T12:00:00Z');
    const again = await openPage(guest);
    expect(again).not.toBe(page);
    await guest.guest.expect(200, booking, 'POST', `/v1/bookings/${guest.id}/cancel`, { body: {} });
    await comesTrue(platform, 'half of the deposit is back', async () => {
      const { payment } = await read(lodge, guest);
      return payment.amountRefunded === 9_000;
    });
    await comesTrue(platform, 'the page is closed', async () => {
      const { session } = platform.stripe.state().sessions[again] ?? {};
      return session?.status === 'expired';
    });
    expect((await read(lodge, guest)).payment).toMatchObject({
      amountPaid: 18_000,
      amountDue: 0,
      balanceStatus: 'none',
    });
  });
});

it('who books on the day on which the balance would be due, or later, pays all of it', async () => {
  const lodge = await openLodge('cancel');
  // Half past eleven in the evening of the 31st of August at the chalet.
  platform.travelTo('2028-09-01T03:30:00Z');
  const dueToday = await bookInTime(platform, lodge, { startDate: '2028-09-30', endDate: '2028-10-01' });
  const dueTomorrow = await bookInTime(platform, lodge, { startDate: '2028-10-01', endDate: '2028-10-02' });
  expect(dueToday.price?.schedule).toEqual([{ purpose: 'full', amount: 20_000, dueDate: null }]);
  expect(dueTomorrow.price?.schedule).toMatchObject([{ purpose: 'deposit' }, { dueDate: '2028-09-01' }]);
  await pay(lodge, dueToday);
  expect(await read(lodge, dueToday)).toMatchObject({ payment: { amountDue: 0, balanceStatus: 'none' } });
});

it('what the owner changes later changes nothing for who has booked', async () => {
  const lodge = await openLodge('keep');
  const guest = await bookWithDeposit(lodge, { startDate: '2028-12-10', endDate: '2028-12-13' });
  const patch = {
    deposit: { ...deposit, balanceDaysBefore: 60, unpaidBalance: 'cancel' },
    cancellationPolicy: 'strict',
  };
  await lodge.owner.call('PATCH', `/v1/establishments/${lodge.establishmentId}`, { body: patch });
  await untilDue('2028-11-10T05:00:01Z', [lodge, guest]);
  platform.travelTo('2028-11-14T05:00:01Z');
  await comesTrue(platform, 'overdue', async () => (await read(lodge, guest)).payment.balanceStatus === 'overdue');
  const told = await guest.guest.expect(200, booking, 'GET', `/v1/bookings/${guest.id}`);
  expect(told).toMatchObject({ status: 'confirmed', cancellation: { policy: { name: 'custom' }, percentage: 50 } });
  const misspelt = await lodge.owner.expect(422, problem, 'PATCH', `/v1/establishments/${lodge.establishmentId}`, {
    body: { deposit: { ...deposit, unpaidBalanse: 'keep' } },
  });
  expect(misspelt.errors).toEqual([{ path: 'deposit.unpaidBalanse', message: 'is not known here' }]);
});
