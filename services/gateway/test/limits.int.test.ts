import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bodyExamples } from '../src/openapi-examples.ts';
import { world } from './fake-services.ts';
import { readProblem, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ env: { RATE_LIMIT_PER_MINUTE: '8', RATE_LIMIT_BOOKINGS_PER_MINUTE: '2' } });
});
afterAll(() => stage.close());

test('limits writes, then everything, and never webhooks or the operator', async () => {
  const book = () => stage.call('POST', '/v1/bookings', { json: bodyExamples.createBooking });
  expect([(await book()).status, (await book()).status]).toEqual([201, 201]);
  const refused = await book();
  expect(refused.headers.get('ratelimit')).toMatch(/"writes"; r=0/);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await readProblem(refused)).toMatchObject({ status: 429, code: 'rate_limited' });

  const read = () => stage.call('GET', `/v1/chalets/${world.chalet}`, { headers: { 'x-forwarded-for': '192.0.2.1' } });
  for (let left = 5; left > 0; left -= 1) expect((await read()).status).toBe(200);
  expect(await readProblem(await read())).toMatchObject({ status: 429 });

  for (let i = 0; i < 10; i += 1) {
    const headers = { 'stripe-signature': 'right' };
    expect((await stage.call('POST', '/webhooks/stripe', { headers, body: '{}' })).status).toBe(200);
    expect((await stage.call('GET', '/livez')).status).toBe(200);
  }
});
