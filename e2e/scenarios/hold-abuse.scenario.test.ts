import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { availability, booking, checkout } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import {
  bookInTime,
  comesTrue,
  openTimedLodge,
  type Stay,
  startInTime,
  stayBody,
  type TimedLodge,
  type TimedPlatform,
} from '../support/in-time.ts';

/** A guest who opens Checkout again and again keeps the nights for two hours, and no longer. */

const holdMaxMs = 120 * 60_000;
let platform: TimedPlatform;
let lodge: TimedLodge;
beforeAll(async () => {
  platform = await startInTime();
}, 300_000);
beforeEach(async () => {
  lodge = await openTimedLodge(platform);
});
afterAll(() => platform?.stop(), 300_000);

const stay: Stay = { startDate: '2027-06-10', endDate: '2027-06-13' };
type Guest = Awaited<ReturnType<typeof bookInTime>>;

const read = ({ id }: Guest) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);
const openSessions = ({ id }: Guest) =>
  Object.values(platform.stripe.state().sessions).filter(
    ({ session }) => session.client_reference_id === id && session.status === 'open',
  );
const sessionIdOf = (page: string) => new URL(page).pathname.split('/').at(-1) ?? '';

/** Asks for Checkout three times at once every four minutes, until it is refused. */
async function insist(guest: Guest) {
  const pages: string[] = [];
  const holds: number[] = [];
  for (let minutes = 0; minutes < 180; minutes += 4) {
    const answers = await Promise.all(
      [1, 2, 3].map(() => guest.guest.call('POST', `/v1/bookings/${guest.id}/checkout`, { body: {} })),
    );
    expect(openSessions(guest).length).toBeLessThan(2);
    const { holdExpiresAt } = await read(guest);
    if (holdExpiresAt) holds.push(Date.parse(holdExpiresAt));
    if (answers.every(({ status }) => status === 409)) return { pages: [...new Set(pages)], holds };
    pages.push(...answers.flatMap(({ status, body }) => (status === 200 ? checkout.parse(body).checkoutUrl : [])));
    platform.travel(4);
  }
  throw new Error('Checkout was never refused');
}

const tryToBook = () => platform.api.call('POST', '/v1/bookings', { body: stayBody(lodge.chaletId, stay) });
const offered = async () => {
  const path = `/v1/chalets/${lodge.chaletId}/availability?from=${stay.startDate}&to=${stay.endDate}`;
  return (await platform.api.expect(200, availability, 'GET', path)).available;
};

describe('who opens Checkout again and again', () => {
  it('is refused when no hold lasts longer, has no page left to pay on, and the nights become free for others', async () => {
    const guest = await bookInTime(platform, lodge, stay);
    const { pages, holds } = await insist(guest);
    const longest = Date.parse(guest.createdAt) + holdMaxMs;
    // Several sessions one after the other, each of which kept the nights a little longer, and all of them in bounds.
    expect(pages.length).toBeGreaterThan(1);
    expect(new Set(holds).size).toBeGreaterThan(2);
    expect(holds).toEqual(holds.toSorted((a, b) => a - b));
    expect(holds.at(-1)).toBeLessThanOrEqual(longest);
    expect(openSessions(guest)).toEqual([]);
    expect(platform.now().getTime()).toBeLessThanOrEqual(longest);
    expect((await tryToBook()).status).toBe(409);

    platform.travel((longest - platform.now().getTime()) / 60_000);
    // Nobody waits for a worker: whoever wants the nights gets them.
    expect(await offered()).toBe(true);
    // Again when payment, which is asked about the hold, misses its deadline.
    await eventually(async () => (await tryToBook()).status === 201, { describe: 'the nights are given' });
    expect(await read(guest)).toMatchObject({ status: 'cancelled', cancelReason: 'hold_expired' });
    const again = await guest.guest.call('POST', `/v1/bookings/${guest.id}/checkout`, { body: {} });
    expect(again).toMatchObject({ status: 409, body: { code: 'not_pending' } });
  });

  it('and pays on the last page at its last moment has the nights, although no webhook tells of it', async () => {
    const guest = await bookInTime(platform, lodge, stay);
    const { pages } = await insistUntilLastPage(guest);
    platform.stripe.webhooks.dropNext(20);
    platform.stripe.sessions.pay(sessionIdOf(pages.at(-1) ?? ''));
    platform.travel(60);
    expect((await tryToBook()).status).toBe(409);
    await comesTrue(platform, 'the booking is confirmed', async () => (await read(guest)).status === 'confirmed');
    platform.stripe.webhooks.dropNext(0);
    expect((await read(guest)).payment).toMatchObject({ status: 'succeeded', amountPaid: 60_000, amountRefunded: 0 });
    await eventually(async () => !(await offered()), { describe: 'the nights are not offered' });
  });

  it('and pays by a slow method has the nights kept until it fails, and then no more', async () => {
    const guest = await bookInTime(platform, lodge, stay);
    const { pages } = await insistUntilLastPage(guest);
    const session = sessionIdOf(pages.at(-1) ?? '');
    platform.stripe.sessions.pay(session, 'delayed');
    platform.travel(60 * 24);
    platform.nudge();
    expect((await tryToBook()).status).toBe(409);
    platform.stripe.sessions.settle(session, 'failed');
    await comesTrue(platform, 'the nights are free', async () => (await tryToBook()).status === 201);
    expect(await read(guest)).toMatchObject({ status: 'cancelled', payment: { status: 'failed', amountPaid: 0 } });
  });

  it('and pays while nobody can ask Stripe gets everything back once somebody else has the nights', async () => {
    const guest = await bookInTime(platform, lodge, stay);
    const { pages } = await insistUntilLastPage(guest);
    platform.stripe.webhooks.pause();
    platform.stripe.sessions.pay(sessionIdOf(pages.at(-1) ?? ''));
    platform.stripe.goDown();
    // Longer than payment's silence is waited for.
    platform.travel(60);
    await comesTrue(platform, 'the nights are free', async () => (await tryToBook()).status === 201);
    platform.stripe.goUp();
    platform.stripe.webhooks.resume();
    await comesTrue(platform, 'all of it is back', async () => (await read(guest)).payment.status === 'refunded');
    expect(await read(guest)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'payment_refused',
      payment: { amountPaid: 60_000, amountRefunded: 60_000 },
    });
  });
});

/** Up to the page that is open a minute before it closes, and which no other follows. */
async function insistUntilLastPage(guest: Guest) {
  const pages: string[] = [];
  const longest = Date.parse(guest.createdAt) + holdMaxMs;
  for (;;) {
    const answer = await guest.guest.call('POST', `/v1/bookings/${guest.id}/checkout`, { body: {} });
    const { checkoutUrl, expiresAt } = checkout.parse(answer.body);
    pages.push(checkoutUrl);
    const leftMs = Date.parse(expiresAt) - platform.now().getTime();
    // The next one would last half an hour at least, and the hold with it.
    if (Date.parse(expiresAt) + 30 * 60_000 > longest) {
      platform.travel(leftMs / 60_000 - 1);
      return { pages: [...new Set(pages)] };
    }
    platform.travel(leftMs / 60_000 + 1);
  }
}
