import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { calendar, type calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type GoogleEmulator, startGoogleEmulator } from './google-emulator.ts';
import { calendarClient, oauthClient, owner, refusalOf } from './test-client.ts';

let emulator: GoogleEmulator;
let api: calendar_v3.Calendar;
const calendarId = 'chalet-1@group.calendar.google.com';
const stay = { id: 'booking1', summary: 'Chalet 1', start: { date: '2026-02-10' }, end: { date: '2026-02-15' } };
const insert = () => api.events.insert({ calendarId, requestBody: stay });

function fill(target: GoogleEmulator) {
  target.admin.createAccount({ email: owner });
  target.admin.createCalendar({ owner, id: calendarId, summary: 'Chalet <1>' });
}

beforeEach(async () => {
  emulator = await startGoogleEmulator({ now: () => new Date('2026-02-01T12:00:00Z') });
  fill(emulator);
  api = calendarClient(emulator);
});
afterEach(() => emulator.close());

const admin = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${emulator.url}/_emulator/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: answer.status, body: await answer.json() };
};

describe('faults', () => {
  test('a response can be lost after the call was applied, so that the repetition meets a duplicate', async () => {
    await admin('POST', 'faults', { match: { method: 'POST', eventId: 'booking1' }, loseResponse: 'after' });
    expect(await refusalOf(insert())).toEqual({ code: 'ECONNRESET' });
    expect(emulator.admin.listEvents(calendarId)).toHaveLength(1);
    expect(await refusalOf(insert())).toEqual({ status: 409, reason: 'duplicate' });
    expect(emulator.admin.writesPerEvent()).toEqual({ booking1: 2 });
  });

  test('a call can take effect at once and be answered late', async () => {
    emulator.admin.addFault({ match: { eventId: 'booking1' }, answerLatencyMs: 30_000 });
    const patience = { timeout: 200, retry: false };
    await expect(api.events.insert({ calendarId, requestBody: stay }, patience)).rejects.toThrow();
    expect(emulator.admin.listEvents(calendarId)).toHaveLength(1);
  });

  test('a request can be lost before it is applied', async () => {
    emulator.admin.addFault({ match: { path: '/events$' }, loseResponse: 'before' });
    expect(await refusalOf(insert())).toEqual({ code: 'ECONNRESET' });
    expect(emulator.admin.listEvents(calendarId)).toEqual([]);
    expect((await insert()).status).toBe(200);
  });

  test('a fault strikes as often as told, after as many as it lets pass', async () => {
    emulator.admin.addFault({ match: { method: 'get' }, skip: 1, times: 2, status: 429, retryAfter: 7 });
    const { access_token } = emulator.admin.issueTokens({ email: owner });
    const list = () =>
      fetch(`${emulator.url}/calendar/v3/calendars/primary/events`, {
        headers: { authorization: `Bearer ${access_token}` },
      });
    expect((await list()).status).toBe(200);
    const struck = await list();
    expect([struck.status, struck.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await struck.json()).toMatchObject({
      error: { errors: [{ reason: 'rateLimitExceeded', domain: 'usageLimits' }] },
    });
    expect((await list()).status).toBe(429);
    expect((await list()).status).toBe(200);
  });

  test('refuses in the shape of newer services when told to', async () => {
    emulator.admin.addFault({ status: 403, newerShape: true });
    const answer = await fetch(`${emulator.url}/calendar/v3/users/me/calendarList`);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({
      error: {
        code: 403,
        message: 'Rate Limit Exceeded',
        status: 'PERMISSION_DENIED',
        details: [expect.objectContaining({ reason: 'RATE_LIMIT_EXCEEDED' })],
      },
    });
  });

  test('an error can be answered although the call took effect', async () => {
    emulator.admin.addFault({ match: { method: 'POST', path: '/events$' }, status: 503, applied: true });
    expect(await refusalOf(insert())).toEqual({ status: 503, reason: 'backendError' });
    expect(emulator.admin.listEvents(calendarId)).toHaveLength(1);
  });

  test('while down, no call is answered; the admin endpoint still is', async () => {
    await admin('POST', 'down', {});
    expect(await refusalOf(insert())).toEqual({ code: 'ECONNRESET' });
    await admin('POST', 'up', {});
    expect((await insert()).status).toBe(200);
  });
});

describe('the admin endpoint', () => {
  test('writes as the owner and tells what was called', async () => {
    const event = { summary: 'Famille Tremblay', start: { date: '2026-02-10' }, end: { date: '2026-02-15' } };
    const path = `calendars/${encodeURIComponent(calendarId)}/events`;
    const created = await admin('POST', path, event);
    expect(created).toMatchObject({ status: 200, body: event });
    expect((await admin('GET', path)).body).toMatchObject({ events: [event] });
    const { id } = emulator.admin.listEvents(calendarId)[0] ?? {};
    expect((await admin('PATCH', `${path}/${id}`, { summary: null })).status).toBe(200);
    expect(emulator.admin.getEvent(calendarId, id ?? '').summary).toBeUndefined();
    expect((await admin('DELETE', `${path}/${id}`)).status).toBe(200);
    await api.events.list({ calendarId });
    expect((await admin('GET', 'calls?path=events')).body).toMatchObject({
      counts: { 'GET /calendar/v3/calendars/{calendarId}/events': 1 },
    });
  });

  test('says what is wrong with a body', async () => {
    expect((await admin('POST', 'faults', { status: 200 })).status).toBe(400);
    expect((await admin('POST', 'accounts', { email: 'nobody' })).status).toBe(400);
  });

  test('starts afresh when it is reset', async () => {
    await insert();
    await admin('POST', 'reset', {});
    expect((await admin('GET', 'accounts')).body).toEqual({ accounts: [] });
    expect(await refusalOf(insert())).toEqual({ status: 401, reason: 'authError' });
  });
});

describe('the state file', () => {
  test('carries events, sync tokens, refresh tokens and taken ids over a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'google-emulator-'));
    const stateFile = join(folder, 'deep', 'google.json');
    const first = await startGoogleEmulator({ stateFile });
    fill(first);
    const tokens = first.admin.issueTokens({ email: owner });
    first.admin.createEvent(calendarId, stay);
    first.admin.createEvent(calendarId, { ...stay, id: 'booking2' });
    const before = await calendarClient(first).events.list({ calendarId });
    first.admin.deleteEvent(calendarId, 'booking1');
    await first.close();
    expect(JSON.parse(await readFile(stateFile, 'utf8'))).toBeTruthy();

    const second = await startGoogleEmulator({ stateFile });
    const auth = oauthClient(second, 'emulator-client', '');
    auth.setCredentials({ refresh_token: tokens.refresh_token });
    const client = calendar({ version: 'v3', auth, rootUrl: `${second.url}/`, retry: false });
    const changes = await client.events.list({ calendarId, syncToken: before.data.nextSyncToken ?? '' });
    expect(changes.data.items?.map(each => [each.id, each.status])).toEqual([['booking1', 'cancelled']]);
    expect(await refusalOf(client.events.insert({ calendarId, requestBody: stay }))).toMatchObject({ status: 409 });
    await second.close();
    await rm(folder, { recursive: true });
  });
});

describe('the pages', () => {
  const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${emulator.url}/ui/calendars/${encodeURIComponent(calendarId)}${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
      headers,
    });
  const view = async (query = 'month=2026-02') =>
    (await fetch(`${emulator.url}/ui/calendars/${encodeURIComponent(calendarId)}?${query}`)).text();

  test('list accounts and calendars, with nothing of them taken as HTML', async () => {
    const page = await (await fetch(emulator.url)).text();
    expect(page).toContain(owner);
    expect(page).toContain('Chalet &lt;1&gt;');
    expect(page).not.toContain('Chalet <1>');
  });

  test('let a person add, move and delete an event, the last day included', async () => {
    await post('/events', {
      summary: '<script>alert(1)</script>',
      start: '2026-02-10',
      end: '2026-02-14',
      month: '2026-02',
    });
    const [event] = emulator.admin.listEvents(calendarId);
    expect(event).toMatchObject({ start: { date: '2026-02-10' }, end: { date: '2026-02-15' } });
    const page = await view();
    expect(page.split('class="event"')).toHaveLength(6);
    expect(page).toContain('&lt;script&gt;alert(1)');
    expect(page).not.toContain('<script>alert(1)');

    const moved = { summary: 'Famille', start: '2026-02-20', end: '2026-02-21', startTime: '15:00', endTime: '11:00' };
    await post(`/events/${event?.id}/change`, moved);
    expect(emulator.admin.getEvent(calendarId, event?.id ?? '')).toMatchObject({
      summary: 'Famille',
      start: { dateTime: '2026-02-20T15:00:00-05:00' },
      end: { dateTime: '2026-02-21T11:00:00-05:00' },
    });
    expect(await view()).toContain('15:00 Famille');
    await post(`/events/${event?.id}/delete`, {});
    expect(emulator.admin.listEvents(calendarId)).toEqual([]);
  });

  test('say what is wrong, and refuse the forms of other sites', async () => {
    const answer = await post('/events', { summary: 'x', start: '2026-02-10', end: '2026-02-01' });
    expect(await view(new URL(answer.headers.get('location') ?? '', emulator.url).search.slice(1))).toContain(
      'range is empty',
    );
    const foreign = await post(
      '/events',
      { summary: 'x', start: '2026-02-10', end: '2026-02-11' },
      { 'sec-fetch-site': 'cross-site' },
    );
    expect(foreign.status).toBe(403);
  });
});
