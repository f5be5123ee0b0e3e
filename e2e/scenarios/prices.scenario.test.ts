import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, availability, booking, type establishmentPatch } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { recordAnswers } from '../invariants/answers.ts';
import { invariantsHold } from '../invariants/at-rest.ts';
import {
  book,
  type CreatedBooking,
  dateAhead,
  type Lodge,
  openLodge,
  pay,
  type Scenario,
  startScenario,
} from '../support/scenario.ts';

let scenario: Scenario;
let lodge: Lodge;
const answers = recordAnswers();

const season = {
  name: 'Haute saison',
  startDate: dateAhead(101),
  endDate: dateAhead(150),
  nightlyRate: 30_000,
  weekendRate: 35_000,
};
const taxes = [
  { name: 'TPS', rateMillionths: 50_000 },
  { name: 'TVQ', rateMillionths: 99_750 },
];
const deposit = { percentage: 30, balanceDaysBefore: 30 };

const change = (patch: z.input<typeof establishmentPatch>) =>
  lodge.owner.expect(200, z.unknown(), 'PATCH', `/v1/establishments/${lodge.establishmentId}`, { body: patch });

beforeAll(async () => {
  scenario = answers.listenTo(await startScenario());
  lodge = await openLodge(scenario, { google: false });
  const rates = {
    seasons: [season],
    weekendRate: 24_000,
    includedGuests: 1,
    extraGuestFee: 1_500,
    lengthDiscounts: [{ nights: 7, percentage: 10 }],
  };
  await lodge.owner.expect(200, z.unknown(), 'PATCH', `/v1/chalets/${lodge.chaletId}`, { body: rates });
  await change({ taxes, deposit });
}, 300_000);

afterEach(() => invariantsHold(scenario.platform, answers), 300_000);

afterAll(() => scenario?.stop(), 300_000);

const readBooking = (id: string) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);

/** The quote of a stay for two, once the rates that were just set have reached the service that quotes. */
const quoteFor = (startDate: string, endDate: string) =>
  eventually(async () => {
    const path = `/v1/chalets/${lodge.chaletId}/availability?from=${startDate}&to=${endDate}&guests=2`;
    const { quote } = await lodge.owner.expect(200, availability, 'GET', path);
    return quote.lines.some(line => line.kind === 'tax') && quote.schedule?.length === 2 && quote;
  });

/** Pays what is due next and waits until the booking says so. */
async function payNext(created: CreatedBooking, amountPaid: number) {
  const asked = await pay(scenario, created);
  const paid = await eventually(async () => {
    const row = await readBooking(created.id);
    return row.payment.amountPaid === amountPaid && row;
  });
  return { asked, paid };
}

describe('a stay over the border of a season, with everything that makes a price', () => {
  it('costs what was quoted, is asked for by Stripe as a deposit and a balance, and goes back in full from the owner', async () => {
    const stay = { startDate: dateAhead(99), endDate: dateAhead(106) };
    const { nights, ...quoted } = await quoteFor(stay.startDate, stay.endDate);
    expect(nights).toBe(7);
    const created = await book(scenario, lodge.chaletId, stay);
    expect(created.price).toEqual(quoted);
    expect(quoted.lines.reduce((sum, line) => sum + line.amount, 0)).toBe(quoted.total);
    const [now, later] = quoted.schedule ?? [];
    expect(now?.purpose).toBe('deposit');
    expect(later).toMatchObject({ purpose: 'balance', dueDate: addDays(stay.startDate, -30) });

    const first = await payNext(created, now?.amount ?? 0);
    expect(first.asked).toBe(now?.amount);
    expect(first.paid).toMatchObject({
      status: 'confirmed',
      payment: { status: 'succeeded', amountDue: later?.amount, balanceStatus: 'due' },
      cancellation: { percentage: 100, amount: now?.amount },
    });
    const second = await payNext(created, quoted.total);
    expect(second.asked).toBe(later?.amount);
    expect(second.paid.payment).toMatchObject({ status: 'succeeded', amountDue: 0, balanceStatus: 'paid' });

    await lodge.owner.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    const back = await eventually(async () => {
      const row = await readBooking(created.id);
      return row.payment.status === 'refunded' && row;
    });
    expect(back.payment).toMatchObject({ amountPaid: quoted.total, amountRefunded: quoted.total });
  });

  it('gives a guest back the share of the deposit that was told, by the policy of when it was booked', async () => {
    const tiers = [
      { daysBefore: 200, percentage: 90 },
      { daysBefore: 20, percentage: 25 },
    ];
    await change({ cancellationPolicy: { name: 'custom', tiers } });
    const stay = { startDate: dateAhead(120), endDate: dateAhead(123) };
    const { total, schedule } = await quoteFor(stay.startDate, stay.endDate);
    const created = await book(scenario, lodge.chaletId, stay);
    await change({ cancellationPolicy: 'flexible' });
    const paid = schedule?.[0]?.amount ?? 0;
    expect(paid).toBeLessThan(total);
    await payNext(created, paid);
    const guest = scenario.api.as(created.manageToken);
    const told = await guest.expect(200, booking, 'GET', `/v1/bookings/${created.id}`);
    expect(told.cancellation).toMatchObject({ percentage: 25, amount: Math.floor((paid * 25 + 50) / 100) });
    await guest.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    const back = await eventually(async () => {
      const row = await readBooking(created.id);
      return row.payment.status === 'partially_refunded' && row;
    });
    expect(back.payment).toMatchObject({ amountRefunded: told.cancellation?.amount, amountDue: 0 });
  });
});
