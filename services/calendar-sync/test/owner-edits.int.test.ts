import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, granted, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedConnectedChalet } from './chalets.ts';

describe('what an owner’s apps do to mirrors', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const sync = async (chalet: Chalet) =>
    granted(await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId }));
  const externalNewsOf = (chalet: Chalet) =>
    system.published.filter(
      ({ subject, body }) => subject.startsWith('calendar.external_event') && body.chaletId === chalet.chaletId,
    );
  const seedMirror = async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const event = await mirrorOf(system, chalet, booking);
    await system.google.pushesSettled();
    return { chalet, booking, event, eventId: event.id ?? '' };
  };
  /** Google's `update` keeps only what it names. */
  const dropProperties = ({ chalet, event, eventId }: Awaited<ReturnType<typeof seedMirror>>) => {
    const { extendedProperties: _, ...rest } = event;
    system.google.updateEvent(chalet.calendarId, eventId, { ...rest, location: 'somewhere' });
  };
  const loseProperties = (seeded: Awaited<ReturnType<typeof seedMirror>>) => {
    system.google.addPushFault({ kind: 'drop', calendarId: seeded.chalet.calendarId });
    dropProperties(seeded);
  };

  test('a mirror that lost our properties gets them back and never becomes an event of the owner', async () => {
    const seeded = await seedMirror();
    const { chalet, booking, eventId } = seeded;
    dropProperties(seeded);
    const event = await mirrorOf(system, chalet, booking);
    expect(event).toMatchObject({
      id: eventId,
      location: 'somewhere',
      extendedProperties: { private: { booking_id: booking.id, source: 'website' } },
    });
    await sync(chalet);
    expect(eventsOf(system, chalet)).toHaveLength(1);
    expect(externalNewsOf(chalet)).toEqual([]);
    await eventually(() =>
      system.published.some(
        ({ subject, body }) => subject === 'calendar.mirror_restored' && body.bookingId === booking.id,
      ),
    );
  });

  test('a mirror that lost our properties unseen is still the one that a payment changes', async () => {
    const seeded = await seedMirror();
    const { chalet, booking, eventId } = seeded;
    loseProperties(seeded);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    await sync(chalet);
    expect(eventsOf(system, chalet).map(({ id }) => id)).toEqual([eventId]);
    expect(externalNewsOf(chalet)).toEqual([]);
  });

  test('a mirror that lost our properties unseen goes when its booking is cancelled, also when brought back', async () => {
    const seeded = await seedMirror();
    const { chalet, booking, event, eventId } = seeded;
    loseProperties(seeded);
    await announce(system, cancelled(booking));
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone' });
    await settled(system, chalet);
    const { extendedProperties: _, ...bare } = event;
    system.google.updateEvent(chalet.calendarId, eventId, { ...bare, status: 'confirmed' });
    await sync(chalet);
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone again' });
    expect(externalNewsOf(chalet)).toEqual([]);
  });

  test('an event that carries another booking is left alone, and its mirror made anew', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const other = { booking_id: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d12' };
    system.google.patchEvent(chalet.calendarId, eventId, { extendedProperties: { private: other } });
    const event = await mirrorOf(system, chalet, booking);
    expect(event.id).toBe(mirrorEventId(booking.id, 1));
    await announce(system, cancelled(booking));
    await eventually(() => eventsOf(system, chalet).length === 1);
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, extendedProperties: { private: other } }]);
  });

  test('a mirror that got times is put back to whole days', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const time = (date: string, hour: string) => ({ date: null, dateTime: `${date}T${hour}:00:00-05:00` });
    system.google.patchEvent(chalet.calendarId, eventId, {
      start: time(booking.startDate, '16'),
      end: time(booking.endDate, '11'),
    });
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate, {
      describe: 'the event is all-day again',
    });
    expect(eventsOf(system, chalet)).toMatchObject([
      { start: { date: booking.startDate }, end: { date: booking.endDate } },
    ]);
    expect(eventsOf(system, chalet)[0]?.start?.dateTime).toBeUndefined();
  });

  test('a mirror that is made to repeat is put back, and its repetitions take no nights', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    const { calendarId } = chalet;
    system.google.patchEvent(calendarId, eventId, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] });
    const audit = () =>
      system.published.flatMap(({ subject, body }) =>
        subject === 'calendar.mirror_restored' && body.bookingId === booking.id ? [body.drift] : [],
      );
    await eventually(() => audit().length > 0, { describe: 'the audit trail is told' });
    expect(audit()).toEqual(['made to repeat in Google']);
    expect(eventsOf(system, chalet)).toMatchObject([
      { id: eventId, start: { date: booking.startDate }, end: { date: booking.endDate } },
    ]);
    expect(eventsOf(system, chalet)[0]?.recurrence).toBeUndefined();
    await settled(system, chalet);
    await system.google.pushesSettled();
    system.google.clearCalls();
    await sync(chalet);
    await settled(system, chalet);
    expect(system.google.calls({ calendarId }).map(({ method }) => method)).toEqual(['GET']);
    expect(externalNewsOf(chalet)).toEqual([]);
  });

  test.each([
    { seen: 'before', pushed: true },
    { seen: 'only after', pushed: false },
  ])('notes and guests that the owner added, seen $seen a payment, outlive it', async ({ pushed }) => {
    const { chalet, booking, event, eventId } = await seedMirror();
    if (!pushed) system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.patchEvent(chalet.calendarId, eventId, {
      description: `${event.description}\nKey under the mat`,
      attendees: [
        { email: 'john.doe@example.com', responseStatus: 'accepted' },
        { email: 'cleaner@example.com', responseStatus: 'accepted' },
      ],
    });
    if (pushed) await sync(chalet);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    const paid = await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(paid.description).toContain('payée');
    expect(paid.description).toContain('Key under the mat');
    expect(paid.attendees).toMatchObject([
      { email: 'john.doe@example.com', responseStatus: 'accepted' },
      { email: 'cleaner@example.com', responseStatus: 'accepted' },
    ]);
    // The guest's name is mirrored: now guests are written, and again the owner's are kept.
    const customer = { ...booking.customer, name: 'John B. Doe' };
    await announce(system, { ...booking, status: 'confirmed', customer, version: 3 });
    const renamed = await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John B. Doe');
    expect(renamed.description).toContain('Key under the mat');
    expect(renamed.attendees).toMatchObject([
      { email: 'john.doe@example.com', displayName: 'John B. Doe', responseStatus: 'accepted' },
      { email: 'cleaner@example.com', responseStatus: 'accepted' },
    ]);
    const reads = system.google.calls({ method: 'GET', eventId });
    expect(reads.length).toBeLessThanOrEqual(2);
  });

  test('a payment of a mirror that nobody touched is one call', async () => {
    const { chalet, booking, eventId } = await seedMirror();
    system.google.clearCalls();
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(system.google.calls({ eventId }).map(({ method }) => method)).toEqual(['PATCH']);
  });
});
