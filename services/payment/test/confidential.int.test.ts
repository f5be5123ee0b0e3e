import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually, recordingLogger } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

const { logger, written } = recordingLogger();
let stage: Stage;
beforeAll(async () => {
  stage = await setStage({ logger });
});
afterAll(() => stage.close());

test('logs hold no secret, no body of a webhook, no card and nobody’s name, whatever goes wrong', async () => {
  const customer = { name: 'Honoria Quill', email: 'honoria@example.com', phone: '+1 514 555 0177' };
  const { bookingId, intent } = await stage.bookPaid({ customer, notes: 'Allergic to walruses' });
  const body = JSON.stringify({
    id: 'evt_talkative',
    type: 'checkout.session.completed',
    data: {
      object: { id: 'cs_test_nobodys', object: 'checkout.session', customer_details: customer, last4: 'visa-4242' },
    },
  });
  expect(await stage.stripe.webhooks.forge({ body, secret: 'whsec_wrong' })).toBe(400);
  expect(await stage.stripe.webhooks.forge({ body, secret: 'whsec_next' })).toBe(200);
  stage.stripe.faults.add({ match: { method: 'POST', path: '^/v1/refunds$' }, status: 500, times: 1 });
  stage.stripe.refunds.holdNext(1);
  await stage.announce(bookingId, { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
  const [refund] = await eventually(async () => {
    const made = Object.values(stage.stripe.state().refunds).filter(({ payment_intent }) => payment_intent === intent);
    return made.length > 0 && made;
  });
  stage.stripe.refunds.settle(String(refund?.id), 'failed', 'lost_or_stolen_card');
  await eventually(() => stage.subjectsOf(bookingId).includes('payment.needs_review'));
  await stage.quiet();
  // It was told enough to follow what happened.
  for (const said of ['wrong or old signature', 'Stripe event processed', 'refund waits', 'refund failed', bookingId]) {
    expect(written()).toContain(said);
  }
  expect(written()).not.toMatch(/whsec_|sk_test|Honoria|honoria@|555 0177|walruses|4242|customer_details/);
});
