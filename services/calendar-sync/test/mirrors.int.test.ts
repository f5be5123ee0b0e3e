import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests, noPayment } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { announceChalet, choose, connectGoogle, seedConnectedChalet } from './chalets.ts';

describe('mirrors of bookings in Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const linksOf = (bookingId: string) =>
    system.published
      .filter(({ subject, body }) => subject === 'calendar.event_linked' && body.bookingId === bookingId)
      .map(({ body }) => body.googleEventId);

  test('a booking appears as an all-day event at once, and booking is told its id', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const event = await eventually(() => eventsOf(system, chalet)[0]);
    expect(event).toMatchObject({
      id: mirrorEventId(booking.id, 0),
      summary: 'Chalet 1 - John Doe',
      start: { date: booking.startDate },
      end: { date: booking.endDate },
      extendedProperties: { private: { booking_id: booking.id, source: 'website', version: '1' } },
    });
    expect(event.description).toContain('MS-7K3QXD');
    expect(event.attendees?.map(({ email }) => email)).toContain('john.doe@example.com');
    await eventually(() => linksOf(booking.id).length > 0);
    expect(linksOf(booking.id)).toEqual([event.id]);
    expect(system.google.sentMail()).toEqual([]);
  });

  test('payment changes the title, cancellation removes the event, and a late older version changes nothing', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    await announce(system, cancelled({ ...booking, version: 2 }));
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone' });
    await eventually(() => linksOf(booking.id).length === 2);
    expect(linksOf(booking.id)).toEqual([mirrorEventId(booking.id, 0), null]);
    await announce(system, booking);
    const other = newBooking(chalet, { startDate: day(20), endDate: day(22) });
    await announce(system, other);
    await mirrorOf(system, chalet, other);
    expect(eventsOf(system, chalet)).toHaveLength(1);
  });

  test('a cancellation that overtakes the creation leaves nothing and calls nobody', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    system.google.clearCalls();
    await announce(system, cancelled(booking));
    await announce(system, booking);
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    const other = newBooking(chalet, { startDate: day(20), endDate: day(22) });
    await announce(system, other);
    await mirrorOf(system, chalet, other);
    expect(eventsOf(system, chalet)).toHaveLength(1);
    expect(system.google.calls({ eventId: mirrorEventId(booking.id, 0) })).toEqual([]);
  });

  test('versions that change nothing of what the mirror shows cause no write, nor do our own writes coming back', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await system.google.pushesSettled();
    system.google.clearCalls();
    await announce(system, booking);
    const event = await mirrorOf(system, chalet, booking);
    await announce(system, { ...booking, googleEventId: event.id ?? null, conflict: true, version: 2 });
    await announce(system, { ...booking, version: 3, payment: { ...noPayment, status: 'open' } });
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT version FROM mirrors WHERE booking_id = $1', [booking.id]);
      return rows[0]?.version === 3;
    });
    await settled(system, chalet);
    await system.google.pushesSettled();
    const calls = system.google.calls({ path: encodeURIComponent(chalet.calendarId) });
    expect(calls.map(({ method }) => method).filter(method => method !== 'GET')).toEqual(['POST']);
    // Reading the calendar, our event in it is no news.
    const report = granted(
      await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId }),
    );
    expect(report).toMatchObject({ full: false, changed: 0, removed: 0 });
    await settled(system, chalet);
    expect(system.google.calls({ eventId: event.id ?? '' })).toHaveLength(1);
  });

  test('Google being down delays the event, not more', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.setDown(true);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT last_error FROM mirrors WHERE booking_id = $1', [booking.id]);
      return rows[0]?.last_error;
    });
    system.google.setDown(false);
    await mirrorOf(system, chalet, booking);
    expect(await stateOf(system, booking.id)).toBe('synced');
  });

  test('an answer that is lost after Google made the event does not make a second one', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const eventId = mirrorEventId(booking.id, 0);
    system.google.addFault({ match: { method: 'POST', eventId }, loseResponse: 'after' });
    await announce(system, booking);
    await eventually(async () => (await stateOf(system, booking.id)) === 'synced');
    expect(eventsOf(system, chalet).map(({ id }) => id)).toEqual([eventId]);
    await eventually(() => linksOf(booking.id).length > 0);
    expect(linksOf(booking.id)).toEqual([eventId]);
  });

  test('a booking cancelled while it is unknown whether its event was made leaves nothing', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const eventId = mirrorEventId(booking.id, 0);
    system.google.addFault({ match: { method: 'POST', eventId }, loseResponse: 'after', times: 1 });
    system.google.addFault({ match: { method: 'POST', eventId }, status: 503, times: 3 });
    await announce(system, booking);
    await eventually(() => eventsOf(system, chalet).length === 1);
    await announce(system, cancelled(booking));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(eventsOf(system, chalet)).toEqual([]);
    system.google.clearFaults();
  });

  test('an id whose deleted event Google will not give back is stepped over', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    const eventId = mirrorEventId(booking.id, 0);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    system.google.addFault({ match: { method: 'PATCH', eventId }, status: 403, reason: 'forbidden', times: 0 });
    system.google.deleteEvent(chalet.calendarId, eventId);
    await eventually(() => eventsOf(system, chalet).length === 1, { describe: 'the event is back under another id' });
    expect(eventsOf(system, chalet)[0]?.id).toBe(mirrorEventId(booking.id, 1));
    await eventually(() => linksOf(booking.id).length === 2);
    expect(linksOf(booking.id)).toEqual([eventId, mirrorEventId(booking.id, 1)]);
    system.google.clearFaults();
  });

  test('what the owner does to a mirror is put right and told to the audit trail', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const event = await mirrorOf(system, chalet, booking);
    const eventId = event.id ?? '';
    await system.google.pushesSettled();
    const restored = () =>
      system.published
        .filter(({ subject, body }) => subject === 'calendar.mirror_restored' && body.bookingId === booking.id)
        .map(({ body }) => body.drift);

    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(11) }, end: { date: day(13) } });
    await eventually(() => restored().length === 1, { describe: 'the moved event is put back' });
    expect(system.google.getEvent(chalet.calendarId, eventId).start?.date).toBe(booking.startDate);

    await settled(system, chalet);
    await system.google.pushesSettled();
    system.google.deleteEvent(chalet.calendarId, eventId);
    await eventually(() => restored().length === 2, { describe: 'the deleted event is put back' });
    expect(eventsOf(system, chalet)).toMatchObject([
      { id: eventId, summary: 'Chalet 1 - John Doe', status: 'confirmed' },
    ]);
    expect(restored()[0]).toContain('moved in Google');
    expect(restored()[1]).toContain('deleted in Google');
  });

  test('another calendar takes over all mirrors to come, and no calendar takes them away', async () => {
    const chalet = await seedConnectedChalet(system);
    const bookings = [newBooking(chalet), newBooking(chalet, { startDate: day(20), endDate: day(22) })];
    for (const booking of bookings) await announce(system, booking);
    for (const booking of bookings) await mirrorOf(system, chalet, booking);
    const second = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    granted(await choose(system, chalet, second));
    await eventually(() => eventsOf(system, chalet, second).length === 2 && eventsOf(system, chalet).length === 0);
    await settled(system, chalet);
    granted(await choose(system, chalet, null));
    await eventually(() => eventsOf(system, chalet, second).length === 0);
    await eventually(() => linksOf(bookings[0]?.id ?? '').at(-1) === null);
    await eventually(
      () => !system.google.channels().some(({ calendarId }) => [second, chalet.calendarId].includes(calendarId)),
    );
  });

  test('a chalet with a new name renames the mirrors to come', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await announceChalet(system, {
      id: chalet.chaletId,
      establishmentId: chalet.establishmentId,
      name: 'Le Loup',
      version: 2,
    });
    await mirrorOf(system, chalet, booking, 'Le Loup - John Doe');
  });

  test('a revoked connection is called no more, keeps what is wanted, and reconnecting drains it', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.revokeAccount(ownerEmail);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await eventually(async () => (await stateOf(system, booking.id)) === 'blocked');
    const overview = granted(
      await system.ask(calendarRequests.overview, { actor: chalet.owner, establishmentId: chalet.establishmentId }),
    );
    expect(overview.connection).toMatchObject({ status: 'revoked', reason: expect.stringContaining('invalid_grant') });
    expect(overview.calendars[0]?.mirrors).toMatchObject({ blocked: 1 });
    // Other chalets of this file use the same account, and each finds out by itself.
    const { calendarId } = chalet;
    const callsBefore = system.google.calls({ calendarId }).length;
    const second = newBooking(chalet, { startDate: day(20), endDate: day(22) });
    await announce(system, second);
    await eventually(async () => (await stateOf(system, second.id)) === 'blocked');
    expect(system.google.calls({ calendarId })).toHaveLength(callsBefore);
    granted((await connectGoogle(system, chalet)).answer);
    await mirrorOf(system, chalet, booking);
    await mirrorOf(system, chalet, second);
    expect(eventsOf(system, chalet)).toHaveLength(2);
    const statuses = () =>
      system.published
        .filter(
          ({ subject, body }) =>
            subject === 'calendar.connection_changed' && body.establishmentId === chalet.establishmentId,
        )
        .map(({ body }) => body.status);
    await eventually(() => statuses().length >= 3, { describe: 'it is told that the connection is back' });
    expect(statuses()).toEqual(['active', 'revoked', 'active']);
  });
});
