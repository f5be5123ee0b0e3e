import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type GoogleEmulator, startGoogleEmulator } from './google-emulator.ts';
import { calendarClient, owner, refusalOf } from './test-client.ts';

let emulator: GoogleEmulator;
let api: calendar_v3.Calendar;
const calendarId = 'chalet-1@group.calendar.google.com';
const id = '0198f0a2c3d47e5f8a9b0c1d2e3f4a5b';

const stay: calendar_v3.Schema$Event = {
  id,
  summary: 'Chalet 1 - John Doe',
  start: { date: '2026-02-10' },
  end: { date: '2026-02-15' },
  attendees: [{ email: 'john@example.com' }],
  extendedProperties: { private: { booking_id: 'b-1', source: 'website', version: '1' } },
};

beforeAll(async () => {
  emulator = await startGoogleEmulator();
});
afterAll(() => emulator.close());

beforeEach(() => {
  emulator.admin.reset();
  emulator.admin.createAccount({ email: owner });
  emulator.admin.createCalendar({ owner, id: calendarId, summary: 'Chalet 1' });
  api = calendarClient(emulator);
});

const insert = (requestBody: calendar_v3.Schema$Event = stay) =>
  api.events.insert({ calendarId, requestBody, sendUpdates: 'none' });

describe('insert', () => {
  test('keeps what was sent and adds what Google adds', async () => {
    const { data } = await insert();
    expect(data).toMatchObject({ ...stay, attendees: [{ email: 'john@example.com', responseStatus: 'needsAction' }] });
    expect(data).toMatchObject({ status: 'confirmed', iCalUID: `${id}@google.com`, creator: { email: owner } });
    expect((await api.events.get({ calendarId, eventId: id })).data).toEqual(data);
  });

  test('refuses a used id, also when its event was deleted', async () => {
    await insert();
    expect(await refusalOf(insert())).toEqual({ status: 409, reason: 'duplicate' });
    await api.events.delete({ calendarId, eventId: id });
    expect(await refusalOf(insert())).toEqual({ status: 409, reason: 'duplicate' });
  });

  test.each(['abc', 'UPPERCASE', 'with-dash', 'wxyz0'])('refuses the id %s', async bad => {
    expect(await refusalOf(insert({ ...stay, id: bad }))).toEqual({ status: 400, reason: 'invalid' });
  });

  test('refuses an iCalUID beside an id, a missing end, and an empty range', async () => {
    expect(await refusalOf(insert({ ...stay, iCalUID: 'x@y' }))).toEqual({ status: 400, reason: 'invalid' });
    const { end: _, ...endless } = stay;
    expect(await refusalOf(insert(endless))).toEqual({ status: 400, reason: 'required' });
    expect(await refusalOf(insert({ ...stay, end: { date: '2026-02-10' } }))).toMatchObject({ status: 400 });
    expect(await refusalOf(insert({ ...stay, start: { date: '2026-02-30' } }))).toMatchObject({ status: 400 });
  });

  test('answers timed events in the offset of the calendar', async () => {
    const { data } = await insert({
      start: { dateTime: '2026-02-10T20:00:00Z' },
      end: { dateTime: '2026-02-11T16:00:00Z' },
    });
    expect(data.start).toEqual({ dateTime: '2026-02-10T15:00:00-05:00', timeZone: 'America/Toronto' });
  });

  test("marks the owner's own answer to an invitation", async () => {
    const attendees = [{ email: owner, responseStatus: 'declined' }];
    const { data } = await insert({ ...stay, attendees, transparency: 'opaque' });
    expect(data.attendees).toEqual([{ email: owner, responseStatus: 'declined', self: true }]);
  });

  test('answers only the fields that were asked for', async () => {
    await insert();
    const { data } = await api.events.list({ calendarId, fields: 'items(id,start/date)' });
    expect(data).toEqual({ items: [{ id, start: { date: '2026-02-10' } }] });
  });

  test('records whom sendUpdates would have written to, and nobody for none', async () => {
    await insert();
    expect(emulator.admin.sentMail()).toEqual([]);
    await api.events.patch({ calendarId, eventId: id, requestBody: { summary: 'x' }, sendUpdates: 'all' });
    expect(emulator.admin.sentMail()).toMatchObject([
      { eventId: id, change: 'updated', recipients: ['john@example.com'] },
    ]);
  });
});

describe('patch and update', () => {
  test('patch merges private properties, update drops what it does not name', async () => {
    await insert();
    const requestBody = { extendedProperties: { private: { version: '2' } } };
    const patched = await api.events.patch({ calendarId, eventId: id, requestBody });
    expect(patched.data.extendedProperties?.private).toEqual({ booking_id: 'b-1', source: 'website', version: '2' });
    const { id: _id, extendedProperties: _own, attendees: _guests, ...rest } = stay;
    const updated = await api.events.update({ calendarId, eventId: id, requestBody: rest });
    expect(updated.data.extendedProperties).toBeUndefined();
    expect(updated.data.attendees).toBeUndefined();
  });

  test('an all-day event becomes a timed one only when its date is taken away', async () => {
    await insert();
    const start = { dateTime: '2026-02-10T15:00:00-05:00' };
    const end = { dateTime: '2026-02-10T16:00:00-05:00' };
    const change = (requestBody: calendar_v3.Schema$Event) =>
      api.events.patch({ calendarId, eventId: id, requestBody });
    expect(await refusalOf(change({ start, end }))).toEqual({ status: 400, reason: 'invalid' });
    const { data } = await change({ start: { ...start, date: null }, end: { ...end, date: null } });
    expect(data.start?.dateTime).toBe('2026-02-10T15:00:00-05:00');
    // And back, in the same way.
    const dates = { start: { date: '2026-02-10' }, end: { date: '2026-02-15' } };
    expect(await refusalOf(change(dates))).toEqual({ status: 400, reason: 'invalid' });
    const noTime = { dateTime: null, timeZone: null };
    const whole = await change({ start: { ...dates.start, ...noTime }, end: { ...dates.end, ...noTime } });
    expect(whole.data).toMatchObject(dates);
    expect(whole.data.start).toEqual(dates.start);
  });

  test('a deleted event comes back by patching its status', async () => {
    await insert();
    await api.events.delete({ calendarId, eventId: id });
    expect((await api.events.get({ calendarId, eventId: id })).data.status).toBe('cancelled');
    await api.events.patch({ calendarId, eventId: id, requestBody: { status: 'confirmed' } });
    expect(emulator.admin.listEvents(calendarId)).toMatchObject([{ id, status: 'confirmed' }]);
  });

  test('If-Match protects patch and delete from what they have not seen', async () => {
    const { etag = '' } = (await insert()).data;
    const headers = { 'If-Match': etag ?? '' };
    emulator.admin.patchEvent(calendarId, id, { summary: 'Moved by the owner' });
    const patch = api.events.patch({ calendarId, eventId: id, requestBody: { summary: 'Ours' } }, { headers });
    expect(await refusalOf(patch)).toEqual({ status: 412, reason: 'conditionNotMet' });
    const remove = api.events.delete({ calendarId, eventId: id }, { headers });
    expect(await refusalOf(remove)).toEqual({ status: 412, reason: 'conditionNotMet' });
    const fresh = { 'If-Match': (await api.events.get({ calendarId, eventId: id })).data.etag ?? '' };
    const { status } = await api.events.patch({ calendarId, eventId: id, requestBody: {} }, { headers: fresh });
    expect(status).toBe(200);
  });
});

describe('delete and access', () => {
  test('deletes once, answers 410 the second time and 404 for what never was', async () => {
    await insert();
    expect((await api.events.delete({ calendarId, eventId: id })).status).toBe(204);
    expect(await refusalOf(api.events.delete({ calendarId, eventId: id }))).toEqual({ status: 410, reason: 'deleted' });
    expect(await refusalOf(api.events.delete({ calendarId, eventId: 'nothing' }))).toEqual({
      status: 404,
      reason: 'notFound',
    });
  });

  test('a reader may look but not write, and sees no titles of private events', async () => {
    await insert({ ...stay, visibility: 'private' });
    emulator.admin.createAccount({ email: 'reader@example.com' });
    emulator.admin.shareCalendar(calendarId, 'reader@example.com', 'reader');
    const reader = calendarClient(emulator, 'reader@example.com');
    const { data } = await reader.events.list({ calendarId });
    expect(data.items?.map(each => [each.summary, each.start?.date])).toEqual([[undefined, '2026-02-10']]);
    expect(await refusalOf(reader.events.insert({ calendarId, requestBody: { ...stay, id: 'other1' } }))).toMatchObject(
      { status: 403 },
    );
    emulator.admin.shareCalendar(calendarId, 'reader@example.com', null);
    expect(await refusalOf(reader.events.list({ calendarId }))).toEqual({ status: 404, reason: 'notFound' });
  });

  test('the scopes of events and calendar list do not open calendars.get', async () => {
    expect(await refusalOf(api.calendars.get({ calendarId }))).toEqual({
      status: 403,
      reason: 'insufficientPermissions',
    });
    expect((await api.calendarList.get({ calendarId })).data).toMatchObject({
      id: calendarId,
      timeZone: 'America/Toronto',
    });
  });

  test('the calendar list comes in pages', async () => {
    const first = (await api.calendarList.list({ maxResults: 1 })).data;
    expect(first.items).toHaveLength(1);
    const pageToken = first.nextPageToken ?? '';
    const second = (await api.calendarList.list({ maxResults: 1, pageToken })).data;
    expect(second.nextPageToken).toBeUndefined();
    expect([...(first.items ?? []), ...(second.items ?? [])].map(each => each.id).sort()).toEqual([calendarId, owner]);
  });
});

describe('move', () => {
  const other = 'chalet-2@group.calendar.google.com';
  const move = () => api.events.move({ calendarId, eventId: id, destination: other });

  test('deletes the event here and has it there, under the same id', async () => {
    emulator.admin.createCalendar({ owner, id: other, summary: 'Chalet 2' });
    await insert();
    expect((await move()).data).toMatchObject({ id, summary: stay.summary, organizer: { email: other } });
    expect((await api.events.get({ calendarId, eventId: id })).data.status).toBe('cancelled');
    expect((await api.events.get({ calendarId: other, eventId: id })).data).toMatchObject({ id, status: 'confirmed' });
    expect(await refusalOf(move())).toEqual({ status: 410, reason: 'deleted' });
  });

  test('takes no event to a calendar that is not there', async () => {
    await insert();
    expect(await refusalOf(move())).toEqual({ status: 404, reason: 'notFound' });
    expect(emulator.admin.listEvents(calendarId)).toHaveLength(1);
  });
});
