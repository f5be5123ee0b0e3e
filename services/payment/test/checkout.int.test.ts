import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());
afterEach(() => stage.stripe.faults.clear());

const sessions = () => Object.values(stage.stripe.state().sessions);
const sessionsOf = (bookingId: string) =>
  sessions()
    .filter(({ session }) => session.client_reference_id === bookingId)
    .map(({ session }) => session);

async function openSessionOf(bookingId: string): Promise<string> {
  expect(await stage.checkout(bookingId)).toMatchObject({ ok: true });
  const [payment] = await stage.payments(bookingId);
  return String(payment?.checkoutSessionId);
}

test("a guest pays: the session asks for the booking's price, the hold lasts as long, and success is told once", async () => {
  const booking = stage.book();
  const opened = await stage.checkout(booking.id);
  expect(opened).toMatchObject({ ok: true, value: { checkoutUrl: expect.stringMatching(/^http/) } });
  const [session] = sessionsOf(booking.id);
  expect(session).toMatchObject({
    amount_total: 12_000,
    currency: 'cad',
    locale: 'fr-CA',
    customer_email: 'john.doe@example.com',
    metadata: { bookingId: booking.id },
    success_url: `https://monde-sauvage.test/checkout/success?booking=${booking.id}`,
    cancel_url: `https://monde-sauvage.test/checkout/cancelled?booking=${booking.id}`,
  });
  const until = Date.parse(String(stage.bookings.get(booking.id)?.holdExpiresAt));
  expect(until).toBeGreaterThan(Number(session?.expires_at) * 1000);
  // Nothing personal stays behind once the session exists.
  const [payment] = await stage.payments(booking.id);
  expect(payment).toMatchObject({ sessionParams: null, status: 'open' });
  expect(stage.extendedFor).toContain(payment?.id);

  stage.stripe.sessions.pay(String(session?.id));
  await eventually(() => stage.factsOf(booking.id).length > 0);
  await stage.quiet();
  expect(stage.factsOf(booking.id)).toMatchObject([
    {
      subject: 'payment.succeeded',
      body: { status: 'succeeded', amount: 12_000, amountPaid: 12_000, currency: 'CAD', paidAt: expect.any(String) },
    },
  ]);
  expect(await stage.checkout(booking.id)).toMatchObject({ ok: false, refusal: { code: 'not_pending' } });
});

test('what Stripe takes for too little is said to be, and its nights can be released', async () => {
  const price = { currency: 'HUF', total: 12_000, lines: [{ label: '2 éjszaka', amount: 12_000 }] };
  const booking = stage.book({ price });
  expect(await stage.checkout(booking.id)).toMatchObject({
    ok: false,
    refusal: { code: 'validation_failed', errors: [{ path: 'price.total' }] },
  });
  expect(await stage.payments(booking.id)).toMatchObject([{ status: 'expired', sessionStatus: 'expired' }]);
  expect(await stage.settleHold(booking.id)).toMatchObject({ ok: true, value: { outcome: 'released' } });
});

test('asking again gives the open session, also to the owner', async () => {
  const booking = stage.book();
  const first = await stage.checkout(booking.id);
  const again = await stage.checkout(booking.id, {
    kind: 'owner',
    establishmentId: booking.establishmentId,
    keyId: newId(),
  });
  expect(again).toEqual(first);
  expect(sessionsOf(booking.id)).toHaveLength(1);
});

test('an e-mail address that Stripe refuses does not keep the guest from paying', async () => {
  const booking = stage.book({ customer: { name: 'John Doe', email: 'john@localhost', phone: null } });
  expect(await stage.checkout(booking.id)).toMatchObject({ ok: true });
  expect(sessionsOf(booking.id)).toMatchObject([{ customer_email: null }]);
  const [refused] = await stage.payments(booking.id);
  expect(JSON.stringify(refused)).not.toContain('john@localhost');
});

test('two requests at once share one session', async () => {
  const booking = stage.book();
  const answers = await Promise.all(Array.from({ length: 5 }, () => stage.checkout(booking.id)));
  expect(new Set(answers.map(answer => answer.ok && answer.value.checkoutUrl)).size).toBe(1);
  expect(answers[0]).toMatchObject({ ok: true });
  expect(sessionsOf(booking.id)).toHaveLength(1);
});

test.each([
  ['another guest', () => ({ kind: 'guest', bookingId: newId() }) as const],
  ['another owner', () => ({ kind: 'owner', establishmentId: newId(), keyId: newId() }) as const],
])('%s finds no such booking', async (_who, actor) => {
  const booking = stage.book();
  expect(await stage.checkout(booking.id, actor())).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
  expect(sessionsOf(booking.id)).toHaveLength(0);
});

test('a booking that is not pending, or whose hold is over, cannot be paid', async () => {
  const cancelled = stage.book({ status: 'cancelled', cancelReason: 'guest' });
  const over = stage.book({ holdExpiresAt: new Date(stage.stripe.clock.now().getTime() - 1).toISOString() });
  for (const { id } of [cancelled, over]) {
    expect(await stage.checkout(id)).toMatchObject({ ok: false, refusal: { code: 'not_pending' } });
    expect(sessionsOf(id)).toHaveLength(0);
  }
});

test.each([
  ['below what Stripe takes', 20],
  ['nothing', 0],
])('a total of %s is refused as such', async (_what, total) => {
  const { id } = stage.book({ price: { currency: 'CAD', total, lines: [{ label: '2 nuits', amount: total }] } });
  expect(await stage.checkout(id)).toMatchObject({
    ok: false,
    refusal: { code: 'validation_failed', errors: [{ path: 'price.total', message: expect.any(String) }] },
  });
  expect((await stage.payments(id)).filter(payment => payment.status === 'open')).toEqual([]);
});

test('a session whose answer was lost is the one that is given out', async () => {
  const booking = stage.book();
  stage.stripe.faults.add({
    match: { method: 'POST', path: '^/v1/checkout/sessions$' },
    loseResponse: 'after',
    times: 3,
  });
  await expect(stage.checkoutOnce(booking.id)).rejects.toThrow(/unavailable/);
  stage.stripe.faults.clear();
  expect(await stage.checkout(booking.id)).toMatchObject({ ok: true });
  expect(sessionsOf(booking.id)).toHaveLength(1);
});

test('a session whose answer was lost is found by itself, and closed when its booking is over', async () => {
  const booking = stage.book();
  stage.stripe.faults.add({
    match: { method: 'POST', path: '^/v1/checkout/sessions$' },
    loseResponse: 'after',
    times: 3,
  });
  await expect(stage.checkoutOnce(booking.id)).rejects.toThrow(/unavailable/);
  stage.stripe.faults.clear();
  expect(sessionsOf(booking.id)).toMatchObject([{ status: 'open' }]);
  await stage.announce(booking.id, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
  await eventually(() => stage.subjectsOf(booking.id).includes('payment.expired'));
  expect(sessionsOf(booking.id)).toMatchObject([{ status: 'expired' }]);
});

test('a failure that Stripe keeps under the key does not stand in the way of the next request', async () => {
  const booking = stage.book();
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/checkout/sessions$' }, status: 500, times: 5 });
  await expect(stage.checkoutOnce(booking.id)).rejects.toThrow(/unavailable/);
  stage.stripe.faults.clear();
  expect(await stage.checkout(booking.id)).toMatchObject({ ok: true });
});

test('a hold that cannot be extended closes the session again', async () => {
  const booking = stage.book();
  const { id } = booking;
  // The booking ends between the question and the extension of its hold.
  stage.endedMeanwhile.add(id);
  expect(await stage.checkout(id)).toMatchObject({ ok: false, refusal: { code: 'not_pending' } });
  expect(sessionsOf(id)).toMatchObject([{ status: 'expired' }]);
  expect(await stage.payments(id)).toMatchObject([{ status: 'expired' }]);
});

test('an expired session makes room for a new one', async () => {
  const booking = stage.book();
  const first = await openSessionOf(booking.id);
  stage.stripe.sessions.expire(first);
  await eventually(() => stage.subjectsOf(booking.id).includes('payment.expired'));
  expect(await stage.checkout(booking.id)).toMatchObject({ ok: true });
  expect(await stage.payments(booking.id)).toMatchObject([{ status: 'expired' }, { attempt: 2, status: 'open' }]);
});

test("a cancelled booking's session is closed at Stripe", async () => {
  const booking = stage.book();
  const session = await openSessionOf(booking.id);
  await stage.announce(booking.id, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
  await eventually(() => stage.subjectsOf(booking.id).includes('payment.expired'));
  expect(stage.stripe.state().sessions[session]?.session.status).toBe('expired');
});

test('settling a hold closes the session; who paid in time is told so', async () => {
  const unpaid = stage.book();
  const session = await openSessionOf(unpaid.id);
  expect(await stage.settleHold(unpaid.id)).toMatchObject({ ok: true, value: { outcome: 'released' } });
  expect(stage.stripe.state().sessions[session]?.session.status).toBe('expired');

  const paid = stage.book();
  stage.stripe.webhooks.pause();
  stage.stripe.sessions.pay(await openSessionOf(paid.id));
  expect(await stage.settleHold(paid.id)).toMatchObject({ ok: true, value: { outcome: 'paid' } });
  stage.stripe.webhooks.resume();
  await stage.quiet();
  expect(stage.subjectsOf(paid.id)).toEqual(['payment.succeeded']);

  const slow = stage.book();
  const slowSession = await openSessionOf(slow.id);
  stage.stripe.sessions.pay(slowSession, 'delayed');
  expect(await stage.settleHold(slow.id)).toMatchObject({ ok: true, value: { outcome: 'processing' } });
  stage.stripe.sessions.settle(slowSession, 'failed');
  await eventually(() => stage.subjectsOf(slow.id).includes('payment.failed'));
  expect(await stage.settleHold(slow.id)).toMatchObject({ ok: true, value: { outcome: 'released' } });

  expect(await stage.settleHold(stage.book().id)).toMatchObject({ ok: true, value: { outcome: 'released' } });
});

test('a payment that booking still asks about after a minute is announced again: its event was lost', async () => {
  const booking = stage.book();
  stage.stripe.sessions.pay(await openSessionOf(booking.id));
  await eventually(() => stage.subjectsOf(booking.id).includes('payment.succeeded'));
  const settle = () => stage.settleHold(booking.id);
  expect(await settle()).toMatchObject({ value: { outcome: 'paid' } });
  stage.stripe.clock.moveBy(61_000);
  expect(await settle()).toMatchObject({ value: { outcome: 'paid' } });
  await eventually(() => stage.subjectsOf(booking.id).length === 2);
  expect(stage.subjectsOf(booking.id)).toEqual(['payment.succeeded', 'payment.succeeded']);
});

test('settling a hold ends an attempt whose session nobody was given', async () => {
  const booking = stage.book();
  stage.stripe.faults.add({
    match: { method: 'POST', path: '^/v1/checkout/sessions$' },
    loseResponse: 'before',
    times: 3,
  });
  await expect(stage.checkoutOnce(booking.id)).rejects.toThrow(/unavailable/);
  stage.stripe.faults.clear();
  expect(await stage.settleHold(booking.id)).toMatchObject({ ok: true, value: { outcome: 'released' } });
  expect(await stage.payments(booking.id)).toMatchObject([{ status: 'expired', reason: 'hold_over' }]);
});

test('a session that cannot be read yet is for now unavailable, to the guest and to the hold', async () => {
  const { id } = stage.book();
  const path = `^/v1/checkout/sessions/${await openSessionOf(id)}$`;
  const unreadable = { match: { method: 'GET', path }, status: 404, code: 'resource_missing' };
  stage.stripe.faults.add(unreadable);
  await expect(stage.checkoutOnce(id)).rejects.toThrow(/unavailable/);
  expect(await stage.checkout(id)).toMatchObject({ ok: true });
  stage.stripe.faults.add(unreadable);
  await expect(stage.settleHoldOnce(id)).rejects.toThrow(/unavailable/);
});

test('a hold is not settled while Stripe cannot be reached', async () => {
  const booking = stage.book();
  await openSessionOf(booking.id);
  stage.stripe.goDown();
  await expect(stage.settleHoldOnce(booking.id)).rejects.toThrow(/unavailable/);
  stage.stripe.goUp();
  expect(await stage.settleHold(booking.id)).toMatchObject({ ok: true, value: { outcome: 'released' } });
});
