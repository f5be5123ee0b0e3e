import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { ownerOf, type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

/** What `npm run ops` does, as a process of its own. */
async function ops(...args: string[]): Promise<{ code: number | null; said: string }> {
  const script = path.join(import.meta.dirname, '../../gateway/src/ops/main.ts');
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, NATS_URL: stage.natsUrl } });
  const [said, complained, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>(resolve => child.once('close', resolve)),
  ]);
  return { code, said: said + complained };
}

async function differences() {
  const answer = await stage.reconcile();
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value.differences;
}

/** Stripe tells nobody, and believes that it did. */
async function inSilence(act: () => void): Promise<void> {
  stage.stripe.webhooks.configure({ url: `${stage.webhookUrl}/elsewhere` });
  act();
  await stage.stripe.webhooks.quiet();
  stage.stripe.webhooks.configure({ url: stage.webhookUrl });
}

test('refunds, disputes and payments that nobody told of are found, set right and printed', async () => {
  const refunded = await stage.bookPaid();
  const disputed = await stage.bookPaid();
  const { id: paidId } = stage.book();
  await stage.checkout(paidId);
  const [open] = await stage.payments(paidId);
  await differences();
  await inSilence(() => {
    stage.stripe.refunds.create({ payment_intent: refunded.intent, amount: 3_000 });
    stage.stripe.disputes.create({ payment_intent: disputed.intent });
    stage.stripe.sessions.pay(String(open?.checkoutSessionId));
  });
  const { code, said } = await ops('payments', 'reconcile', '--days', '3');
  expect(said).toMatch(/compared with Stripe since .*: \d+ sessions, \d+ charges, \d+ refunds, \d+ disputes/);
  expect(said).toMatch(
    new RegExp(`refund +re_\\w+ +${refunded.bookingId}.*succeeded, 12000 paid, 3000 refunded|partially_refunded`),
  );
  expect(said).toContain(disputed.bookingId);
  expect(said).toContain(paidId);
  expect(code).toBe(1);
  expect(await stage.payments(refunded.bookingId)).toMatchObject([{ amountRefunded: 3_000 }]);
  expect(await stage.payments(disputed.bookingId)).toMatchObject([{ disputeStatus: 'needs_response' }]);
  expect(await stage.payments(paidId)).toMatchObject([{ status: 'succeeded' }]);
  const again = await ops('payments', 'reconcile');
  expect(again).toMatchObject({ code: 0, said: expect.stringContaining('nothing differed') });
});

test('the schedule finds them too, also what happened while no replica was up', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  await stage.stopService();
  await inSilence(() => void stage.stripe.refunds.create({ payment_intent: intent, amount: 1_000 }));
  await stage.startService();
  await eventually(async () => (await stage.payments(bookingId))[0]?.amountRefunded === 1_000);
});

test('what became of an old dispute is found, although Stripe believes that it told us', async () => {
  const { booking, bookingId, intent } = await stage.bookPaid();
  const { id } = stage.stripe.disputes.create({ payment_intent: intent, dueInDays: 60 });
  const known = async () => (await stage.payments(bookingId))[0]?.disputeStatus;
  await eventually(async () => (await known()) === 'needs_response', { describe: 'the dispute is known' });
  await stage.quiet();
  stage.stripe.clock.moveBy(20 * 86_400_000);
  // Its date was another when we last heard of it.
  await stage.db.dispute.update({ where: { id }, data: { dueBy: new Date('2027-01-01T00:00:00Z') } });
  const ours = async () => (await differences()).filter(one => one.stripeId === id);
  expect(await ours()).toMatchObject([{ kind: 'dispute', problem: expect.stringContaining('due 2027-01-01') }]);
  expect(await ours()).toEqual([]);

  await inSilence(() => void stage.stripe.disputes.submitEvidence(id));
  expect(await ours()).toMatchObject([{ after: expect.stringContaining('dispute under_review') }]);
  await inSilence(() => void stage.stripe.disputes.close(id, 'won'));
  // On the schedule, and nobody asked.
  stage.service().reconcileNow();
  await eventually(async () => (await known()) === 'won', { describe: 'its end is known' });
  expect(await stage.disputes(booking.establishmentId)).toMatchObject({ value: { items: [{ id, status: 'won' }] } });
  await eventually(() => stage.factsOf(bookingId).at(-1)?.body.status === 'succeeded', { describe: 'told' });
  expect(await ours()).toEqual([]);
});

test('money of a session that we never made is put before a person, once, and is done when somebody says so', async () => {
  const created = await stage.stripeClient.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://monde-sauvage.test/',
    line_items: [
      { quantity: 1, price_data: { currency: 'cad', unit_amount: 5_000, product_data: { name: 'By hand' } } },
    ],
  });
  await inSilence(() => void stage.stripe.sessions.pay(created.id));
  const found = (await differences()).filter(one => one.paymentId === null);
  expect(found.map(({ kind }) => kind).sort()).toEqual(['charge', 'session']);
  // By us or by the schedule, whoever of them looked first.
  const reviews = await stage.reviews();
  const events = reviews.ok ? reviews.value.events : [];
  const waitFor = ({ stripeId }: { stripeId: string }) =>
    events.filter(({ id }) => id === `reconciliation:${stripeId}`);
  expect(found.map(one => waitFor(one).length)).toEqual([1, 1]);
  const waiting = await ops('payments', 'review');
  expect(waiting).toMatchObject({ code: 1, said: expect.stringContaining(`unknown_session`) });
  for (const one of found) {
    const resolved = await ops('payments', 'resolve', `reconciliation:${one.stripeId}`, '--note', 'a gift card');
    expect(resolved).toMatchObject({ code: 0, said: expect.stringContaining('resolved: a gift card') });
  }
  expect((await stage.reviews()).ok && JSON.stringify(await stage.reviews())).not.toContain(created.id);
  expect((await differences()).every(one => one.after !== 'put before a person')).toBe(true);
});

test('a payment of a wrong amount waits for a person until its money went back, and then was none', async () => {
  const { id } = stage.book();
  await stage.checkout(id);
  await stage.db.payment.updateMany({ where: { bookingId: id }, data: { amount: 11_999 } });
  const [payment] = await stage.payments(id);
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  const flagged = await eventually(async () => (await stage.payments(id)).find(one => one.needsReview));
  // It is not read again every few minutes: a person was told.
  expect(Number(flagged?.nextCheckAt) - stage.stripe.clock.now().getTime()).toBeGreaterThan(80_000_000);
  expect(await stage.reviews()).toMatchObject({
    value: { payments: expect.arrayContaining([expect.objectContaining({ paymentId: flagged?.id, bookingId: id })]) },
  });
  stage.stripe.refunds.create({ payment_intent: String(flagged?.paymentIntentId) });
  await eventually(() => stage.subjectsOf(id).includes('payment.failed'));
  expect(await stage.payments(id)).toMatchObject([
    { status: 'failed', needsReview: false, reason: expect.stringMatching(/^amount_mismatch.*given back$/) },
  ]);
  expect(await stage.settleHold(id)).toMatchObject({ value: { outcome: 'released' } });
});

test('a dispute that was lost is settled by a person, and then the policy counts what the bank took', async () => {
  const { bookingId, intent } = await stage.bookPaid();
  const dispute = stage.stripe.disputes.create({ payment_intent: intent, amount: 5_000 });
  stage.stripe.disputes.close(dispute.id, 'lost');
  await eventually(async () => (await stage.payments(bookingId))[0]?.disputeStatus === 'lost');
  const at = new Date(stage.stripe.clock.now().getTime() + 60_000).toISOString();
  await stage.announce(bookingId, {
    status: 'cancelled',
    cancelReason: 'owner',
    cancelledAt: at,
    refundPercentage: 50,
  });
  const [payment] = await stage.payments(bookingId);
  expect(payment).toMatchObject({ needsReview: true, reason: 'dispute_lost' });
  expect(await stage.resolve(String(payment?.id), 'written off')).toMatchObject({ ok: true });
  const refund = await eventually(async () => stage.db.refund.findFirst({ where: { paymentId: String(payment?.id) } }));
  expect(refund).toMatchObject({ purpose: 'cancellation', amount: 1_000 });
  expect(await stage.payments(bookingId)).toMatchObject([{ needsReview: false, resolvedReason: 'dispute_lost' }]);
});

test('nobody but the administrator may', async () => {
  const { booking } = await stage.bookPaid();
  const who = ownerOf(booking.establishmentId);
  const refused = { ok: false, refusal: { code: 'forbidden' } };
  expect(await stage.reconcile(1, who)).toMatchObject(refused);
  expect(await stage.reviews(who)).toMatchObject(refused);
  expect(await stage.resolve('evt_1', 'no', who)).toMatchObject(refused);
  expect(await stage.resolve('evt_nothing', 'no')).toMatchObject({ refusal: { code: 'not_found' } });
  expect(await ops('payments', 'everything')).toMatchObject({
    code: 2,
    said: expect.stringContaining('usage: npm run ops'),
  });
});
