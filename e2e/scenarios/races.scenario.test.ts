import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { booking } from '@monde-sauvage/contracts';
import { z } from 'zod';
import { recordAnswers } from '../invariants/answers.ts';
import { invariantsHold } from '../invariants/at-rest.ts';
import type { Answer } from '../support/api.ts';
import {
  book,
  bookingBody,
  dateAhead,
  type Lodge,
  openLodge,
  type Scenario,
  startScenario,
} from '../support/scenario.ts';

let scenario: Scenario;
let lodge: Lodge;
const answers = recordAnswers();

beforeAll(async () => {
  scenario = answers.listenTo(await startScenario());
  lodge = await openLodge(scenario, { google: false });
}, 300_000);

afterEach(() => invariantsHold(scenario.platform, answers), 300_000);

afterAll(() => scenario?.stop(), 300_000);

const tally = (answers: Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

const activeRows = async (from: string, to: string) => {
  const path = `/v1/establishments/${lodge.establishmentId}/bookings?status=pending&from=${from}&to=${to}`;
  return (await lodge.owner.expect(200, z.object({ items: z.array(booking) }), 'GET', path)).items;
};

describe('guests who want the same night', () => {
  it.each([
    [2, 40],
    [50, 44],
  ])('%i at once: exactly one gets it, the others are told 409', async (guests, day) => {
    const wish = { startDate: dateAhead(day), endDate: dateAhead(day + 1) };
    const answers = await Promise.all(
      Array.from({ length: guests }, (_, guest) =>
        scenario.api.call('POST', '/v1/bookings', {
          body: bookingBody(lodge.chaletId, { ...wish, name: `Guest ${guest}` }),
        }),
      ),
    );
    expect(tally(answers)).toEqual({ 201: 1, 409: guests - 1 });
    const refused = answers.filter(answer => answer.status === 409);
    expect(new Set(refused.map(answer => z.object({ code: z.string() }).parse(answer.body).code))).toEqual(
      new Set(['dates_unavailable']),
    );
    expect(await activeRows(wish.startDate, wish.endDate)).toHaveLength(1);
  });

  it('fifty stays of different lengths that overlap in a chain never share a night', async () => {
    const wishes = Array.from({ length: 50 }, (_, index) => ({
      startDate: dateAhead(60 + (index % 10)),
      endDate: dateAhead(60 + (index % 10) + 1 + (index % 4)),
    }));
    const answers = await Promise.all(
      wishes.map(wish => scenario.api.call('POST', '/v1/bookings', { body: bookingBody(lodge.chaletId, wish) })),
    );
    expect(Object.keys(tally(answers)).sort()).toEqual(['201', '409']);
    const rows = (await activeRows(dateAhead(60), dateAhead(75))).sort((a, b) =>
      a.startDate.localeCompare(b.startDate),
    );
    expect(rows).toHaveLength(tally(answers)[201] ?? 0);
    for (const [index, row] of rows.entries()) {
      expect(row.startDate >= (rows[index - 1]?.endDate ?? row.startDate)).toBe(true);
    }
  });
});

describe('an Idempotency-Key', () => {
  const send = (key: string, body: unknown) =>
    scenario.api.call('POST', '/v1/bookings', { body, headers: { 'idempotency-key': key } });

  it('gives two requests that arrive at once the same answer, token included', async () => {
    const body = bookingBody(lodge.chaletId, { startDate: dateAhead(80), endDate: dateAhead(82) });
    const answers = await Promise.all([1, 2, 3, 4].map(() => send('one-key', body)));
    expect(answers.map(answer => answer.status)).toEqual([201, 201, 201, 201]);
    for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
    const later = await send('one-key', body);
    expect(later.body).toEqual(answers[0]?.body);
    expect(await activeRows(dateAhead(80), dateAhead(82))).toHaveLength(1);
  });

  it('refuses the same key with another body', async () => {
    const first = bookingBody(lodge.chaletId, { startDate: dateAhead(84), endDate: dateAhead(85) });
    expect((await send('other-key', first)).status).toBe(201);
    const answer = await send('other-key', { ...first, endDate: dateAhead(86) });
    expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
  });

  it('may be used again after a refusal, once the nights are free', async () => {
    const wish = { startDate: dateAhead(88), endDate: dateAhead(89) };
    const holder = await book(scenario, lodge.chaletId, wish);
    const body = bookingBody(lodge.chaletId, wish);
    expect((await send('patient-key', body)).status).toBe(409);
    await scenario.api.as(holder.manageToken).call('POST', `/v1/bookings/${holder.id}/cancel`, { body: {} });
    expect((await send('patient-key', body)).status).toBe(201);
  });
});
