import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { availability, booking, driftDecision, historyEntry } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { recordAnswers } from '../invariants/answers.ts';
import { invariantsHold } from '../invariants/at-rest.ts';
import {
  book,
  bookingBody,
  calendarSettles,
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

beforeAll(async () => {
  scenario = answers.listenTo(await startScenario({ AVAILABILITY_MAX_STALENESS_SECONDS: '0' }));
  lodge = await openLodge(scenario);
}, 300_000);

afterEach(() => invariantsHold(scenario.platform, answers), 300_000);

afterAll(() => scenario?.stop(), 300_000);

const choose = (settings: Record<string, unknown>) =>
  lodge.owner.expect(200, z.object({ id: z.string() }), 'PATCH', `/v1/establishments/${lodge.establishmentId}`, {
    body: settings,
  });
const readBooking = (id: string) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);

describe('an owner who sells nothing while Google cannot be asked', () => {
  const wish = { startDate: dateAhead(30), endDate: dateAhead(32) };
  const check = () =>
    scenario.api.expect(
      200,
      availability,
      'GET',
      `/v1/chalets/${lodge.chaletId}/availability?from=${wish.startDate}&to=${wish.endDate}`,
    );

  it('has guests refused with the reason, and served again when Google is back', async () => {
    await choose({ whenGoogleUnreachable: 'closed' });
    await scenario.google.setDown(true);
    await eventually(async () => !(await check()).available, { describe: 'the check to refuse' });
    expect(await check()).toMatchObject({
      conflicts: [],
      reasons: [{ code: 'calendar_unreachable' }],
      sources: { google: { status: 'unreachable' } },
    });
    const refused = await scenario.api.call('POST', '/v1/bookings', { body: bookingBody(lodge.chaletId, wish) });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'dates_unavailable',
      detail: expect.stringContaining('cannot be consulted'),
    });
    await scenario.google.setDown(false);
    await eventually(async () => (await check()).available, { describe: 'the check to serve again' });
    // Again when Google's answer, which is asked for, comes too late for a guest.
    const created = await eventually(() => book(scenario, lodge.chaletId, wish), { describe: 'the booking' });
    await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
    await choose({ whenGoogleUnreachable: 'open' });
  });
});

describe('an owner who wants to be asked about changes in Google', () => {
  const decisions = `/google/decisions`;
  const waiting = async () => {
    const path = `/v1/establishments/${lodge.establishmentId}${decisions}`;
    return (await lodge.owner.expect(200, z.object({ items: z.array(driftDecision) }), 'GET', path)).items;
  };
  const questionAbout = (bookingId: string) =>
    eventually(async () => (await waiting()).find(decision => decision.bookingId === bookingId), {
      describe: 'the question',
    });
  const decide = (id: string, decision: 'restore' | 'cancel') =>
    lodge.owner.expect(200, driftDecision, 'POST', `/v1/establishments/${lodge.establishmentId}${decisions}/${id}`, {
      body: { decision },
    });
  const actionsOf = async (id: string) => {
    const history = await lodge.owner.expect(
      200,
      z.object({ items: z.array(historyEntry) }),
      'GET',
      `/v1/bookings/${id}/history`,
    );
    return history.items.map(({ action, by }) => `${action} by ${by}`);
  };

  it('has a moved event put back, or the booking cancelled and refunded, as decided', async () => {
    await choose({ calendarDrift: 'ask' });
    const [first, second] = [
      await book(scenario, lodge.chaletId, { startDate: dateAhead(40), endDate: dateAhead(42) }),
      await book(scenario, lodge.chaletId, { startDate: dateAhead(50), endDate: dateAhead(52) }),
    ];
    await pay(scenario, second);
    const eventOf = async (id: string, title: RegExp) => {
      const [event] = await calendarSettles(scenario, lodge, id, ([only]) => title.test(only?.summary ?? ''));
      return event?.id ?? '';
    };
    const moved = await eventOf(first.id, /^Chalet 1/);
    const deleted = await eventOf(second.id, /^\[CONFIRMED\]/);
    await scenario.google.moveEvent(lodge.calendarId, moved, { startDate: dateAhead(41), endDate: dateAhead(43) });
    await scenario.google.deleteEvent(lodge.calendarId, deleted);

    const toRestore = await questionAbout(first.id);
    expect(toRestore).toMatchObject({ kinds: ['moved'], to: { startDate: dateAhead(41) }, status: 'waiting' });
    const toCancel = await questionAbout(second.id);
    expect(toCancel).toMatchObject({ kinds: ['deleted'], to: null });
    // Both stay valid and keep their nights.
    expect((await readBooking(first.id)).status).toBe('pending');
    expect((await readBooking(second.id)).status).toBe('confirmed');

    await decide(toRestore.id, 'restore');
    await decide(toCancel.id, 'cancel');
    await calendarSettles(scenario, lodge, first.id, ([only]) => only?.start?.date === dateAhead(40));
    await calendarSettles(scenario, lodge, second.id, mirrors => mirrors.length === 0);
    await eventually(async () => (await readBooking(second.id)).payment.status === 'refunded');
    expect(await readBooking(second.id)).toMatchObject({ status: 'cancelled', cancelReason: 'owner' });
    expect(await waiting()).toEqual([]);
    await eventually(async () => (await actionsOf(first.id)).includes('mirror_restored by calendar'));
    expect(await actionsOf(first.id)).toEqual(
      expect.arrayContaining(['drift_awaits_decision by calendar', 'drift_restore_decided by owner']),
    );
    await eventually(async () => (await actionsOf(second.id)).includes('drift_cancel_decided by owner'));
  });
});
