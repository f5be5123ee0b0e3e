import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type GoogleEmulator, startGoogleEmulator } from './google-emulator.ts';
import { calendarClient, owner, refusalOf } from './test-client.ts';

let emulator: GoogleEmulator;
let api: calendar_v3.Calendar;
const calendarId = 'chalet-1@group.calendar.google.com';
const now = new Date('2026-01-10T12:00:00Z');

beforeAll(async () => {
  emulator = await startGoogleEmulator({ now: () => now });
});
afterAll(() => emulator.close());

beforeEach(() => {
  emulator.admin.reset();
  emulator.admin.createAccount({ email: owner });
  emulator.admin.createCalendar({ owner, id: calendarId, summary: 'Chalet 1' });
  api = calendarClient(emulator);
});

const add = (id: string, start: string, end: string, more: calendar_v3.Schema$Event = {}) =>
  emulator.admin.createEvent(calendarId, { id, summary: id, start: { date: start }, end: { date: end }, ...more });

/** Walks all pages; also tells how many there were. */
async function sync(query: calendar_v3.Params$Resource$Events$List = {}) {
  const items: calendar_v3.Schema$Event[] = [];
  for (let pages = 1, pageToken = ''; ; pages += 1) {
    const { data } = await api.events.list({
      calendarId,
      singleEvents: true,
      ...query,
      ...(pageToken ? { pageToken } : {}),
    });
    items.push(...(data.items ?? []));
    if (data.nextPageToken && data.nextSyncToken) throw new Error('both tokens on one page');
    if (!data.nextPageToken)
      return { items, pages, syncToken: data.nextSyncToken ?? '', ids: items.map(each => each.id) };
    pageToken = data.nextPageToken;
  }
}

const shown = (items: calendar_v3.Schema$Event[]) => items.map(each => [each.id, each.status, each.start?.date]);

describe('incremental sync', () => {
  test('reports what was added, changed and deleted since the token, deletions with no more than the id', async () => {
    add('event1', '2026-02-01', '2026-02-03');
    add('event2', '2026-02-05', '2026-02-07');
    const full = await sync();
    expect(full.ids).toEqual(['event1', 'event2']);
    emulator.admin.deleteEvent(calendarId, 'event1');
    emulator.admin.patchEvent(calendarId, 'event2', { start: { date: '2026-02-06' } });
    add('event3', '2026-03-01', '2026-03-02');
    const changes = await sync({ syncToken: full.syncToken });
    expect(changes.items[0]).toEqual({
      kind: 'calendar#event',
      id: 'event1',
      status: 'cancelled',
      etag: expect.any(String),
    });
    expect(shown(changes.items.slice(1))).toEqual([
      ['event2', 'confirmed', '2026-02-06'],
      ['event3', 'confirmed', '2026-03-01'],
    ]);
    expect((await sync({ syncToken: changes.syncToken })).items).toEqual([]);
  });

  test('comes in pages; what changes meanwhile belongs to the next list', async () => {
    for (const n of [1, 2, 3, 4, 5]) add(`event${n}`, `2026-02-0${n}`, `2026-02-1${n}`);
    const first = (await api.events.list({ calendarId, maxResults: 2 })).data;
    emulator.admin.patchEvent(calendarId, 'event1', { summary: 'changed while paging' });
    const rest = await sync({ maxResults: 2, singleEvents: false, pageToken: first.nextPageToken ?? '' });
    expect(rest.ids).toEqual(['event3', 'event4', 'event5']);
    expect((await sync({ singleEvents: false, syncToken: rest.syncToken })).ids).toEqual(['event1']);
    emulator.admin.configure({ maxPageSize: 2 });
    expect(await sync()).toMatchObject({ pages: 3, ids: ['event1', 'event2', 'event3', 'event4', 'event5'] });
  });

  test('a page token is good only with the parameters it was made for', async () => {
    for (const n of [1, 2, 3]) add(`event${n}`, `2026-02-0${n}`, `2026-02-1${n}`);
    const timeMin = '2026-01-01T00:00:00Z';
    const { data } = await api.events.list({ calendarId, timeMin, maxResults: 1 });
    const pageToken = data.nextPageToken ?? '';
    const refusal = await refusalOf(
      api.events.list({ calendarId, timeMin: '2026-01-02T00:00:00Z', maxResults: 1, pageToken }),
    );
    expect(refusal).toEqual({ status: 400, reason: 'invalid' });
  });

  test.each<calendar_v3.Params$Resource$Events$List>([
    { timeMin: '2026-01-01T00:00:00Z' },
    { timeMax: '2026-01-01T00:00:00Z' },
    { q: 'x' },
    { orderBy: 'updated' },
    { iCalUID: 'x' },
    { updatedMin: '2026-01-01T00:00:00Z' },
    { privateExtendedProperty: ['a=b'] },
    { sharedExtendedProperty: ['a=b'] },
    { showDeleted: false },
  ])('refuses %j beside a sync token', async query => {
    const { syncToken } = await sync();
    expect(await refusalOf(sync({ syncToken, ...query }))).toEqual({ status: 400, reason: 'invalid' });
  });

  test('expired and foreign tokens need a full sync, which carries no deletions', async () => {
    add('event1', '2026-02-01', '2026-02-03');
    add('event2', '2026-02-05', '2026-02-07');
    const { syncToken } = await sync();
    emulator.admin.deleteEvent(calendarId, 'event1');
    emulator.admin.expireSyncTokens(calendarId);
    const expected = { status: 410, reason: 'fullSyncRequired' };
    expect(await refusalOf(sync({ syncToken }))).toEqual(expected);
    expect(await refusalOf(sync({ syncToken: 'nonsense' }))).toEqual(expected);
    expect(await refusalOf(api.events.list({ calendarId: owner, singleEvents: true, syncToken }))).toEqual(expected);
    expect((await sync({ showDeleted: true })).ids).toEqual(['event2']);
    expect(await refusalOf(sync({ updatedMin: '2025-01-01T00:00:00Z' }))).toEqual({
      status: 410,
      reason: 'updatedMinTooLongAgo',
    });
  });
});

describe('filters of a full list', () => {
  test('by time, property, text and deletion', async () => {
    add('event1', '2026-02-01', '2026-02-03', { extendedProperties: { private: { booking_id: 'b-1' } } });
    add('event2', '2026-02-05', '2026-02-07', { description: 'Famille Tremblay' });
    add('event3', '2026-02-09', '2026-02-11');
    emulator.admin.deleteEvent(calendarId, 'event3');
    expect((await sync({ timeMin: '2026-02-03T05:00:00Z' })).ids).toEqual(['event2']);
    expect((await sync({ timeMax: '2026-02-05T05:00:00Z' })).ids).toEqual(['event1']);
    expect(await sync({ privateExtendedProperty: ['booking_id=b-1'] })).toMatchObject({
      ids: ['event1'],
      syncToken: '',
    });
    expect((await sync({ q: 'tremblay' })).ids).toEqual(['event2']);
    expect((await sync({ showDeleted: true })).ids).toEqual(['event1', 'event2', 'event3']);
    expect((await sync({ updatedMin: '2026-01-01T00:00:00Z' })).ids).toEqual(['event1', 'event2', 'event3']);
  });
});

describe('series', () => {
  const weekly = (count: number) => ({ recurrence: [`RRULE:FREQ=WEEKLY;COUNT=${count}`] });

  test('a moved and a removed instance are told apart from the rest', async () => {
    add('series', '2026-02-01', '2026-02-03', weekly(4));
    const full = await sync();
    expect(full.ids).toEqual(['series_20260201', 'series_20260208', 'series_20260215', 'series_20260222']);
    const moved = { start: { date: '2026-02-09' }, end: { date: '2026-02-12' } };
    await api.events.patch({ calendarId, eventId: 'series_20260208', requestBody: moved });
    await api.events.delete({ calendarId, eventId: 'series_20260215' });
    expect(await refusalOf(api.events.delete({ calendarId, eventId: 'series_20260215' }))).toMatchObject({
      status: 410,
    });
    const { items } = await sync({ syncToken: full.syncToken });
    expect(items[0]).toMatchObject({
      id: 'series_20260208',
      ...moved,
      recurringEventId: 'series',
      originalStartTime: { date: '2026-02-08' },
    });
    expect(items[1]).toEqual({
      kind: 'calendar#event',
      etag: expect.any(String),
      id: 'series_20260215',
      status: 'cancelled',
      recurringEventId: 'series',
      originalStartTime: { date: '2026-02-15' },
    });
    expect(items).toHaveLength(2);
    expect(shown((await sync({ orderBy: 'startTime' })).items).map(each => each[2])).toEqual([
      '2026-02-01',
      '2026-02-09',
      '2026-02-22',
    ]);
    expect((await sync({ singleEvents: false })).ids).toEqual(['series', 'series_20260208', 'series_20260215']);
  });

  test('a shortened series cancels the instances it loses', async () => {
    add('series', '2026-02-01', '2026-02-03', weekly(3));
    const full = await sync();
    emulator.admin.patchEvent(calendarId, 'series', weekly(2));
    const changes = await sync({ syncToken: full.syncToken });
    expect(changes.items.filter(each => each.status === 'cancelled').map(each => each.id)).toEqual(['series_20260215']);
    expect((await sync()).ids).toEqual(['series_20260201', 'series_20260208']);
  });

  test('a deleted series cancels every instance, moved ones included', async () => {
    add('series', '2026-02-01', '2026-02-03', weekly(3));
    emulator.admin.patchEvent(calendarId, 'series_20260208', { summary: 'moved' });
    const full = await sync();
    emulator.admin.deleteEvent(calendarId, 'series');
    const changes = await sync({ syncToken: full.syncToken });
    expect([...changes.ids].sort()).toEqual(['series_20260201', 'series_20260208', 'series_20260215']);
    expect(changes.items.every(each => each.status === 'cancelled')).toBe(true);
    expect((await sync()).items).toEqual([]);
  });
});
