import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { type Stage, setStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const told = (bookingId: string, subject: string) =>
  eventually(() => stage.subjectsOf(bookingId).includes(subject), { describe: subject });

async function entriesOf(establishmentId: string, o: Parameters<Stage['ledger']>[1] = {}) {
  const answer = await stage.ledger(establishmentId, o);
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value;
}

/** What Stripe's own books say of the charges of an establishment's payments, by kind. */
async function stripesSums(establishmentId: string): Promise<Record<string, number>> {
  const payments = await stage.db.payment.findMany({ where: { establishmentId } });
  const state = stage.stripe.state();
  const intents = new Set(payments.map(payment => payment.paymentIntentId));
  const objects = [state.charges, state.refunds, state.disputes].flatMap(kind =>
    Object.values<{ id: string; payment_intent: unknown }>(kind),
  );
  const ids = new Set(objects.filter(one => intents.has(String(one.payment_intent))).map(one => one.id));
  const sums: Record<string, number> = { charged: 0, refunded: 0, disputed: 0 };
  const nameOf: Record<string, string> = { charge: 'charged', refund: 'refunded', refund_failure: 'refunded' };
  for (const { source, amount, reporting_category: category } of Object.values(state.balanceTransactions)) {
    if (!ids.has(String(source))) continue;
    const name = nameOf[category] ?? 'disputed';
    sums[name] = (sums[name] ?? 0) + amount;
  }
  return sums;
}

test('everything that moved is in it once, and its sums are those of Stripe', async () => {
  const { booking, bookingId, intent, chargeId } = await stage.bookPaid();
  const { establishmentId } = booking;
  stage.stripe.webhooks.duplicateNext(20);
  const given = stage.stripe.refunds.create({ payment_intent: intent, amount: 2_000 });
  stage.stripe.refunds.holdNext(1);
  const failing = stage.stripe.refunds.create({ payment_intent: intent, amount: 500 });
  stage.stripe.refunds.settle(failing.id, 'failed');
  await told(bookingId, 'payment.refunded');
  const lost = stage.stripe.disputes.create({ payment_intent: intent, amount: 3_000 });
  const won = stage.stripe.disputes.create({ payment_intent: intent, amount: 4_000 });
  stage.stripe.disputes.close(won.id, 'won');
  stage.stripe.disputes.close(lost.id, 'lost');
  await stage.quiet();
  stage.stripe.webhooks.duplicateNext(0);

  const { items, totals } = await entriesOf(establishmentId);
  expect(items.map(({ kind, amount, stripe }) => [kind, amount, stripe.id]).sort()).toEqual(
    [
      ['charge', 12_000, chargeId],
      ['refund', -2_000, given.id],
      ['refund', -500, failing.id],
      ['refund_failed', 500, failing.id],
      ['dispute', -3_000, lost.id],
      ['dispute', -4_000, won.id],
      ['dispute_reversed', 4_000, won.id],
    ].sort(),
  );
  expect(items.every(entry => entry.bookingReference === 'MS-7K3QXD' && entry.stripe.chargeId === chargeId)).toBe(true);
  expect(JSON.stringify(items)).not.toMatch(/john|doe|@/i);
  const sums = { charged: 12_000, refunded: -2_000, disputed: -3_000 };
  expect(totals).toEqual([{ currency: 'CAD', ...sums, net: 7_000 }]);
  expect(await stripesSums(establishmentId)).toEqual(sums);
});

test('money of another amount than we asked for is in it too, with the reason why a person must look', async () => {
  const { id, establishmentId } = stage.book();
  await stage.checkout(id);
  await stage.db.payment.updateMany({ where: { bookingId: id }, data: { amount: 11_999 } });
  const [payment] = await stage.payments(id);
  stage.stripe.sessions.pay(String(payment?.checkoutSessionId));
  await told(id, 'payment.needs_review');
  expect((await entriesOf(establishmentId, { needsReview: 'true' })).items).toMatchObject([
    {
      kind: 'charge',
      amount: 12_000,
      payment: { needsReview: true, reason: expect.stringMatching(/^amount_mismatch/) },
    },
  ]);
  expect((await entriesOf(establishmentId, { needsReview: 'false' })).items).toEqual([]);
});

describe('the ledger is append-only', () => {
  test.each([
    ['a change', 'UPDATE ledger_entries SET amount = 0'],
    ['a deletion', 'DELETE FROM ledger_entries'],
    ['emptying it', 'TRUNCATE ledger_entries'],
  ])('%s is refused by the database', async (_what, sql) => {
    await stage.bookPaid();
    await expect(stage.db.$executeRawUnsafe(sql)).rejects.toThrow(/append-only/);
  });
});

test("a range is of days on the establishment's calendar, also where a day has 23 hours", async () => {
  const { booking } = await stage.bookPaid();
  const { establishmentId, id: bookingId } = booking;
  const [payment] = await stage.payments(bookingId);
  const entry = (entryKey: string, occurredAt: string) => ({
    ...{ id: newId(), entryKey, kind: 'charge', amount: 1, currency: 'EUR', paymentId: String(payment?.id), bookingId },
    ...{ establishmentId, bookingReference: 'MS-1', stripeId: entryKey, chargeId: entryKey },
    ...{ occurredAt: new Date(occurredAt), recordedAt: new Date(occurredAt) },
  });
  // On 14 March 2027 Toronto puts its clocks forward: the day begins at 05:00 UTC and the next one at 04:00.
  const at = ['04:59:59.999', '05:00:00.000', '23:00:00.000'].map(time => `2027-03-14T${time}Z`);
  const data = [...at, '2027-03-15T03:59:59.999Z', '2027-03-15T04:00:00.000Z'].map((time, index) =>
    entry(`ch_${bookingId}_${index}`, time),
  );
  await stage.db.ledgerEntry.createMany({ data });
  const { items, totals } = await entriesOf(establishmentId, { from: '2027-03-14', to: '2027-03-15' });
  expect(items.map(({ occurredAt }) => occurredAt)).toEqual(data.slice(1, 4).map(row => row.occurredAt.toISOString()));
  expect(totals).toMatchObject([{ currency: 'EUR', charged: 3, net: 3 }]);
});

test('pages follow each other without a gap, and a cursor of somebody else is refused', async () => {
  const { booking, intent } = await stage.bookPaid();
  const { establishmentId } = booking;
  for (const amount of [100, 200, 300]) stage.stripe.refunds.create({ payment_intent: intent, amount });
  await eventually(async () => (await entriesOf(establishmentId)).items.length === 4);
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await entriesOf(establishmentId, { limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map(entry => entry.amount));
    expect(page.totals).toMatchObject([{ net: 11_400 }]);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(seen.sort()).toEqual([-100, -200, -300, 12_000].sort());
  expect(await stage.ledger(establishmentId, { cursor: 'made up' })).toMatchObject({
    ok: false,
    refusal: { code: 'validation_failed' },
  });
});

test('nobody but who manages the establishment sees its money', async () => {
  const { booking } = await stage.bookPaid();
  const { establishmentId, id: bookingId } = booking;
  const strangers = [
    { kind: 'owner', establishmentId: newId(), keyId: newId() },
    { kind: 'guest', bookingId },
  ] as const;
  for (const actor of strangers) {
    expect(await stage.ledger(establishmentId, { actor })).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
    expect(await stage.disputes(establishmentId, { actor })).toMatchObject({
      ok: false,
      refusal: { code: 'not_found' },
    });
  }
  expect((await entriesOf(establishmentId, { actor: { kind: 'admin' } })).items).toHaveLength(1);
});

test('a dispute is shown with its due date and announced with it; evidence and its end are followed', async () => {
  const { booking, bookingId, intent } = await stage.bookPaid();
  const { establishmentId } = booking;
  const made = stage.stripe.disputes.create({ payment_intent: intent, reason: 'product_not_received', dueInDays: 9 });
  await told(bookingId, 'payment.disputed');
  const dueBy = new Date(Number(made.evidence_details.due_by) * 1000).toISOString();
  const summary = { id: made.id, amount: 12_000, currency: 'CAD', reason: 'product_not_received', dueBy };
  expect(stage.factsOf(bookingId).at(-1)?.body.dispute).toEqual({ ...summary, status: 'needs_response' });
  const shown = { ...summary, bookingId, bookingReference: 'MS-7K3QXD' };
  expect(await stage.disputes(establishmentId, { open: 'true' })).toMatchObject({
    value: { items: [{ ...shown, status: 'needs_response', open: true }] },
  });
  stage.stripe.disputes.submitEvidence(made.id);
  await eventually(
    async () => (await stage.db.dispute.findUnique({ where: { id: made.id } }))?.status === 'under_review',
  );
  stage.stripe.disputes.close(made.id, 'lost');
  await eventually(async () => (await stage.db.dispute.findUnique({ where: { id: made.id } }))?.status === 'lost');
  expect(await stage.disputes(establishmentId, { open: 'true' })).toMatchObject({ value: { items: [] } });
  expect(await stage.disputes(establishmentId)).toMatchObject({ value: { items: [{ ...shown, open: false }] } });
  expect(await stage.payments(bookingId)).toMatchObject([{ amountDisputed: 12_000, status: 'disputed' }]);
});
