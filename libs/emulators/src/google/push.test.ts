import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type GoogleEmulator, startGoogleEmulator } from './google-emulator.ts';
import { calendarClient, owner, refusalOf } from './test-client.ts';

let emulator: GoogleEmulator;
let api: calendar_v3.Calendar;
let receiver: Server;
let address: string;
let received: IncomingHttpHeaders[];
let answers: number[];
let now: Date;
const calendarId = 'chalet-1@group.calendar.google.com';

beforeEach(async () => {
  now = new Date('2026-01-10T12:00:00Z');
  received = [];
  answers = [];
  receiver = createServer((request, response) => {
    received.push(request.headers);
    response.writeHead(answers.shift() ?? 204).end();
  });
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
  const bound = receiver.address();
  address = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}/push`;
  emulator = await startGoogleEmulator({ now: () => now });
  emulator.admin.createAccount({ email: owner });
  emulator.admin.createCalendar({ owner, id: calendarId, summary: 'Chalet 1' });
  api = calendarClient(emulator);
});
afterEach(async () => {
  await emulator.close();
  await new Promise(resolve => receiver.close(resolve));
});

const watch = (id: string, more: calendar_v3.Schema$Channel = {}) =>
  api.events.watch({ calendarId, requestBody: { id, type: 'web_hook', address, token: 'secret', ...more } });

const add = (summary: string) =>
  emulator.admin.createEvent(calendarId, { summary, start: { date: '2026-02-01' }, end: { date: '2026-02-02' } });

const told = () => received.map(each => [each['x-goog-resource-state'], each['x-goog-message-number']]);

test('a channel is greeted, then told of every change until it is stopped', async () => {
  const { data } = await watch('channel-1');
  await emulator.admin.pushesSettled();
  add('from the owner');
  await emulator.admin.pushesSettled();
  await api.events.insert({ calendarId, requestBody: { start: { date: '2026-02-01' }, end: { date: '2026-02-02' } } });
  await emulator.admin.pushesSettled();
  expect(told()).toEqual([
    ['sync', '1'],
    ['exists', '2'],
    ['exists', '3'],
  ]);
  expect(received[1]).toMatchObject({
    'x-goog-channel-id': 'channel-1',
    'x-goog-channel-token': 'secret',
    'x-goog-resource-id': data.resourceId,
    'content-length': '0',
  });
  expect(Number(data.expiration)).toBe(now.getTime() + 7 * 86_400_000);

  const requestBody = { id: 'channel-1', resourceId: data.resourceId ?? '' };
  expect(await refusalOf(api.channels.stop({ requestBody: { id: 'channel-1' } }))).toMatchObject({ status: 404 });
  expect((await api.channels.stop({ requestBody })).status).toBe(204);
  expect(await refusalOf(api.channels.stop({ requestBody }))).toEqual({ status: 404, reason: 'notFound' });
  add('after the end');
  await emulator.admin.pushesSettled();
  expect(received).toHaveLength(3);
});

test('a channel falls silent when it expires', async () => {
  await watch('channel-1', { expiration: String(now.getTime() + 60_000) });
  now = new Date(now.getTime() + 61_000);
  add('too late');
  await emulator.admin.pushesSettled();
  expect(told()).toEqual([['sync', '1']]);
  expect(emulator.admin.channels()).toEqual([]);
});

test('channel ids are used once, and addresses can be required to be https', async () => {
  await watch('channel-1');
  expect(await refusalOf(watch('channel-1'))).toEqual({ status: 400, reason: 'channelIdNotUnique' });
  expect(await refusalOf(watch('x'.repeat(65)))).toEqual({ status: 400, reason: 'invalid' });
  expect(await refusalOf(watch('channel-2', { token: 'x'.repeat(257) }))).toEqual({ status: 400, reason: 'invalid' });
  emulator.admin.configure({ requireHttpsPush: true });
  expect(await refusalOf(watch('channel-3'))).toEqual({ status: 400, reason: 'push.webhookUrlNotHttps' });
});

test('pushes are tried again after a 503 and given up after a 404', async () => {
  await watch('channel-1');
  await emulator.admin.pushesSettled();
  answers = [503, 204, 404];
  add('one');
  await emulator.admin.pushesSettled();
  add('two');
  await emulator.admin.pushesSettled();
  expect(told()).toEqual([
    ['sync', '1'],
    ['exists', '2'],
    ['exists', '2'],
    ['exists', '3'],
  ]);
});

test('pushes can be dropped, doubled, held back until a later one, and delayed', async () => {
  await watch('channel-1');
  await emulator.admin.pushesSettled();
  const change = async (kind?: 'drop' | 'duplicate' | 'reorder' | 'delay') => {
    if (kind) emulator.admin.addPushFault({ kind, delayMs: 5 });
    add(kind ?? 'plain');
  };
  await change('drop');
  await change('duplicate');
  await emulator.admin.pushesSettled();
  expect(told().slice(1)).toEqual([
    ['exists', '3'],
    ['exists', '3'],
  ]);
  await change('delay');
  await emulator.admin.pushesSettled();
  await change('reorder');
  expect(emulator.admin.pushes().at(-1)?.tries).toBe(0);
  await change();
  await emulator.admin.pushesSettled();
  expect(
    told()
      .map(each => each[1])
      .slice(3)
      .sort(),
  ).toEqual(['4', '5', '6']);
  expect(
    emulator.admin
      .pushes()
      .filter(each => each.dropped)
      .map(each => each.messageNumber),
  ).toEqual([2]);
});
