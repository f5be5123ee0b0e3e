import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, day, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedConnectedChalet } from './chalets.ts';

describe('our own writes coming back from Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const callsOf = ({ calendarId }: Chalet) => system.google.calls({ calendarId }).map(({ method }) => method);
  const quiet = async (chalet: Chalet) => {
    await settled(system, chalet);
    await system.google.pushesSettled();
  };
  /** A calendar that nobody writes to, whose pushes have all been taken. */
  const seedQuietChalet = async () => {
    const chalet = await seedConnectedChalet(system);
    await quiet(chalet);
    system.google.clearCalls();
    return chalet;
  };
  const calendarOf = async ({ chaletId }: Chalet) => {
    const { rows } = await system.pool.query(
      `SELECT echoes, check_at, extract(epoch FROM next_sync_at - now())::float8 AS due
         FROM calendars WHERE chalet_id = $1`,
      [chaletId],
    );
    return rows[0];
  };
  const checkNow = ({ chaletId }: Chalet) =>
    system.pool.query('UPDATE calendars SET check_at = now() WHERE chalet_id = $1 AND check_at IS NOT NULL', [
      chaletId,
    ]);
  const stay = (from: number) => ({ start: { date: day(from) }, end: { date: day(from + 1) } });
  const cameIn = (chalet: Chalet, title: string) =>
    eventually(
      () =>
        system.published.some(
          ({ subject, body }) =>
            subject === 'calendar.external_event_changed' && body.chaletId === chalet.chaletId && body.title === title,
        ),
      { describe: `the event ${title}` },
    );

  test('change nothing and cause no call: a booking’s life is three calls', async () => {
    const chalet = await seedQuietChalet();
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await quiet(chalet);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    await quiet(chalet);
    await announce(system, cancelled({ ...booking, version: 2 }));
    await eventually(() => eventsOf(system, chalet).length === 0);
    await quiet(chalet);
    expect(system.google.pushes().filter(({ calendarId }) => calendarId === chalet.calendarId)).toHaveLength(3);
    expect(callsOf(chalet)).toEqual(['POST', 'PATCH', 'DELETE']);
    expect(await calendarOf(chalet)).toMatchObject({ echoes: 0, check_at: null });
  });

  test('leave a steady flow of changes from both sides at no more than 1.2 calls a change', async () => {
    const chalets: Chalet[] = [];
    for (let index = 0; index < 5; index += 1) chalets.push(await seedConnectedChalet(system));
    for (const chalet of chalets) await quiet(chalet);
    system.google.clearCalls();
    let changes = 0;
    for (let round = 0; round < 3; round += 1) {
      for (const chalet of chalets) {
        const booking = newBooking(chalet, { startDate: day(10 + 4 * round), endDate: day(12 + 4 * round) });
        await announce(system, booking);
        await mirrorOf(system, chalet, booking);
        await quiet(chalet);
        await announce(system, { ...booking, status: 'confirmed', version: 2 });
        await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
        await quiet(chalet);
        system.google.createEvent(chalet.calendarId, { summary: `Owner's ${round}`, ...stay(60 + round) });
        await cameIn(chalet, `Owner's ${round}`);
        changes += 3;
        if (round === 1) {
          await announce(system, cancelled({ ...booking, version: 2 }));
          await eventually(() => !eventsOf(system, chalet).some(({ start }) => start?.date === booking.startDate));
          await quiet(chalet);
          changes += 1;
        }
      }
    }
    const calls = system.google.calls().length;
    expect(changes).toBe(50);
    expect(calls / changes).toBeLessThanOrEqual(1.2);
  });

  test('do not hide what the owner does beside them: a push more than writes is read for at once', async () => {
    const chalet = await seedQuietChalet();
    const booking = newBooking(chalet);
    await announce(system, booking);
    system.google.createEvent(chalet.calendarId, { summary: 'Beside', ...stay(30) });
    await mirrorOf(system, chalet, booking);
    await cameIn(chalet, 'Beside');
  });

  test('that are not heard of are a reason to read the calendar', async () => {
    const chalet = await seedQuietChalet();
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId, times: 0 });
    const booking = newBooking(chalet);
    await announce(system, booking);
    system.google.createEvent(chalet.calendarId, { summary: 'Unheard of', ...stay(30) });
    await mirrorOf(system, chalet, booking);
    expect((await calendarOf(chalet)).check_at).not.toBeNull();
    await checkNow(chalet);
    await cameIn(chalet, 'Unheard of');
    system.google.clearFaults();
    expect(await calendarOf(chalet)).toMatchObject({ echoes: 0, check_at: null });
  });

  test('that Google refused are not expected back', async () => {
    const chalet = await seedQuietChalet();
    system.google.addFault({ match: { method: 'POST', calendarId: chalet.calendarId }, status: 503 });
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await quiet(chalet);
    expect(await calendarOf(chalet)).toMatchObject({ echoes: 0, check_at: null });
    expect(callsOf(chalet)).toEqual(['POST', 'POST']);
  });

  test('whose message Google repeats are still one echo', async () => {
    const chalet = await seedQuietChalet();
    system.google.addPushFault({ kind: 'duplicate', calendarId: chalet.calendarId, times: 0 });
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await quiet(chalet);
    system.google.clearFaults();
    expect(callsOf(chalet)).toEqual(['POST']);
  });

  test('bring the next reading nearer, in case Google put two changes into one message', async () => {
    const chalet = await seedQuietChalet();
    await system.pool.query(`UPDATE calendars SET next_sync_at = now() + interval '1 hour' WHERE chalet_id = $1`, [
      chalet.chaletId,
    ]);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await quiet(chalet);
    const { due } = await calendarOf(chalet);
    expect(due).toBeGreaterThan(60);
    expect(due).toBeLessThanOrEqual(150);
  });

  test('without a channel are not expected back', async () => {
    const chalet = await seedQuietChalet();
    const { chaletId } = chalet;
    await system.pool.query(`UPDATE calendars SET watch_at = now() + interval '1 hour' WHERE chalet_id = $1`, [
      chaletId,
    ]);
    await system.pool.query('UPDATE channels SET stopped_at = now() WHERE chalet_id = $1', [chaletId]);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    expect(await calendarOf(chalet)).toMatchObject({ echoes: 0, check_at: null });
  });
});
