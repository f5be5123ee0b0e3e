import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, endPause, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('what an owner is told about Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const look = async ({ owner: actor, establishmentId }: Chalet) => {
    const { connection, calendars } = granted(await system.ask(calendarRequests.overview, { actor, establishmentId }));
    const [calendar] = calendars;
    if (calendar === undefined) throw new Error('no calendar');
    return { connection, calendar };
  };
  const problemOf = async (chalet: Chalet) => (await look(chalet)).calendar.problem;
  const says = (chalet: Chalet, code: string) =>
    eventually(async () => (await problemOf(chalet))?.code === code, { describe: `the overview says ${code}` });
  const stay = (chalet: Chalet, from: number) => newBooking(chalet, { startDate: day(from), endDate: day(from + 2) });
  const sync = ({ owner: actor, chaletId }: Chalet) => system.ask(calendarRequests.syncCalendar, { actor, chaletId });
  const mended = (chalet: Chalet) =>
    eventually(async () => {
      const { connection, calendar } = await look(chalet);
      expect({ connection: connection.problem, calendar: calendar.problem, status: calendar.status }).toEqual({
        connection: null,
        calendar: null,
        status: 'ok',
      });
      return true;
    });

  test('an account that was taken back: since when, what waits, and reconnecting drains it without doubles', async () => {
    const chalet = await seedConnectedChalet(system);
    const [before, ...during] = [10, 20, 30, 40].map(from => stay(chalet, from));
    const [first, second, dropped] = during;
    if (!before || !first || !second || !dropped) throw new Error('four bookings');
    await announce(system, before);
    await mirrorOf(system, chalet, before);
    expect((await look(chalet)).connection.problem).toBeNull();
    system.google.revokeAccount(ownerEmail);
    for (const booking of [first, second, dropped]) await announce(system, booking);
    await announce(system, cancelled(dropped));
    await announce(system, cancelled(before));
    for (const { id } of [before, first, second])
      await eventually(async () => (await stateOf(system, id)) === 'blocked');
    // Nothing waits for its cancellation, unless it was the one that found out and may be in Google.
    await eventually(async () => /removed|blocked/.test((await stateOf(system, dropped.id)) ?? ''));
    await settled(system, chalet);
    const { connection, calendar } = await look(chalet);
    expect(connection).toMatchObject({
      status: 'revoked',
      problem: { code: 'revoked', message: expect.stringContaining('Connect Google again'), since: connection.since },
    });
    expect(calendar).toMatchObject({
      status: 'blocked',
      problem: { code: 'revoked', since: connection.since },
      mirrors: { waiting: 0, synced: 0 },
    });
    expect(calendar.mirrors.blocked).toBeGreaterThanOrEqual(3);
    expect(calendar.problem?.message).not.toContain('invalid_grant');
    granted((await connectGoogle(system, chalet)).answer);
    for (const booking of [first, second]) await mirrorOf(system, chalet, booking);
    await eventually(() => eventsOf(system, chalet).length === 2, {
      describe: 'exactly the events that should be there',
    });
    await settled(system, chalet);
    expect(
      eventsOf(system, chalet)
        .map(event => event.extendedProperties?.private?.booking_id)
        .sort(),
    ).toEqual([first.id, second.id].sort());
    await mended(chalet);
  });

  test('a calendar that is gone, and one that may only be read', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, null);
    await sync(chalet);
    await says(chalet, 'calendar_gone');
    const since = (await problemOf(chalet))?.since;
    await sync(chalet);
    expect((await problemOf(chalet))?.since).toBe(since);
    expect((await look(chalet)).calendar).toMatchObject({ status: 'blocked', since });

    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'reader');
    await sync(chalet);
    const booking = stay(chalet, 10);
    await announce(system, booking);
    await says(chalet, 'no_permission');
    const seen = await problemOf(chalet);
    expect(seen?.message).toContain('may not make changes');
    // Tried again later, it is still the same problem since the same time.
    await system.pool.query('UPDATE mirrors SET next_attempt_at = now() WHERE booking_id = $1', [booking.id]);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT attempts FROM mirrors WHERE booking_id = $1', [booking.id]);
      return rows[0]?.attempts > 0;
    });
    await says(chalet, 'no_permission');
    expect((await problemOf(chalet))?.since).toBe(seen?.since);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'owner');
    granted(await choose(system, chalet));
    await mirrorOf(system, chalet, booking);
    await mended(chalet);
  });

  test('a permission that the connection lacks, and a project of ours that is not set up', async () => {
    const chalet = await seedConnectedChalet(system);
    const match = { calendarId: chalet.calendarId };
    const refuse = (reason: string) => system.google.addFault({ match, status: 403, reason, times: 0 });
    refuse('insufficientPermissions');
    const booking = stay(chalet, 10);
    await announce(system, booking);
    await says(chalet, 'no_permission');
    expect((await problemOf(chalet))?.message).toContain('Connect Google again');
    expect(refusalOf(await sync(chalet))).toBe('forbidden');
    system.google.clearFaults();
    granted((await connectGoogle(system, chalet)).answer);
    await mirrorOf(system, chalet, booking);
    await mended(chalet);

    refuse('accessNotConfigured');
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await says(chalet, 'error');
    const { calendar } = await look(chalet);
    expect(calendar).toMatchObject({ status: 'failing', mirrors: { waiting: 1, blocked: 0 } });
    expect(calendar.problem?.message).toContain('nothing that you have to do');
    system.google.clearFaults();
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    await mended(chalet);
  });

  test('a client secret of ours that is wrong costs nobody the connection, and asks nothing of the owner', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.expireAccessTokens();
    await system.restart({ GOOGLE_CLIENT_SECRET: 'another' });
    await expect(sync(chalet)).rejects.toMatchObject({ name: 'UnavailableError' });
    const { connection, calendar } = await look(chalet);
    expect(connection).toMatchObject({ status: 'active', problem: null });
    expect(calendar.problem).toMatchObject({ code: 'error', message: expect.stringContaining('for us to mend') });
    await system.restart();
    granted(await sync(chalet));
    await mended(chalet);
  });

  test('a quota that is used up, and a Google that does not answer', async () => {
    const chalet = await seedConnectedChalet(system);
    const match = { calendarId: chalet.calendarId };
    system.google.addFault({ match, status: 429, reason: 'rateLimitExceeded', retryAfter: 3_600 });
    await announce(system, stay(chalet, 10));
    await says(chalet, 'quota');
    await endPause(system, chalet);
    await mended(chalet);
    // As newer parts of Google say it.
    system.google.addFault({ match, status: 403, reason: 'rateLimitExceeded', newerShape: true, retryAfter: 3_600 });
    await announce(system, stay(chalet, 15));
    await says(chalet, 'quota');
    await endPause(system, chalet);
    await mended(chalet);
    system.google.setDown(true);
    await announce(system, stay(chalet, 20));
    await says(chalet, 'unreachable');
    expect((await look(chalet)).calendar).toMatchObject({ status: 'failing', mirrors: { waiting: 1 } });
    system.google.setDown(false);
    await mended(chalet);
    expect(eventsOf(system, chalet)).toHaveLength(3);
  });

  test('events that are still being removed from a calendar that was given up', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = stay(chalet, 10);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    system.google.setDown(true);
    granted(await choose(system, chalet, null));
    const { owner: actor, establishmentId } = chalet;
    const beingRemoved = async () =>
      granted(await system.ask(calendarRequests.overview, { actor, establishmentId })).beingRemoved;
    expect(await beingRemoved()).toBe(1);
    system.google.setDown(false);
    await eventually(async () => (await beingRemoved()) === 0, { describe: 'nothing is left to be removed' });
    expect(eventsOf(system, chalet)).toEqual([]);
  });

  test('a stay that was over before the calendar was chosen does not wait for ever', async () => {
    const chalet = await seedChalet(system);
    const over = newBooking(chalet, { startDate: day(-10), endDate: day(-8), status: 'confirmed' });
    const leaving = newBooking(chalet, { startDate: day(-2), endDate: day(0), status: 'confirmed' });
    for (const booking of [over, leaving]) await announce(system, booking);
    await eventually(async () => {
      const { rowCount } = await system.pool.query('SELECT FROM mirrors WHERE chalet_id = $1', [chalet.chaletId]);
      return rowCount === 2;
    });
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    await mirrorOf(system, chalet, leaving);
    expect((await look(chalet)).calendar).toMatchObject({ status: 'ok', mirrors: { synced: 1, waiting: 0 } });
    expect(eventsOf(system, chalet)).toHaveLength(1);
  });

  test('conflicts, by name, until either side goes away', async () => {
    const chalet = await seedConnectedChalet(system);
    const { calendarId } = chalet;
    const booking = stay(chalet, 10);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const nights = (from: number, to: number) => ({ start: { date: day(from) }, end: { date: day(to) } });
    const conflicts = async (count: number) => {
      await eventually(async () => (await look(chalet)).calendar.conflicts === count, {
        describe: `${count} conflicts`,
      });
      const { conflictList } = (await look(chalet)).calendar;
      expect(conflictList).toHaveLength(count);
      return conflictList;
    };
    const { id = '' } = system.google.createEvent(calendarId, { summary: 'Famille', ...nights(11, 14) });
    expect(await conflicts(1)).toEqual([
      {
        bookingId: booking.id,
        reference: booking.reference,
        startDate: day(10),
        endDate: day(12),
        event: { googleEventId: id, title: 'Famille', startDate: day(11), endDate: day(14) },
      },
    ]);
    system.google.patchEvent(calendarId, id ?? '', nights(12, 14));
    await conflicts(0);
    system.google.patchEvent(calendarId, id ?? '', nights(9, 11));
    await conflicts(1);
    system.google.patchEvent(calendarId, id ?? '', { transparency: 'transparent' });
    await conflicts(0);
    system.google.createEvent(calendarId, { summary: 'Secret', visibility: 'private', ...nights(11, 12) });
    expect((await conflicts(1))[0]?.event.title).toBeNull();
    await announce(system, cancelled(booking));
    await conflicts(0);
  });
});
