import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BookingSnapshot, calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { firstRevision } from '../src/domain/first-revision.ts';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { announceChalet, type Chalet, choose, connectGoogle, seedConnectedChalet } from './chalets.ts';

describe('which event belongs to which booking', () => {
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
  const linksOf = (bookingId: string) =>
    system.published
      .filter(({ subject, body }) => subject === 'calendar.event_linked' && body.bookingId === bookingId)
      .map(({ body }) => body);
  const idsOf = (chalet: Chalet) => eventsOf(system, chalet).map(({ id }) => id);

  /** A booking whose event Google did not give back after the owner deleted it, so that it got the next id. */
  const seedFallback = async (chalet: Chalet, from = 10) => {
    const booking = newBooking(chalet, { startDate: day(from), endDate: day(from + 2) });
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await system.google.pushesSettled();
    const [first, second] = [mirrorEventId(booking.id, 0), mirrorEventId(booking.id, 1)];
    const match = { method: 'PATCH', eventId: first };
    system.google.addFault({ match, status: 403, reason: 'forbidden', times: 0 });
    system.google.deleteEvent(chalet.calendarId, first);
    await eventually(() => idsOf(chalet).includes(second), { describe: 'the event is back under another id' });
    await settled(system, chalet);
    await system.google.pushesSettled();
    system.google.clearFaults();
    return { booking, first, second };
  };

  test('an event under a fallback id stays ours when it is brought back bare after its booking was cancelled', async () => {
    const chalet = await seedConnectedChalet(system);
    const { booking, second } = await seedFallback(chalet);
    await announce(system, cancelled(booking));
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone' });
    await settled(system, chalet);
    const { extendedProperties: _, ...bare } = system.google.getEvent(chalet.calendarId, second);
    system.google.updateEvent(chalet.calendarId, second, { ...bare, status: 'confirmed' });
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone again' });
    await sync(chalet);
    expect(externalNewsOf(chalet)).toEqual([]);
  });

  test('an event that is brought back beside its successor goes, the successor stays', async () => {
    const chalet = await seedConnectedChalet(system);
    const { booking, first, second } = await seedFallback(chalet);
    system.google.patchEvent(chalet.calendarId, first, { status: 'confirmed' });
    await eventually(() => !idsOf(chalet).includes(first), { describe: 'the first event is gone again' });
    await settled(system, chalet);
    expect(idsOf(chalet)).toEqual([second]);
    expect(await stateOf(system, booking.id)).toBe('synced');
    expect(externalNewsOf(chalet)).toEqual([]);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    expect((await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe')).id).toBe(second);
  });

  test('after a start from an empty database nothing is doubled, and booking believes what it is told', async () => {
    const chalet = await seedConnectedChalet(system);
    const { calendarId, chaletId, establishmentId } = chalet;
    const fallback = await seedFallback(chalet, 30);
    const plain = newBooking(chalet, { status: 'confirmed' });
    await announce(system, plain);
    await mirrorOf(system, chalet, plain);
    const owners = system.google.createEvent(calendarId, {
      summary: 'Famille',
      start: { date: day(20) },
      end: { date: day(22) },
    });
    await eventually(() => externalNewsOf(chalet).length === 1);
    const gone = newBooking(chalet, { startDate: day(40), endDate: day(42) });
    await announce(system, gone);
    await mirrorOf(system, chalet, gone);
    const bookings: BookingSnapshot[] = [fallback.booking, plain, gone];
    await eventually(() => bookings.every(({ id }) => linksOf(id).length > 0));
    const before = new Map(bookings.map(({ id }) => [id, Number(linksOf(id).at(-1)?.revision)]));
    const externalBefore = Number(externalNewsOf(chalet)[0]?.body.revision);

    // A second for every revision since the first: here a life of minutes is lived in seconds.
    const highest = Math.max(externalBefore, ...before.values());
    await eventually(() => firstRevision(new Date()) > highest, { describe: 'the clock is past the last revision' });
    const { rows } = await system.pool.query(
      `SELECT string_agg(quote_ident(tablename), ', ') AS tables FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT LIKE '\\_prisma%'`,
    );
    await system.restart();
    // Again when it and the service, which runs, wait for each other's locks: then Postgres ends one of them.
    await eventually(() => system.pool.query(`TRUNCATE ${rows[0].tables}`), { describe: 'the database is empty' });
    await system.restart();
    system.published.length = 0;
    // As booking says them again when the sweep finds that they are missing; one was cancelled meanwhile.
    await announceChalet(system, { id: chaletId, establishmentId });
    for (const booking of [fallback.booking, plain, cancelled(gone)]) await announce(system, booking);
    await eventually(async () => (await system.pool.query('SELECT FROM mirrors')).rowCount === 3);
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));

    await eventually(() => linksOf(plain.id).length > 0 && linksOf(fallback.booking.id).length > 0);
    await settled(system, chalet);
    // Whichever of the two ids Google lets us have now.
    const [again, ...more] = idsOf(chalet).filter(id => id === fallback.first || id === fallback.second);
    expect(more).toEqual([]);
    expect(idsOf(chalet).toSorted()).toEqual([mirrorEventId(plain.id, 0), again, owners.id].toSorted());
    expect(linksOf(plain.id).at(-1)).toMatchObject({ googleEventId: mirrorEventId(plain.id, 0), calendarId });
    expect(linksOf(fallback.booking.id).at(-1)).toMatchObject({ googleEventId: again });
    for (const { id } of [plain, fallback.booking]) {
      expect(Number(linksOf(id).at(-1)?.revision)).toBeGreaterThan(before.get(id) ?? Number.NaN);
    }
    await eventually(() => externalNewsOf(chalet).length > 0);
    expect(externalNewsOf(chalet).map(({ body }) => body)).toMatchObject([
      { kind: 'changed', googleEventId: owners.id },
    ]);
    expect(Number(externalNewsOf(chalet)[0]?.body.revision)).toBeGreaterThan(externalBefore);
  });
});
