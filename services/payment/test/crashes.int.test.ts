import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { UnavailableError } from '@monde-sauvage/messaging';
import { eventually, planCrashes } from '@monde-sauvage/testkit';
import { type CrashPoint, pointAfter, stripeCalls } from '../src/crash-points.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
let fleet: Fleet;
const crashes = planCrashes<CrashPoint>();
beforeAll(async () => {
  stage = await setStage();
  await stage.stopService();
});
afterAll(async () => {
  await stage.startService();
  await stage.close();
});
beforeEach(async () => {
  fleet = await startFleet({
    ...{ replicas: 1, crashes, now: stage.stripe.clock.now, servers: stage.servers },
    environment: {
      ...{ PORT: '0', HOST: '127.0.0.1', PUBLIC_URL: 'https://monde-sauvage.test' },
      ...{ STRIPE_SECRET_KEY: 'sk_test', STRIPE_WEBHOOK_SECRET: 'whsec_of_the_test' },
    },
  });
});
afterEach(async () => {
  stage.stripe.expansion.limit(4);
  await fleet.stop();
});

/** Asks again for as long as somebody ends instead of answering. */
const insist = <T>(ask: () => Promise<{ ok: true; value: T } | { ok: false; refusal: { message: string } }>) =>
  eventually(async () => {
    try {
      const answer = await fleet.untilSomeoneEnds(ask());
      if (!answer.ok) throw new Error(answer.refusal.message);
      return answer;
    } catch (error) {
      if (error instanceof UnavailableError) await fleet.whole();
      throw error;
    }
  });

/** Minutes pass, so that leases of who ended do, and what waits for an interval is done. */
const inMinutes = (describe: string, isSo: () => Promise<boolean>) =>
  eventually(
    async () => {
      if (await isSo()) return true;
      await fleet.whole();
      stage.stripe.clock.moveBy(61_000);
      fleet.nudge();
      return false;
    },
    { describe },
  );

test.each(stripeCalls)('who ends with the answer to %s has lost nothing and done nothing twice', async call => {
  // What was left of the lives before this one is not what is crashed at.
  await stage.quiet();
  const point = pointAfter(call);
  if (point === undefined) throw new Error('no such point');
  const before = crashes.struck.get(point) ?? 0;
  stage.stripe.expansion.limit(0);
  crashes.arm(point);

  // A guest who opens the page and changes their mind: the session is closed.
  const { id: left } = stage.book();
  await insist(() => stage.checkoutOnce(left));
  await stage.announce(left, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 0 });
  await inMinutes('the session is closed', async () => (await stage.payments(left))[0]?.status === 'expired');

  // One who pays, is given some back by the owner and some in the dashboard (which nobody tells), and turns to their bank.
  const { id } = stage.book();
  await insist(() => stage.checkoutOnce(id));
  const [open] = await stage.payments(id);
  const session = String(open?.checkoutSessionId);
  stage.stripe.sessions.pay(session);
  await inMinutes('it is paid', async () => (await stage.payments(id))[0]?.status === 'succeeded');
  await stage.announce(id, { status: 'confirmed', confirmedAt: stage.stripe.clock.now().toISOString() });
  await insist(() => stage.refund(id, { refund: { amount: 3_000 }, idempotencyKey: id }));
  const refunded = async () => (await stage.payments(id))[0]?.amountRefunded;
  await inMinutes('some is back', async () => (await refunded()) === 3_000);
  const intent = String((await stage.payments(id))[0]?.paymentIntentId);
  stage.stripe.webhooks.dropNext(10);
  stage.stripe.refunds.create({ payment_intent: intent, amount: 1_000 });
  stage.stripe.webhooks.dropNext(0);
  await inMinutes('the lost webhook is found', async () => (await refunded()) === 4_000);
  stage.stripe.disputes.create({ payment_intent: intent, amount: 2_000 });
  await inMinutes('the dispute is known', async () => (await stage.payments(id))[0]?.amountDisputed === 2_000);
  await inMinutes('its end was reached', async () => (crashes.struck.get(point) ?? 0) === before + 1);
  await inMinutes('every event is done', async () => {
    return (await stage.db.stripeEvent.count({ where: { processedAt: null } })) === 0;
  });

  const { sessions, refunds } = stage.stripe.state();
  const sessionsOf = (bookingId: string) =>
    Object.values(sessions).filter(one => one.session.client_reference_id === bookingId);
  expect([sessionsOf(left).length, sessionsOf(id).length]).toEqual([1, 1]);
  expect(sessionsOf(left)[0]?.session.status).toBe('expired');
  const amounts = Object.values(refunds).flatMap(one => (one.payment_intent === intent ? one.amount : []));
  expect(amounts.sort()).toEqual([1_000, 3_000]);
  const ledger = await stage.db.ledgerEntry.findMany({ where: { bookingId: id } });
  expect(ledger.map(({ kind, amount }) => `${kind} ${amount}`).sort()).toEqual([
    'charge 12000',
    'dispute -2000',
    'refund -1000',
    'refund -3000',
  ]);
});
