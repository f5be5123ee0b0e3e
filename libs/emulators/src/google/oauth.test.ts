import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CodeChallengeMethod } from 'google-auth-library';
import { calendar } from 'googleapis/build/src/apis/calendar/index.js';
import { type GoogleEmulator, startGoogleEmulator } from './google-emulator.ts';
import { eventScope, listScope, oauthClient, owner, refusalOf } from './test-client.ts';

let emulator: GoogleEmulator;
let now = new Date('2026-01-10T12:00:00Z');

beforeEach(async () => {
  now = new Date('2026-01-10T12:00:00Z');
  emulator = await startGoogleEmulator({ clientId: 'client', clientSecret: 'secret', now: () => now });
  emulator.admin.createAccount({ email: owner, name: 'Olivia Owner' });
});
afterEach(() => emulator.close());

async function startConsent(client = oauthClient(emulator)) {
  const { codeVerifier, codeChallenge } = await client.generateCodeVerifierAsync();
  const url = client.generateAuthUrl({
    access_type: 'offline',
    prompt: 'consent',
    scope: [eventScope, listScope],
    state: 'state-1',
    code_challenge_method: CodeChallengeMethod.S256,
    code_challenge: codeChallenge ?? '',
  });
  return { client, url, codeVerifier };
}

async function consent() {
  const { client, url, codeVerifier } = await startConsent();
  const answer = new URL(emulator.admin.authorize(url, { account: owner, decision: 'allow' }));
  return { client, codeVerifier, code: answer.searchParams.get('code') ?? '' };
}

test('a person picks an account, allows, and the client gets tokens for the code and its verifier', async () => {
  const { client, url, codeVerifier } = await startConsent();
  const page = await (await fetch(url)).text();
  expect(page).toContain('Olivia Owner');
  expect(page).toContain('View and edit events on all your calendars');

  const form = new URLSearchParams({ request: new URL(url).search.slice(1), account: owner, decision: 'allow' });
  const answer = await fetch(`${emulator.url}/o/oauth2/v2/auth`, { method: 'POST', body: form, redirect: 'manual' });
  const back = new URL(answer.headers.get('location') ?? '');
  expect(back.origin + back.pathname).toBe('http://localhost:3000/oauth/google/callback');
  expect(back.searchParams.get('state')).toBe('state-1');

  const { tokens } = await client.getToken({ code: back.searchParams.get('code') ?? '', codeVerifier });
  expect(tokens.refresh_token).toBeTruthy();
  expect(tokens.scope).toBe(`${eventScope} ${listScope}`);
  client.setCredentials(tokens);
  const api = calendar({ version: 'v3', auth: client, rootUrl: `${emulator.url}/` });
  const { data } = await api.calendarList.list();
  expect(data.items?.map(each => [each.id, each.primary, each.accessRole])).toEqual([[owner, true, 'owner']]);
});

test('denying sends the browser back with access_denied and the state', async () => {
  const { url } = await startConsent();
  const back = new URL(emulator.admin.authorize(url, { account: owner, decision: 'deny' }));
  expect(Object.fromEntries(back.searchParams)).toEqual({ state: 'state-1', error: 'access_denied' });
});

test('a person can leave a scope out, and its calls are refused', async () => {
  const { client, url, codeVerifier } = await startConsent();
  const back = new URL(emulator.admin.authorize(url, { account: owner, decision: 'allow', scopes: [listScope] }));
  const { tokens } = await client.getToken({ code: back.searchParams.get('code') ?? '', codeVerifier });
  expect(tokens.scope).toBe(listScope);
  client.setCredentials(tokens);
  const api = calendar({ version: 'v3', auth: client, rootUrl: `${emulator.url}/` });
  const refusal = await refusalOf(api.events.list({ calendarId: 'primary' }));
  expect(refusal).toEqual({ status: 403, reason: 'insufficientPermissions' });
});

test('a code is good once; the second use also ends what the first one got', async () => {
  const { client, code, codeVerifier } = await consent();
  const { tokens } = await client.getToken({ code, codeVerifier });
  expect(await refusalOf(client.getToken({ code, codeVerifier }))).toEqual({ status: 400, reason: 'invalid_grant' });
  client.setCredentials({ refresh_token: tokens.refresh_token ?? '' });
  expect(await refusalOf(client.getAccessToken())).toEqual({ status: 400, reason: 'invalid_grant' });
});

test('a code needs the verifier of its challenge, and the client it was made for', async () => {
  const { client, code, codeVerifier } = await consent();
  const wrong = 'x'.repeat(50);
  expect(await refusalOf(client.getToken({ code, codeVerifier: wrong }))).toEqual({
    status: 400,
    reason: 'invalid_grant',
  });
  expect(await refusalOf(client.getToken({ code }))).toEqual({ status: 400, reason: 'invalid_grant' });
  const other = oauthClient(emulator, 'client', 'guess');
  expect(await refusalOf(other.getToken({ code, codeVerifier }))).toEqual({ status: 401, reason: 'invalid_client' });
});

test('a code ends after ten minutes', async () => {
  const { client, code, codeVerifier } = await consent();
  now = new Date(now.getTime() + 11 * 60_000);
  expect(await refusalOf(client.getToken({ code, codeVerifier }))).toEqual({ status: 400, reason: 'invalid_grant' });
});

test('requests that Google would not redirect for end in its error page', async () => {
  const { url } = await startConsent();
  const scope = new URL(url);
  scope.searchParams.set('scope', 'everything');
  const page = await fetch(scope);
  expect(page.status).toBe(400);
  expect(await page.text()).toContain('invalid_scope');
  const client = new URL(url);
  client.searchParams.set('client_id', 'stranger');
  expect((await fetch(client)).status).toBe(401);
});

test('the SDK refreshes an ended access token by itself', async () => {
  const client = oauthClient(emulator);
  const issued = emulator.admin.issueTokens({ email: owner });
  client.setCredentials({ refresh_token: issued.refresh_token, access_token: issued.access_token });
  emulator.admin.expireAccessTokens();
  const api = calendar({ version: 'v3', auth: client, rootUrl: `${emulator.url}/` });
  expect((await api.events.list({ calendarId: 'primary' })).status).toBe(200);
  expect(emulator.admin.callCounts()).toEqual({
    'GET /calendar/v3/calendars/{calendarId}/events': 2,
    'POST /token': 1,
  });
});

test('access tokens end for one account, or for all', async () => {
  emulator.admin.createAccount({ email: 'other@example.com' });
  const tokens = [owner, 'other@example.com'].map(email => emulator.admin.issueTokens({ email }).access_token);
  const statuses = () =>
    Promise.all(
      tokens.map(async token => {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`${emulator.url}/calendar/v3/calendars/primary/events`, { headers })).status;
      }),
    );
  emulator.admin.expireAccessTokens(owner);
  expect(await statuses()).toEqual([401, 200]);
  emulator.admin.expireAccessTokens();
  expect(await statuses()).toEqual([401, 401]);
});

test('a rotated refresh token is handed out in the tokens event, and the old one ends', async () => {
  emulator.admin.configure({ rotateRefreshTokens: true });
  const client = oauthClient(emulator);
  const { refresh_token } = emulator.admin.issueTokens({ email: owner });
  client.setCredentials({ refresh_token });
  const rotated: (string | null | undefined)[] = [];
  client.on('tokens', tokens => rotated.push(tokens.refresh_token));
  await client.getAccessToken();
  expect(rotated).toHaveLength(1);
  const late = oauthClient(emulator);
  late.setCredentials({ refresh_token });
  expect(await refusalOf(late.getAccessToken())).toEqual({ status: 400, reason: 'invalid_grant' });
  late.setCredentials({ refresh_token: rotated[0] ?? '' });
  expect((await late.getAccessToken()).token).toBeTruthy();
});

test('rotated refresh tokens can last, the last hundred of them', async () => {
  emulator.admin.configure({ rotateRefreshTokens: true, olderRefreshTokensLast: true });
  const { refresh_token } = emulator.admin.issueTokens({ email: owner });
  const refreshWith = async (token: string): Promise<string> => {
    const client = oauthClient(emulator);
    client.setCredentials({ refresh_token: token });
    let rotated = '';
    client.on('tokens', tokens => {
      rotated = tokens.refresh_token ?? '';
    });
    await client.refreshAccessToken();
    return rotated;
  };
  const first = refresh_token ?? '';
  const second = await refreshWith(first);
  for (let issued = 2; issued < 100; issued += 1) await refreshWith(second);
  await refreshWith(first);
  expect(await refusalOf(refreshWith(first))).toEqual({ status: 400, reason: 'invalid_grant' });
  expect(await refreshWith(second)).toBeTruthy();
});

test('revoking ends access and refresh tokens, whoever does it', async () => {
  const client = oauthClient(emulator);
  const { access_token, refresh_token } = emulator.admin.issueTokens({ email: owner });
  client.setCredentials({ access_token, refresh_token });
  expect((await client.getTokenInfo(access_token)).email).toBe(owner);
  await client.revokeToken(refresh_token);
  expect(await refusalOf(client.revokeToken(refresh_token))).toEqual({ status: 400, reason: 'invalid_token' });
  expect(await refusalOf(client.getTokenInfo(access_token))).toEqual({ status: 400, reason: 'invalid_token' });

  const { refresh_token: second } = emulator.admin.issueTokens({ email: owner });
  client.setCredentials({ refresh_token: second });
  const api = calendar({ version: 'v3', auth: client, rootUrl: `${emulator.url}/`, retry: false });
  emulator.admin.revokeAccount(owner);
  const refusal = await refusalOf(api.events.list({ calendarId: 'primary' }));
  expect(refusal).toEqual({ status: 400, reason: 'invalid_grant' });
  const bare = await fetch(`${emulator.url}/calendar/v3/users/me/calendarList`);
  expect([bare.status, await bare.json()]).toMatchObject([401, { error: { code: 401, status: 'UNAUTHENTICATED' } }]);
});
