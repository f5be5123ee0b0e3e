import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addDays,
  bookingRequests,
  calendarEvents,
  type ExternalEventChange,
  overlaps,
  paymentEvents,
} from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import {
  admin,
  type BookingSystem,
  book,
  granted,
  paymentFor,
  refusalOf,
  seedChalet,
  startBookingSystem,
} from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

type Changed = Extract<ExternalEventChange, { kind: 'changed' }>;

const externalAt = (
  chalet: { id: string; establishmentId: string },
  fromDay: number,
  fields: Partial<Changed> = {},
): Changed => ({
  kind: 'changed',
  chaletId: chalet.id,
  establishmentId: chalet.establishmentId,
  calendarId: 'calendar',
  googleEventId: newId(),
  startDate: addDays(system.today(), fromDay),
  endDate: addDays(system.today(), fromDay + 2),
  title: 'Famille Tremblay',
  etag: '"1"',
  revision: 1,
  ...fields,
});
const removalOf = (change: Changed, revision: number): ExternalEventChange => ({
  kind: 'removed',
  chaletId: change.chaletId,
  establishmentId: change.establishmentId,
  calendarId: change.calendarId,
  googleEventId: change.googleEventId,
  reason: 'removed in Google Calendar',
  revision,
});

const record = async (...changes: ExternalEventChange[]) =>
  granted(await system.ask(bookingRequests.recordExternalEvents, { changes }));
const scheduleOf = async (chaletId: string) =>
  granted(
    await system.ask(bookingRequests.schedule, {
      actor: admin,
      chaletId,
      from: system.today(),
      to: addDays(system.today(), 300),
    }),
  ).items;

describe('an external event', () => {
  it('becomes a confirmed booking that the website can neither cancel nor book over', async () => {
    const { chalet, owner } = await seedChalet(system);
    const event = externalAt(chalet, 10);
    expect(await record(event)).toEqual({ recorded: 1, known: 0 });
    const [row] = await scheduleOf(chalet.id);
    expect(row).toMatchObject({
      source: 'google',
      status: 'confirmed',
      customer: { name: 'Famille Tremblay', email: null },
      googleEventId: event.googleEventId,
      price: null,
    });
    expect(refusalOf(await book(system, chalet.id, 11))).toBe('dates_unavailable');
    const cancel = await system.ask(bookingRequests.cancel, { actor: owner, bookingId: row?.id ?? '' });
    expect(refusalOf(cancel)).toBe('read_only_source');
  });

  it('is known when it comes a second time, late or after its removal', async () => {
    const { chalet } = await seedChalet(system);
    const event = externalAt(chalet, 10);
    const moved = { ...event, revision: 2, startDate: addDays(event.startDate, 1) };
    expect(await record(event, moved)).toEqual({ recorded: 1, known: 1 });
    expect(await record(event)).toEqual({ recorded: 0, known: 1 });
    expect(await scheduleOf(chalet.id)).toMatchObject([{ startDate: moved.startDate, version: 1 }]);
    await record(removalOf(event, 4));
    await system.publish(calendarEvents.externalEventChanged, { ...event, revision: 3 });
    const back = { ...event, revision: 5 };
    await system.publish(calendarEvents.externalEventChanged, back);
    await eventually(async () => (await scheduleOf(chalet.id)).length === 1);
    const rows = await system.pool.query(
      `SELECT status, cancel_reason FROM bookings WHERE chalet_id = $1 ORDER BY id`,
      [chalet.id],
    );
    expect(rows.rows).toEqual([
      { status: 'cancelled', cancel_reason: 'external_removed' },
      { status: 'confirmed', cancel_reason: null },
    ]);
  });

  it('that is private shows no name', async () => {
    const { chalet } = await seedChalet(system);
    await record(externalAt(chalet, 10, { title: null }));
    expect(await scheduleOf(chalet.id)).toMatchObject([{ customer: { name: 'Occupé' } }]);
  });

  it('over a website booking is stored, and both are flagged until one of them goes', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10, 3));
    const event = externalAt(chalet, 12);
    const beyond = externalAt(chalet, 13);
    await record(event, beyond);
    expect(await scheduleOf(chalet.id)).toMatchObject([
      { id: booking.id, conflict: true, version: 2, startDate: booking.startDate, status: 'pending' },
      { source: 'google', conflict: true, version: 1 },
      { source: 'google', conflict: false, version: 1 },
    ]);
    await record({
      ...event,
      revision: 2,
      startDate: addDays(event.startDate, 1),
      endDate: addDays(event.startDate, 3),
    });
    expect((await scheduleOf(chalet.id)).map(row => row.conflict)).toEqual([false, false, false]);
    await record({ ...event, revision: 3 });
    expect((await scheduleOf(chalet.id)).map(row => row.conflict)).toEqual([true, true, false]);
    granted(await system.ask(bookingRequests.cancel, { actor: admin, bookingId: booking.id }));
    expect((await scheduleOf(chalet.id)).map(row => row.conflict)).toEqual([false, false]);
  });

  it('and a guest who want the same night at the same moment do not miss each other', async () => {
    const { chalet } = await seedChalet(system);
    const days = Array.from({ length: 20 }, (_, index) => 10 + index * 3);
    await Promise.all(days.flatMap(day => [record(externalAt(chalet, day)), book(system, chalet.id, day + 1)]));
    const rows = await scheduleOf(chalet.id);
    const guests = rows.filter(row => row.source === 'website');
    expect(rows.filter(row => row.source === 'google')).toHaveLength(days.length);
    // A guest who was first is flagged together with the event; one who was second was refused.
    expect(guests.every(guest => guest.conflict)).toBe(true);
    expect(rows.filter(row => row.conflict).length).toBeGreaterThanOrEqual(guests.length * 2);
    expect(
      rows.every(row => row.conflict === rows.some(other => other.source !== row.source && overlaps(other, row))),
    ).toBe(true);
  });

  it('comes two hundred at once, in one go', async () => {
    const { chalet } = await seedChalet(system);
    const changes = Array.from({ length: 200 }, (_, index) => externalAt(chalet, 1 + index));
    expect(await record(...changes)).toEqual({ recorded: 200, known: 0 });
    expect(await record(...changes)).toEqual({ recorded: 0, known: 200 });
    expect(await scheduleOf(chalet.id)).toHaveLength(200);
  });

  it('does not undo the conflict that another one still causes', async () => {
    const { chalet } = await seedChalet(system);
    granted(await book(system, chalet.id, 10, 10));
    const [early, late] = [externalAt(chalet, 9), externalAt(chalet, 19)];
    await record(early, late);
    await record(removalOf(late, 2));
    expect((await scheduleOf(chalet.id)).map(row => row.conflict)).toEqual([true, true]);
    await record(removalOf(early, 2));
    expect((await scheduleOf(chalet.id)).map(row => row.conflict)).toEqual([false]);
  });
});

describe('a mirror', () => {
  it('leaves its event id in the booking, newest revision first', async () => {
    const { chalet } = await seedChalet(system);
    const booking = granted(await book(system, chalet.id, 10));
    const link = { bookingId: booking.id, calendarId: 'calendar' };
    await system.publish(calendarEvents.eventLinked, { ...link, googleEventId: 'event-2', revision: 2 });
    const read = async () => granted(await system.ask(bookingRequests.getSnapshot, { bookingId: booking.id }));
    await eventually(async () => (await read()).googleEventId === 'event-2');
    await system.publish(calendarEvents.eventLinked, { ...link, googleEventId: 'event-1', revision: 1 });
    await system.publish(calendarEvents.eventLinked, { ...link, googleEventId: 'event-2', revision: 3 });
    await system.publish(calendarEvents.mirrorRestored, {
      bookingId: booking.id,
      googleEventId: 'event-2',
      drift: 'moved in Google',
      at: new Date().toISOString(),
    });
    await system.publish(paymentEvents.paymentSucceeded, paymentFor(booking));
    const history = async () =>
      granted(await system.ask(bookingRequests.history, { actor: admin, bookingId: booking.id })).items.map(
        entry => entry.action,
      );
    await eventually(async () => (await history()).length === 4);
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT mirror_revision FROM bookings WHERE id = $1', [booking.id]);
      return rows[0]?.mirror_revision === 3;
    });
    expect((await history()).toSorted()).toEqual(['confirmed', 'event_linked', 'mirror_restored', 'placed']);
    expect(await read()).toMatchObject({ googleEventId: 'event-2', status: 'confirmed', version: 3 });
  });
});
