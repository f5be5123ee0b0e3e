import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Booking, bookingEvents } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { booking, world } from './fake-services.ts';
import { readProblem, type Stage, startStage } from './support.ts';

const path = `/v1/bookings/${world.booking}/stream`;
let stage: Stage;
beforeEach(async () => {
  stage = await startStage({ streams: { heartbeatMs: 20, rereadMs: 60_000, maxStreams: 2 } });
});
afterEach(() => stage.close());

/** Reads a stream in the background: its text so far, and whether it has ended. */
async function follow(headers: Record<string, string> = {}) {
  const response = await stage.call('GET', path, { token: world.guestToken, headers });
  const reader = response.body?.getReader();
  const seen = { status: response.status, response, text: '', ended: false, cancel: () => reader?.cancel() };
  const read = async () => {
    const decoder = new TextDecoder();
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      seen.text += decoder.decode(chunk.value, { stream: true });
    }
    seen.ended = true;
  };
  read().catch(() => {
    seen.ended = true;
  });
  return seen;
}

const versions = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(match => Number(match[1]));

const publish = (subject: string, version: number, change: Partial<Booking> = {}) => {
  const snapshot = { ...booking, ...change, version, locale: null, policy: null, confirmedAt: null };
  stage.fakes.nc.publish(subject, JSON.stringify({ ...snapshot, refundPercentage: null }));
};

test('sends the booking at once and at every change, never an older version', async () => {
  const stream = await follow();
  expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  await eventually(() => versions(stream.text).includes(1));
  publish(bookingEvents.bookingConfirmed.subject, 3, { status: 'confirmed' });
  publish(bookingEvents.bookingUpdated.subject, 2);
  publish(bookingEvents.bookingUpdated.subject, 9, { id: world.otherBooking });
  publish(bookingEvents.bookingCancelled.subject, 4, { status: 'cancelled', cancelReason: 'owner' });
  await eventually(() => versions(stream.text).includes(4));
  expect(versions(stream.text)).toEqual([1, 3, 4]);
  const last = /event: booking\nid: 4\ndata: (.*)\n\n/.exec(stream.text)?.[1] ?? '';
  expect(JSON.parse(last)).toEqual({ ...booking, version: 4, status: 'cancelled', cancelReason: 'owner' });
});

test('keeps the connection alive with comments', async () => {
  const stream = await follow();
  expect(await eventually(() => stream.text.includes('\n: still here\n'))).toBe(true);
});

test('a client that comes back gets only what it has not seen', async () => {
  const stream = await follow({ 'last-event-id': '1' });
  publish(bookingEvents.bookingConfirmed.subject, 2);
  await eventually(() => versions(stream.text).includes(2));
  expect(versions(stream.text)).toEqual([2]);
});

test('makes up for an event that never came', async () => {
  const impatient = await startStage({ streams: { rereadMs: 20 } });
  const response = await impatient.call('GET', path, { token: world.guestToken });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  impatient.fakes.current = { ...booking, version: 2, status: 'confirmed' };
  let text = '';
  while (!versions(text).includes(2)) text += (await reader?.read())?.value ?? '';
  expect(text).toContain('"status":"confirmed"');
  await reader?.cancel();
  await impatient.close();
});

test('is refused before it begins to those it is not for', async () => {
  const response = await stage.call('GET', path, { token: world.otherGuestToken });
  expect(await readProblem(response)).toMatchObject({ status: 404 });
});

test('bounds the number of streams, and frees the place of one that left', async () => {
  const first = await follow();
  await follow();
  const refused = await stage.call('GET', path, { token: world.guestToken });
  expect(refused.headers.get('retry-after')).toBe('30');
  expect(await readProblem(refused)).toMatchObject({ status: 503, code: 'unavailable' });
  await first.cancel();
  await eventually(async () => (await follow()).status === 200);
});

test('ends with the gateway, which says first that it is not ready', async () => {
  const stream = await follow();
  await stage.gateway.drain();
  await eventually(() => stream.ended);
  await expect(stage.call('GET', '/readyz')).rejects.toThrow();
});
