import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('writing to Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const sync = async ({ owner: actor, chaletId }: Chalet) =>
    granted(await system.ask(calendarRequests.syncCalendar, { actor, chaletId }));
  const seedMirror = async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await system.google.pushesSettled();
    return { chalet, booking, eventId: mirrorEventId(booking.id, 0) };
  };
  const restorationsOf = (bookingId: string) =>
    system.published
      .filter(({ subject, body }) => subject === 'calendar.mirror_restored' && body.bookingId === bookingId)
      .map(({ body }) => String(body.drift));
  const writesOf = (eventId: string) =>
    system.google.calls({ eventId }).flatMap(({ method }) => (method === 'GET' ? [] : [method]));

  test.each([
    { method: 'POST', lost: 'before' },
    { method: 'POST', lost: 'after' },
    { method: 'PATCH', lost: 'before' },
    { method: 'PATCH', lost: 'after' },
    { method: 'DELETE', lost: 'before' },
    { method: 'DELETE', lost: 'after' },
  ] as const)('an answer to $method that is lost $lost it took effect changes nothing in the end', async o => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const eventId = mirrorEventId(booking.id, 0);
    system.google.addFault({ match: { method: o.method, eventId }, loseResponse: o.lost });
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(eventsOf(system, chalet).map(({ id }) => id)).toEqual([eventId]);
    await announce(system, cancelled({ ...booking, version: 2 }));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(eventsOf(system, chalet)).toEqual([]);
    // One call more than without the loss, and a look where the event may be there already.
    expect(writesOf(eventId).length).toBeLessThanOrEqual(5);
    expect(restorationsOf(booking.id)).toEqual([]);
    expect(system.google.sentMail()).toEqual([]);
  });

  test('a guest whose address Google refuses has an event all the same, until the end', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const { calendarId } = chalet;
    system.google.clearCalls();
    const match = { method: 'POST', path: 'events$', calendarId };
    system.google.addFault({ match, status: 400, reason: 'invalid', message: 'Invalid attendee email.' });
    await announce(system, booking);
    const event = await mirrorOf(system, chalet, booking);
    expect(event.attendees ?? []).toEqual([]);
    expect(event.description).toContain('john.doe@example.com');
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    const paid = await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(paid).toMatchObject({ id: event.id });
    expect(paid.attendees ?? []).toEqual([]);
    await announce(system, cancelled({ ...booking, version: 2 }));
    await eventually(() => eventsOf(system, chalet).length === 0);
    // Two to make it, one to change and one to remove it: the address was not tried again.
    const writes = system.google.calls({ calendarId }).filter(({ method }) => method !== 'GET');
    expect(writes.map(({ method }) => method)).toEqual(['POST', 'POST', 'PATCH', 'DELETE']);
  });

  test('a booking cancelled while its calendar is being changed leaves nothing in either', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const second = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    const match = { method: 'DELETE', calendarId: chalet.calendarId, eventId };
    system.google.addFault({ match, status: 503, times: 2 });
    granted(await choose(system, chalet, second));
    await announce(system, cancelled(booking));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(eventsOf(system, chalet)).toEqual([]);
    expect(eventsOf(system, chalet, second)).toEqual([]);
  });

  test('a booking cancelled after its calendar was changed goes from the new one', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const second = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    granted(await choose(system, chalet, second));
    await eventually(() => eventsOf(system, chalet, second).length === 1);
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toEqual([]);
    await announce(system, cancelled(booking));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(eventsOf(system, chalet, second)).toEqual([]);
    const deletions = system.google.calls({ method: 'DELETE', eventId }).map(({ calendarId }) => calendarId);
    expect(deletions).toEqual([chalet.calendarId, second]);
  });

  test('what the owner did to any part that is ours is put back once, and what is theirs stays', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const { calendarId } = chalet;
    const written = system.google.getEvent(calendarId, eventId);
    const edits: [words: string, edit: Parameters<CalendarSystem['google']['patchEvent']>[2]][] = [
      ['moved', { end: { date: day(15) } }],
      ['renamed', { summary: 'Somebody' }],
      ['free', { transparency: 'transparent' }],
      ['details', { description: 'Key under the mat' }],
      ['guest', { attendees: [{ email: 'cleaner@example.com' }] }],
    ];
    for (const [index, [words, edit]] of edits.entries()) {
      system.google.patchEvent(calendarId, eventId, edit);
      await eventually(() => restorationsOf(booking.id).length === index + 1, { describe: `${words} is put back` });
      expect(restorationsOf(booking.id)[index]).toContain(words);
      await settled(system, chalet);
      await system.google.pushesSettled();
    }
    const { summary, start, end } = written;
    const event = system.google.getEvent(calendarId, eventId);
    expect(event).toMatchObject({ summary, start, end, transparency: 'opaque' });
    expect(event.description).toContain('MS-7K3QXD');
    expect(event.description).toContain('Key under the mat');
    expect(event.attendees?.map(({ email }) => email).toSorted()).toEqual([
      'cleaner@example.com',
      'john.doe@example.com',
    ]);
    const writes = writesOf(eventId).length;
    await sync(chalet);
    await settled(system, chalet);
    expect(writesOf(eventId)).toHaveLength(writes);
    expect(restorationsOf(booking.id)).toHaveLength(edits.length);
  });

  test('a mirror that the owner moved to another chalet’s calendar is put back, and takes nights there as theirs', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const other = await seedChalet(system, chalet.establishmentId);
    granted(await choose(system, other));
    system.google.moveEvent(chalet.calendarId, eventId, other.calendarId);
    await eventually(() => restorationsOf(booking.id).length === 1, { describe: 'the event is put back' });
    expect(restorationsOf(booking.id)).toEqual(['deleted in Google']);
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, summary: 'Chalet 1 - John Doe' }]);
    await sync(other);
    const newsOf = (one: Chalet) =>
      system.published.filter(
        ({ subject, body }) => subject === 'calendar.external_event_changed' && body.chaletId === one.chaletId,
      );
    await eventually(() => newsOf(other).length === 1);
    expect(newsOf(chalet)).toEqual([]);
    await announce(system, cancelled(booking));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(eventsOf(system, chalet)).toEqual([]);
    expect(eventsOf(system, other)).toHaveLength(1);
  });
});
