import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('Google as it really is', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const overviewOf = async (chalet: Awaited<ReturnType<typeof seedChalet>>) => {
    const { owner: actor, establishmentId } = chalet;
    return granted(await system.ask(calendarRequests.overview, { actor, establishmentId })).calendars[0];
  };

  test('an owner who is faster than we are is seen through the etag, and put right', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const { id: eventId = '' } = await mirrorOf(system, chalet, booking);
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.patchEvent(chalet.calendarId, eventId ?? '', { end: { date: day(20) } });
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    const event = await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(event.end?.date).toBe(booking.endDate);
    const patches = system.google.calls({ method: 'PATCH', eventId: eventId ?? '' });
    expect(patches.map(({ status }) => status)).toEqual([412, 200]);
    expect(patches.every(({ ifMatch }) => ifMatch !== undefined)).toBe(true);
  });

  test('a refresh token that Google rotates is kept, encrypted', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.configure({ rotateRefreshTokens: true });
    for (const version of [1, 2, 3]) {
      system.google.expireAccessTokens();
      const booking = newBooking(chalet, { startDate: day(20 + version), endDate: day(21 + version) });
      await announce(system, booking);
      await mirrorOf(system, chalet, booking);
      if (version === 2) await system.restart();
    }
    system.google.configure({ rotateRefreshTokens: false });
    const { rows } = await system.pool.query('SELECT * FROM connections WHERE establishment_id = $1', [
      chalet.establishmentId,
    ]);
    expect(rows[0].status).toBe('active');
    expect(Buffer.from(rows[0].refresh_token, 'base64').toString('latin1')).not.toContain('1//');
  });

  test('a calendar that is out of reach blocks its mirrors with a reason, and they go on without doubles', async () => {
    const chalet = await seedConnectedChalet(system);
    const [kept, dropped, added] = [20, 30, 40].map(from =>
      newBooking(chalet, { startDate: day(from), endDate: day(from + 2) }),
    );
    if (!kept || !dropped || !added) throw new Error('three bookings');
    for (const booking of [kept, dropped]) {
      await announce(system, booking);
      await mirrorOf(system, chalet, booking);
    }
    system.google.shareCalendar(chalet.calendarId, ownerEmail, null);
    await announce(system, { ...kept, status: 'confirmed', version: 2 });
    await announce(system, cancelled(dropped));
    await announce(system, added);
    for (const { id } of [kept, dropped, added])
      await eventually(async () => (await stateOf(system, id)) === 'blocked');
    expect(await overviewOf(chalet)).toMatchObject({
      status: 'blocked',
      reason: expect.stringContaining('404'),
      mirrors: { blocked: 3 },
    });
    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'owner');
    granted(await choose(system, chalet));
    await eventually(() => {
      const ids = eventsOf(system, chalet).map(({ id }) => id);
      return ids.length === 2 && [kept, added].every(({ id }) => ids.includes(mirrorEventId(id, 0)));
    });
    await settled(system, chalet);
    expect(await overviewOf(chalet)).toMatchObject({ status: 'ok', mirrors: { synced: 2, blocked: 0, waiting: 0 } });
  });

  test('a calendar that may only be read blocks what would be written', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'reader');
    const booking = newBooking(chalet);
    await announce(system, booking);
    await eventually(async () => (await stateOf(system, booking.id)) === 'blocked');
    expect((await overviewOf(chalet))?.problems).toMatchObject([{ bookingId: booking.id, state: 'blocked' }]);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'owner');
    granted(await choose(system, chalet));
    await mirrorOf(system, chalet, booking);
  });

  test('a pause that Google asks for is kept by all calls of the account', async () => {
    const chalet = await seedConnectedChalet(system);
    const match = { calendarId: chalet.calendarId };
    system.google.addFault({ match, status: 429, reason: 'rateLimitExceeded', retryAfter: 1 });
    const booking = newBooking(chalet);
    await announce(system, booking);
    const callsOf = () => system.google.calls({ calendarId: chalet.calendarId });
    await eventually(() => callsOf().some(({ status }) => status === 429));
    await announce(system, newBooking(chalet, { startDate: day(20), endDate: day(21) }));
    await mirrorOf(system, chalet, booking);
    const refused = callsOf().findIndex(({ status }) => status === 429);
    const [refusedAt = Number.NaN, nextAt = Number.NaN] = callsOf()
      .slice(refused, refused + 2)
      .map(({ at }) => Date.parse(at));
    expect(nextAt - refusedAt).toBeGreaterThan(950);
    await eventually(() => eventsOf(system, chalet).length === 2);
    const statuses = system.google.calls({ method: 'POST', calendarId: chalet.calendarId }).map(({ status }) => status);
    expect(statuses.filter(status => status === 429)).toHaveLength(1);
  });

  test('a full list in many pages is taken over whole', async () => {
    system.google.configure({ maxPageSize: 3 });
    const chalet = await seedChalet(system);
    for (let index = 0; index < 10; index += 1) {
      const dates = { start: { date: day(index) }, end: { date: day(index + 1) } };
      system.google.createEvent(chalet.calendarId, { summary: `Event ${index}`, ...dates });
    }
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    system.google.configure({ maxPageSize: 2500 });
    const range = { chaletId: chalet.chaletId, from: day(0), to: day(30) };
    await eventually(async () => granted(await system.ask(calendarRequests.consult, range)).status === 'fresh');
    expect(granted(await system.ask(calendarRequests.consult, range)).busy).toHaveLength(10);
  });

  test('many bookings at once and two replicas make one event each, with one call each', async () => {
    const chalet = await seedConnectedChalet(system);
    const replica = await system.start();
    const bookings = Array.from({ length: 30 }, (_, index) =>
      newBooking(chalet, { startDate: day(50 + index), endDate: day(51 + index) }),
    );
    await system.google.pushesSettled();
    system.google.clearCalls();
    await Promise.all(bookings.map(booking => announce(system, booking)));
    await eventually(() => eventsOf(system, chalet).length === 30);
    await settled(system, chalet);
    await system.google.pushesSettled();
    const calls = system.google.calls({ calendarId: chalet.calendarId });
    // A burst of pushes becomes few listings: how few depends on how fast the machine writes.
    expect(calls.length).toBeLessThan(60);
    expect(calls.filter(({ method }) => method === 'POST')).toHaveLength(30);
    await replica.drain();
  });

  test('a Google that hangs does not keep the service from ending', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.addFault({ match: { calendarId: chalet.calendarId }, latencyMs: 30_000 });
    const booking = newBooking(chalet);
    await announce(system, booking);
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT place_event_id FROM mirrors WHERE booking_id = $1', [
        booking.id,
      ]);
      return rows[0]?.place_event_id;
    });
    // Google is waited for eight seconds by whoever calls it, and its calls are tried again.
    expect(await system.restart()).toBeLessThan(7_500);
  });
});
