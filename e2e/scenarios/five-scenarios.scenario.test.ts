import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { availability, booking, syncReport } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { recordAnswers } from '../invariants/answers.ts';
import { invariantsHold } from '../invariants/at-rest.ts';
import {
  book,
  calendarSettles,
  dateAhead,
  type Lodge,
  mirrorsAreDone,
  openLodge,
  pay,
  type Scenario,
  startScenario,
} from '../support/scenario.ts';

let scenario: Scenario;
let lodge: Lodge;
const answers = recordAnswers();

beforeAll(async () => {
  scenario = answers.listenTo(await startScenario());
  lodge = await openLodge(scenario);
}, 300_000);

afterEach(() => invariantsHold(scenario.platform, answers), 300_000);

afterAll(() => scenario?.stop(), 300_000);

const bookings = z.object({ items: z.array(booking) });

const readBooking = (id: string) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);
const listBookings = async (query: string) =>
  (await lodge.owner.expect(200, bookings, 'GET', `/v1/establishments/${lodge.establishmentId}/bookings?${query}`))
    .items;

describe('scenario 1: a guest books on the website', () => {
  it('writes a pending row at once and mirrors it to Google in the background', async () => {
    const stay = { startDate: dateAhead(40), endDate: dateAhead(43) };
    const created = await book(scenario, lodge.chaletId, stay);
    expect(created).toMatchObject({
      ...stay,
      nights: 3,
      status: 'pending',
      source: 'website',
      googleEventId: null,
      customer: { name: 'John Doe', email: 'john.doe@example.com' },
      price: { currency: 'CAD', total: 65_000 },
      version: 1,
    });

    const [mirror] = await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
    expect(mirror).toMatchObject({
      summary: 'Chalet 1 - John Doe',
      start: { date: stay.startDate },
      end: { date: stay.endDate },
      attendees: [{ email: 'john.doe@example.com' }],
      extendedProperties: { private: { booking_id: created.id, source: 'website' } },
    });
    const linked = await eventually(async () => {
      const row = await readBooking(created.id);
      return row.googleEventId === null ? undefined : row;
    });
    expect(linked.googleEventId).toBe(mirror?.id);
  });
});

describe('scenario 2: the owner books in Google', () => {
  it('brings an external event in as a confirmed row, follows its move, and cancels the row when it goes', async () => {
    const first = { startDate: dateAhead(50), endDate: dateAhead(55) };
    const event = await scenario.google.addEvent(lodge.calendarId, { title: 'Famille Tremblay', ...first });
    const arrived = await eventually(async () =>
      (await listBookings('source=google&status=confirmed')).find(row => row.googleEventId === event.id),
    );
    expect(arrived).toMatchObject({
      ...first,
      status: 'confirmed',
      source: 'google',
      customer: { name: 'Famille Tremblay' },
    });

    const second = { startDate: dateAhead(51), endDate: dateAhead(54) };
    await scenario.google.moveEvent(lodge.calendarId, event.id, second);
    await eventually(async () => (await readBooking(arrived.id)).startDate === second.startDate);
    expect(await readBooking(arrived.id)).toMatchObject({ ...second, status: 'confirmed' });

    await scenario.google.deleteEvent(lodge.calendarId, event.id);
    await eventually(async () => (await readBooking(arrived.id)).status === 'cancelled');
    expect(await readBooking(arrived.id)).toMatchObject({ cancelReason: 'external_removed' });
  });

  it('answers a sync on demand when the rows are in the database, also without a push', async () => {
    await scenario.google.dropPushes(1);
    const stay = { startDate: dateAhead(60), endDate: dateAhead(62) };
    const event = await scenario.google.addEvent(lodge.calendarId, { title: 'Airbnb', ...stay });
    await lodge.owner.expect(200, syncReport, 'POST', `/v1/chalets/${lodge.chaletId}/google-calendar/sync`);
    const rows = await listBookings('source=google&status=confirmed');
    expect(rows.filter(row => row.googleEventId === event.id)).toHaveLength(1);
  });

  it('refuses to change an external booking from the website', async () => {
    const event = await scenario.google.addEvent(lodge.calendarId, {
      title: 'Famille Roy',
      startDate: dateAhead(64),
      endDate: dateAhead(66),
    });
    const row = await eventually(async () =>
      (await listBookings('source=google&status=confirmed')).find(candidate => candidate.googleEventId === event.id),
    );
    const answer = await lodge.owner.call('POST', `/v1/bookings/${row.id}/cancel`, { body: {} });
    expect(answer).toMatchObject({ status: 409, body: { code: 'read_only_source' } });
  });
});

describe('scenario 3: a guest asks for availability', () => {
  const check = (from: string, to: string) =>
    scenario.api.expect(200, availability, 'GET', `/v1/chalets/${lodge.chaletId}/availability?from=${from}&to=${to}`);

  it('is free when neither the database nor Google has the nights, with the price a booking will have', async () => {
    // Again while one of both does not answer in the little time it is given.
    const answer = await eventually(async () => {
      const seen = await check(dateAhead(70), dateAhead(74));
      expect(seen).toMatchObject({
        available: true,
        conflicts: [],
        sources: { database: { status: 'ok' }, google: { status: 'fresh' } },
      });
      return seen;
    });
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(70), endDate: dateAhead(74) });
    const { nights, ...quoted } = answer.quote;
    expect(created.price).toEqual(quoted);
    expect(created.nights).toBe(nights);
    await eventually(async () => {
      expect(await check(dateAhead(70), dateAhead(74))).toMatchObject({
        available: false,
        conflicts: [{ source: 'website', status: 'pending' }],
      });
      return true;
    });
    expect((await check(dateAhead(74), dateAhead(75))).available).toBe(true);
  });

  it('is taken by an event that stands only in Google, and names nobody', async () => {
    await scenario.google.addEvent(lodge.calendarId, {
      title: 'Secret family',
      startDate: dateAhead(80),
      endDate: dateAhead(83),
    });
    const answer = await eventually(async () => {
      const seen = await check(dateAhead(80), dateAhead(82));
      return seen.available ? undefined : seen;
    });
    expect(answer.conflicts).toEqual([
      { startDate: dateAhead(80), endDate: dateAhead(83), source: 'google', status: 'confirmed' },
    ]);
    expect(JSON.stringify(answer)).not.toContain('Secret');
  });
});

describe('scenario 4: a booking is cancelled', () => {
  it('cancels the row and deletes its event in Google', async () => {
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(90), endDate: dateAhead(92) });
    await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
    const guest = scenario.api.as(created.manageToken);
    const cancelled = await guest.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    expect(cancelled).toMatchObject({ status: 'cancelled', cancelReason: 'guest' });
    await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 0);
    const again = await guest.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    expect(again.cancelledAt).toBe(cancelled.cancelledAt);
  });

  it('leaves nothing in Google when the cancellation overtakes the creation', async () => {
    await scenario.google.addFault({ match: { method: 'POST', path: 'events$' }, times: 1, latencyMs: 700 });
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(94), endDate: dateAhead(96) });
    const guest = scenario.api.as(created.manageToken);
    await guest.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    // A booking made later passes through the same stream: once it is mirrored, both messages have been seen.
    const later = await book(scenario, lodge.chaletId, { startDate: dateAhead(94), endDate: dateAhead(96) });
    await calendarSettles(scenario, lodge, later.id, mirrors => mirrors.length === 1);
    await mirrorsAreDone(lodge);
    expect(await scenario.google.mirrorsOf(lodge.calendarId, created.id)).toEqual([]);
  });
});

describe('scenario 5: the guest pays', () => {
  it('confirms the row, records the payment and retitles the event, also when Stripe says so twice', async () => {
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(100), endDate: dateAhead(103) });
    await scenario.stripe.duplicateWebhooks(10);
    await pay(scenario, created);
    const confirmed = await eventually(async () => {
      const row = await readBooking(created.id);
      return row.status === 'confirmed' ? row : undefined;
    });
    expect(confirmed.payment).toMatchObject({ status: 'succeeded', amountPaid: 65_000, amountRefunded: 0 });
    const [mirror] = await calendarSettles(scenario, lodge, created.id, ([only, ...others]) =>
      Boolean(only?.summary?.startsWith('[CONFIRMED]') && others.length === 0),
    );
    expect(mirror?.summary).toBe('[CONFIRMED] Chalet 1 - John Doe');

    const history = await lodge.owner.expect(
      200,
      z.object({ items: z.array(z.object({ action: z.string() })) }),
      'GET',
      `/v1/bookings/${created.id}/history`,
    );
    const confirmations = history.items.filter(entry => entry.action === 'confirmed');
    expect(confirmations).toHaveLength(1);
  });

  it('refunds by the policy when a paid booking is cancelled', async () => {
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(110), endDate: dateAhead(112) });
    await pay(scenario, created);
    await eventually(async () => (await readBooking(created.id)).status === 'confirmed');
    await lodge.owner.expect(200, booking, 'POST', `/v1/bookings/${created.id}/cancel`, { body: {} });
    const refunded = await eventually(async () => {
      const row = await readBooking(created.id);
      return row.payment.status === 'refunded' ? row : undefined;
    });
    expect(refunded.payment).toMatchObject({ status: 'refunded', amountPaid: 45_000, amountRefunded: 45_000 });
  });
});
