import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type HttpRoute, httpRoutes, ok, type Refusal, refuse, refuseForNow } from '@monde-sauvage/contracts';
import { z } from 'zod';
import { bodyExamples } from '../src/openapi-examples.ts';
import { booking, chalet, world } from './fake-services.ts';
import { adminKey, readProblem, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());
afterEach(() => stage.fakes.override.clear());

const newBooking = bodyExamples.createBooking;
const lastAsked = () => stage.fakes.asked.at(-1);

test('serves every route of the contract, and no other', () => {
  const name = (route: HttpRoute) => `${route.method} ${route.path}`;
  expect(stage.gateway.served.map(name).sort()).toEqual(Object.values<HttpRoute>(httpRoutes).map(name).sort());
});

test('books: 201, where the booking is, and its manageToken', async () => {
  const response = await stage.call('POST', '/v1/bookings', {
    json: newBooking,
    headers: { 'idempotency-key': 'k-1' },
  });
  expect(response.status).toBe(201);
  expect(response.headers.get('location')).toBe(`/v1/bookings/${world.booking}`);
  expect(await response.json()).toEqual({ ...booking, manageToken: world.guestToken });
  expect(lastAsked()).toMatchObject({ subject: 'svc.booking.create', input: { idempotencyKey: 'k-1' } });
});

test('says where a body is wrong', async () => {
  const json = { chaletId: 'x', startDate: '2027-02-30', endDate: '2027-03-05', customer: { name: '', email: 'no' } };
  const problem = await readProblem(await stage.call('POST', '/v1/bookings', { json }));
  expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
  expect(problem.errors?.map(error => error.path)).toEqual([
    'chaletId',
    'startDate',
    'customer.name',
    'customer.email',
  ]);
});

test('names keys that a change does not know', async () => {
  const path = `/v1/chalets/${world.chalet}`;
  const problem = await readProblem(await stage.call('PATCH', path, { token: adminKey, json: { nightlyrate: 1 } }));
  expect(problem.errors).toEqual([{ path: 'nightlyrate', message: 'is not known here' }]);
});

test('names keys that nobody knows, however deep, and asks no service', async () => {
  const asked = stage.fakes.asked.length;
  const send = async (method: string, path: string, json: unknown) =>
    (await readProblem(await stage.call(method, path, { token: adminKey, json }))).errors;
  const unknown = (path: string) => [{ path, message: 'is not known here' }];
  const exampleOf = (operation: string) => z.looseObject({}).parse(bodyExamples[operation]);
  const customer = { name: 'John Doe', email: 'john.doe@example.com', telefone: '+1 418 555 0199' };
  const booking = { ...exampleOf('createBooking'), customer };
  expect(await send('POST', '/v1/bookings', booking)).toEqual(unknown('customer.telefone'));
  const chalet = { ...exampleOf('createChalet'), minNigths: 2 };
  expect(await send('POST', `/v1/establishments/${world.establishment}/chalets`, chalet)).toEqual(unknown('minNigths'));
  const deposit = { percentage: 30, balanceDaysBefore: 30, graceDay: 5 };
  expect(await send('PATCH', `/v1/establishments/${world.establishment}`, { deposit })).toEqual(
    unknown('deposit.graceDay'),
  );
  expect(stage.fakes.asked).toHaveLength(asked);
});

test.each([
  ['a missing end', '?from=2027-02-10', 'to'],
  ['an end before the start', '?from=2027-02-10&to=2027-02-09', 'to'],
  ['more than 400 days', '?from=2027-02-10&to=2029-02-10', 'to'],
  ['a date given twice', '?from=2027-02-10&from=2027-02-11&to=2027-02-12', 'from'],
])('refuses a query with %s', async (_, query, path) => {
  const problem = await readProblem(await stage.call('GET', `/v1/chalets/${world.chalet}/availability${query}`));
  expect(problem).toMatchObject({ status: 422, errors: [{ path }] });
});

test.each(['has space', 'ü', 'x'.repeat(256)])('refuses the Idempotency-Key %.10s', async key => {
  const headers = { 'idempotency-key': Buffer.from(key).toString('latin1') };
  const problem = await readProblem(await stage.call('POST', '/v1/bookings', { json: newBooking, headers }));
  expect(problem).toMatchObject({ status: 422, errors: [{ path: 'Idempotency-Key' }] });
});

test('refuses bodies that are malformed, too large, not JSON or in an unknown encoding', async () => {
  const send = async (type: string, body: string, headers: Record<string, string> = {}) =>
    (
      await readProblem(
        await stage.call('POST', '/v1/bookings', { body, headers: { 'content-type': type, ...headers } }),
      )
    ).code;
  expect(await send('application/json', '{"chaletId":')).toBe('malformed_json');
  expect(await send('application/json', JSON.stringify({ notes: 'x'.repeat(120_000) }))).toBe('payload_too_large');
  expect(await send('text/plain', '{}')).toBe('unsupported_media_type');
  expect(await send('application/x-www-form-urlencoded', 'a=b')).toBe('unsupported_media_type');
  expect(await send('application/json', '{}', { 'content-encoding': 'compress' })).toBe('unsupported_media_type');
  expect(await send('application/json', '"text"')).toBe('validation_failed');
  expect(await send('application/json; charset=utf-8', '{}')).toBe('validation_failed');
});

test('a body is optional where the contract says so', async () => {
  const path = `/v1/bookings/${world.booking}/cancel`;
  expect((await stage.call('POST', path, { token: world.guestToken })).status).toBe(200);
  expect((await stage.call('POST', path, { token: world.guestToken, json: { reason: 'ill' } })).status).toBe(200);
  expect(lastAsked()).toMatchObject({ input: { reason: 'ill', actor: { kind: 'guest' } } });
});

test('answers 404 for unknown paths and impossible ids, 405 with Allow for other methods', async () => {
  for (const path of ['/v1/nothing', '/v1/chalets/42', '/v1/bookings/%zz', '/.env']) {
    const response = await stage.call('GET', path, { token: adminKey });
    expect([path, (await readProblem(response)).code]).toEqual([path, 'not_found']);
  }
  const response = await stage.call('DELETE', `/v1/chalets/${world.chalet}`);
  expect(response.headers.get('allow')).toBe('GET, HEAD, PATCH');
  expect(await readProblem(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
});

test('keeps a sane request id and trace, and passes them to the services', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const headers = { 'x-request-id': 'client-7', traceparent };
  const response = await stage.call('GET', `/v1/chalets/${world.chalet}`, { headers });
  expect(response.headers.get('x-request-id')).toBe('client-7');
  expect(lastAsked()).toMatchObject({ requestId: 'client-7', traceparent });
});

test('begins a trace where the client brings none that is valid', async () => {
  const ids = new Set();
  for (const given of [undefined, 'nonsense', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`]) {
    await stage.call('GET', `/v1/chalets/${world.chalet}`, { headers: given ? { traceparent: given } : {} });
    const { traceparent } = lastAsked() ?? {};
    expect(traceparent).toMatch(/^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-01$/);
    ids.add(traceparent);
  }
  expect(ids.size).toBe(3);
});

test('makes a request id when there is none, or none that is sane', async () => {
  const ids = [];
  for (const given of ['', 'x'.repeat(101), 'a b']) {
    const response = await stage.call('GET', '/v1/nothing', { headers: given ? { 'x-request-id': given } : {} });
    const id = response.headers.get('x-request-id');
    expect(id).toMatch(/^[\da-f-]{36}$/);
    expect((await readProblem(response)).requestId).toBe(id);
    ids.push(id);
  }
  expect(new Set(ids).size).toBe(3);
});

test('strips what a contract does not name from an answer', async () => {
  stage.fakes.override.set('svc.booking.get_chalet', async () => ok({ ...chalet, ownerEmail: 'owner@example.com' }));
  const response = await stage.call('GET', `/v1/chalets/${world.chalet}`);
  expect(await response.json()).toEqual(chalet);
});

test('a service that fails or breaks its contract is a 500 without its innards', async () => {
  for (const answer of [
    async () => ok({ id: 'nonsense' }),
    async () => {
      throw new Error('connect ECONNREFUSED 10.0.0.7 password=hunter2');
    },
  ]) {
    stage.fakes.override.set('svc.booking.get_chalet', answer);
    const text = await (await stage.call('GET', `/v1/chalets/${world.chalet}`)).text();
    expect(JSON.parse(text)).toMatchObject({ status: 500, code: 'internal' });
    expect(text).not.toMatch(/hunter2|ECONNREFUSED|nonsense|\.ts:/);
  }
});

test('the schedule syncs first, and answers without Google too, saying so', async () => {
  const path = `/v1/chalets/${world.chalet}/schedule?from=2027-02-01&to=2027-03-01`;
  const google = async () => {
    const response = await stage.call('GET', path, { token: world.ownerToken });
    const body = JSON.parse(await response.text());
    expect(body.items).toHaveLength(1);
    return body.google;
  };
  const before = stage.fakes.asked.length;
  expect(await google()).toEqual({ status: 'fresh', syncedAt: '2027-01-01T00:00:00.000Z' });
  expect(stage.fakes.asked.slice(before).map(({ subject }) => subject)).toEqual([
    'svc.booking.authenticate',
    'svc.calendar-sync.sync_calendar',
    'svc.booking.schedule',
  ]);
  const say = (code: 'google_not_connected' | 'unavailable') =>
    stage.fakes.override.set('svc.calendar-sync.sync_calendar', async () => ({
      ok: false,
      refusal: { code, message: code },
    }));
  say('google_not_connected');
  expect(await google()).toEqual({ status: 'not_connected', syncedAt: null });
  say('unavailable');
  expect(await google()).toEqual({ status: 'unreachable', syncedAt: null });
});

test('a service that says why it cannot now is heard by whoever asked; otherwise it does not answer', async () => {
  const disconnect = async (refusal: Refusal) => {
    stage.fakes.override.set('svc.calendar-sync.disconnect', async () => ({ ok: false, refusal }));
    const path = `/v1/establishments/${world.establishment}/google`;
    const response = await stage.call('DELETE', path, { token: world.ownerToken });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    return readProblem(response);
  };
  const why = refuseForNow('They are still being removed.');
  if (why.ok) throw new Error('a refusal');
  expect(await disconnect(why.refusal)).toMatchObject({ status: 503, detail: 'They are still being removed.' });
  expect(await disconnect({ code: 'unavailable', message: 'too many requests waiting' })).toMatchObject({
    status: 503,
    detail: 'The calendar-sync service does not answer at the moment. Try again shortly.',
  });
});

test('browsers of any site may call, and read what they need', async () => {
  const preflight = await stage.call('OPTIONS', '/v1/bookings', {
    headers: { origin: 'https://partner.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toMatch(/Authorization.*Idempotency-Key/);
  expect(preflight.headers.has('access-control-allow-credentials')).toBe(false);
  const answer = await stage.call('GET', `/v1/chalets/${world.chalet}`);
  expect(answer.headers.get('access-control-expose-headers')).toMatch(/X-Request-Id/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
});

test('refuses what is not HTTP with a request id as well', async () => {
  const { hostname, port } = new URL(stage.url);
  const status = await new Promise<[number | undefined, unknown]>((resolve, reject) => {
    const bad = httpRequest({ hostname, port, path: '/livez', headers: { 'x-big': 'x'.repeat(40_000) } }, response => {
      response.resume();
      resolve([response.statusCode, response.headers['x-request-id']]);
    });
    bad.on('error', reject).end();
  });
  expect(status).toEqual([400, expect.any(String)]);
});

test("an owner's payments come as CSV, page after page, with nothing that a spreadsheet would run", async () => {
  const address = `/v1/establishments/${world.establishment}/payments.csv?from=2027-02-01&to=2027-03-01`;
  const response = await stage.call('GET', address, { token: world.ownerToken });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(response.headers.get('content-disposition')).toBe('attachment; filename=payments-2027-02-01-2027-03-01.csv');
  const lines = (await response.text()).split('\r\n');
  const reference = `"'=HYPERLINK(""https://evil.example"";""MS-1"")"`;
  const line = `2027-02-09,2027-02-10T04:30:00.000Z,refund,-12.05,CAD,-1205,${reference},${world.booking},${world.key},full,re_1,ch_1,pi_1`;
  expect(lines).toEqual([expect.stringMatching(/^date,occurred_at,kind,amount,/), line, line, '']);
});

test('an export needs its range, and fails as a problem when payment does not answer', async () => {
  const address = `/v1/establishments/${world.establishment}/payments.csv`;
  const unbounded = await readProblem(await stage.call('GET', address, { token: world.ownerToken }));
  expect(unbounded).toMatchObject({ status: 422, code: 'validation_failed' });
  stage.fakes.override.set('svc.payment.list_ledger', async () => refuse('not_found', 'not found'));
  const range = `${address}?from=2027-02-01&to=2027-03-01`;
  const refused = await readProblem(await stage.call('GET', range, { token: world.ownerToken }));
  stage.fakes.override.delete('svc.payment.list_ledger');
  expect(refused).toMatchObject({ status: 404, code: 'not_found' });
});
