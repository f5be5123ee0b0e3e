import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { world } from './fake-services.ts';
import { readProblem, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

test('passes a Stripe webhook on byte for byte, whatever it contains and says it is', async () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  for (const type of ['application/json; charset=utf-8', 'text/weird', undefined]) {
    const headers = { 'stripe-signature': 'right', ...(type ? { 'content-type': type } : {}) };
    const response = await stage.call('POST', '/webhooks/stripe', { headers, body: bytes });
    expect([response.status, await response.json()]).toEqual([200, { received: true }]);
    const rawBody = Buffer.from(bytes).toString('base64');
    expect(stage.fakes.asked.at(-1)?.input).toEqual({ rawBody, signature: 'right' });
  }
});

test('refuses a Stripe webhook without a good signature with 400', async () => {
  for (const headers of [{}, { 'stripe-signature': 'wrong' }]) {
    const response = await stage.call('POST', '/webhooks/stripe', { headers, body: '{}' });
    expect(await readProblem(response)).toMatchObject({ status: 400, code: 'validation_failed' });
  }
});

test('refuses a Stripe webhook larger than 1 MB', async () => {
  const headers = { 'stripe-signature': 'right' };
  const response = await stage.call('POST', '/webhooks/stripe', { headers, body: new Uint8Array(1_100_000) });
  expect(await readProblem(response)).toMatchObject({ status: 413 });
});

test("passes a Google push's headers on, and knows only its own channels", async () => {
  const push = (token: string) =>
    stage.call('POST', '/webhooks/google-calendar', {
      headers: {
        'x-goog-channel-id': 'channel-1',
        'x-goog-channel-token': token,
        'x-goog-resource-id': 'resource-1',
        'x-goog-resource-state': 'exists',
        'x-goog-message-number': '7',
      },
    });
  expect((await push('right')).status).toBe(204);
  expect(stage.fakes.asked.at(-1)?.input).toEqual({
    channelId: 'channel-1',
    channelToken: 'right',
    resourceId: 'resource-1',
    resourceState: 'exists',
    messageNumber: '7',
  });
  expect(await readProblem(await push('wrong'))).toMatchObject({ status: 404 });
  expect((await stage.call('POST', '/webhooks/google-calendar')).status).toBe(404);
});

test('the page after Google says connected, or why not, in the language of the browser', async () => {
  const open = async (query: string, language: string) => {
    const response = await stage.call('GET', `/oauth/google/callback${query}`, {
      headers: { 'accept-language': language },
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    return { status: response.status, text: await response.text() };
  };
  const connected = await open('?state=known&code=abc&scope=calendar', 'en-CA,en;q=0.9');
  expect(connected).toMatchObject({ status: 200, text: expect.stringContaining('Google Calendar is connected') });
  const used = await open('?state=used&code=abc', 'fr-CA');
  expect(used.status).toBe(400);
  expect(used.text).toContain('n’est pas connecté');
  expect(used.text).toContain('This &#60;link&#62; was used already.');
  expect((await open('', 'en')).status).toBe(400);
  expect((await open('', 'fr')).text).toContain('L’adresse n’est pas complète');
});

test.each([
  ['state', 'Ce lien a déjà servi'],
  ['error', 'n’a pas été accordé'],
  ['code', 'n’a pas accepté'],
  ['scope', 'Laissez-les toutes cochées'],
  ['refresh_token', 'accès durable'],
  ['something_new', 'Why in English.'],
])('the page after Google says in French what is wrong with the %s', async (path, words) => {
  const message = 'Why in English.';
  stage.fakes.override.set('svc.calendar-sync.complete_connection', async () => ({
    ok: false,
    refusal: { code: 'forbidden', message, errors: [{ path, message }] },
  }));
  const open = async (language: string) => {
    const headers = { 'accept-language': language };
    return (await stage.call('GET', '/oauth/google/callback?state=known&code=abc', { headers })).text();
  };
  expect(await open('fr-CA')).toContain(words);
  expect(await open('en-CA')).toContain(message);
  stage.fakes.override.clear();
});

test('serves the home and checkout pages without scripts', async () => {
  for (const path of ['/', '/checkout/success?session_id=cs_1', '/checkout/cancelled']) {
    const response = await stage.call('GET', path);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toMatch(/^<!doctype html>\n<html lang="fr">/);
    expect(text).not.toContain('<script');
  }
});

test('serves the documentation from here alone', async () => {
  const page = await stage.call('GET', '/docs');
  expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self';/);
  const assets = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(match => match[1] ?? '');
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset).toMatch(/^\//);
    expect([asset, (await stage.call('GET', asset)).status]).toEqual([asset, 200]);
  }
});

test('a service that is away makes 503 with Retry-After, and the rest goes on', async () => {
  await stage.fakes.stop('payment');
  await stage.fakes.stop('calendar-sync');
  const webhook = await stage.call('POST', '/webhooks/stripe', {
    headers: { 'stripe-signature': 'right' },
    body: '{}',
  });
  const checkout = await stage.call('POST', `/v1/bookings/${world.booking}/checkout`, { token: world.guestToken });
  for (const response of [webhook, checkout]) {
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await readProblem(response)).toMatchObject({ status: 503, code: 'unavailable' });
  }
  const callback = await stage.call('GET', '/oauth/google/callback?state=known&code=abc');
  expect([callback.status, callback.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
  expect((await stage.call('GET', `/v1/bookings/${world.booking}`, { token: world.guestToken })).status).toBe(200);
  expect((await stage.call('GET', '/readyz')).status).toBe(200);
});
