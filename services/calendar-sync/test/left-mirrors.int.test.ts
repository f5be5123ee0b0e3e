import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BookingSnapshot, calendarRequests } from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { mirrorEventId } from '../src/domain/mirror-event.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet } from './chalets.ts';

describe('events of bookings in a calendar that is out of reach when they have to go', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const newAccount = () => system.google.createAccount({ email: `${newId()}@example.com` }).email;
  const calendarOf = (owner: string) => system.google.createCalendar({ owner, summary: 'Chalet 1' }).id;
  const connect = async (chalet: Chalet, account: string) =>
    granted((await connectGoogle(system, chalet, { account })).answer);
  const disconnect = async ({ owner: actor, establishmentId }: Chalet, removeMirrors: boolean) =>
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors }));
  const left = async ({ owner: actor, establishmentId }: Chalet) =>
    granted(await system.ask(calendarRequests.overview, { actor, establishmentId })).leftMirrors;
  const untilLeft = (chalet: Chalet, events: number) =>
    eventually(async () => (await left(chalet)).events === events, { describe: `${events} events are left` });
  const looksAt = (calendarId: string) =>
    system.google.calls({ method: 'GET', path: `calendarList/${encodeURIComponent(calendarId)}` }).length;

  /** A chalet of an account of its own, with the mirrors of some bookings. */
  async function seed(count: number) {
    const account = newAccount();
    const chalet = { ...(await seedChalet(system)), calendarId: calendarOf(account) };
    await connect(chalet, account);
    granted(await choose(system, chalet));
    const bookings: BookingSnapshot[] = [];
    for (let index = 0; index < count; index += 1) {
      const booking = newBooking(chalet, { startDate: day(10 + 3 * index), endDate: day(12 + 3 * index) });
      bookings.push(booking);
      await announce(system, booking);
    }
    await eventually(() => eventsOf(system, chalet).length === count, { describe: 'every booking has its event' });
    await settled(system, chalet);
    return { account, chalet, bookings };
  }

  test('another account: they are counted, with the account that sees them, and go when it is connected again', async () => {
    const { account, chalet, bookings } = await seed(25);
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 25, {
      describe: 'every event is in the new one',
    });
    await settled(system, chalet);
    expect(await left(chalet)).toEqual({
      events: 25,
      calendars: [
        {
          calendarId: chalet.calendarId,
          account,
          events: 25,
          problem: {
            code: 'calendar_gone',
            message: expect.stringContaining(`Connect the account ${account} again`),
            since: expect.any(String),
          },
        },
      ],
    });
    const { rows } = await system.pool.query('SELECT * FROM left_mirrors WHERE establishment_id = $1', [
      chalet.establishmentId,
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/John|Doe|Arriving/);

    // Connected once more, the same account looks once, not once for each event.
    system.google.clearCalls();
    await connect(chalet, second);
    await eventually(() => looksAt(chalet.calendarId) > 0, { describe: 'the old calendar is looked for' });
    await eventually(
      async () =>
        (await system.pool.query("SELECT FROM left_mirrors WHERE next_attempt_at < now() + interval '1 hour'"))
          .rowCount === 0,
      { describe: 'all of them wait' },
    );
    expect(looksAt(chalet.calendarId)).toBe(1);
    expect(system.google.calls({ method: 'DELETE', calendarId: chalet.calendarId })).toEqual([]);
    expect((await left(chalet)).events).toBe(25);

    await connect(chalet, account);
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'nothing is left' });
    await untilLeft(chalet, 0);
    await announce(system, cancelled(bookings[0] ?? newBooking(chalet)));
    await eventually(async () => (await stateOf(system, bookings[0]?.id ?? '')) !== 'synced');
    expect(eventsOf(system, chalet, other)).toHaveLength(25);
  });

  test('one that may only be read: the bookings go on in the new calendar, and leave the old one once that is allowed', async () => {
    const { account, chalet } = await seed(2);
    const owner = newAccount();
    const shared = calendarOf(owner);
    system.google.shareCalendar(shared, account, 'writer');
    granted(await choose(system, chalet, shared));
    await eventually(() => eventsOf(system, chalet, shared).length === 2);
    await settled(system, chalet);
    system.google.shareCalendar(shared, account, 'reader');
    granted(await choose(system, chalet));
    await eventually(() => eventsOf(system, chalet).length === 2);
    await untilLeft(chalet, 2);
    await settled(system, chalet);
    expect((await left(chalet)).calendars).toMatchObject([
      { calendarId: shared, account, problem: { code: 'no_permission' } },
    ]);
    system.google.shareCalendar(shared, account, 'writer');
    granted(await choose(system, chalet));
    await eventually(() => eventsOf(system, chalet, shared).length === 0);
    await untilLeft(chalet, 0);
    expect(eventsOf(system, chalet)).toHaveLength(2);
  });

  test('a calendar given up while the account is revoked is told of, and emptied when it is back', async () => {
    const { account, chalet } = await seed(2);
    system.google.revokeAccount(account);
    const { owner: actor, chaletId } = chalet;
    await system.ask(calendarRequests.syncCalendar, { actor, chaletId });
    granted(await choose(system, chalet, null));
    await untilLeft(chalet, 2);
    expect((await left(chalet)).calendars).toMatchObject([
      { calendarId: chalet.calendarId, account, problem: { code: 'revoked' } },
    ]);
    await connect(chalet, account);
    await eventually(() => eventsOf(system, chalet).length === 0);
    await untilLeft(chalet, 0);
  });

  test('removal asked for while the account is revoked happens once it is connected again, unless they are left', async () => {
    const first = await seed(2);
    const { account, chalet } = first;
    system.google.revokeAccount(account);
    const { owner: actor, chaletId } = chalet;
    await system.ask(calendarRequests.syncCalendar, { actor, chaletId });
    await disconnect(chalet, true);
    expect((await left(chalet)).events).toBe(2);
    await connect(chalet, account);
    await eventually(() => eventsOf(system, chalet).length === 0);
    await untilLeft(chalet, 0);

    granted(await choose(system, chalet));
    await eventually(() => eventsOf(system, chalet).length === 2);
    await settled(system, chalet);
    system.google.revokeAccount(account);
    await system.ask(calendarRequests.syncCalendar, { actor, chaletId });
    await disconnect(chalet, true);
    expect((await left(chalet)).events).toBe(2);
    await disconnect(chalet, false);
    expect(await left(chalet)).toEqual({ events: 0, calendars: [] });
    expect(eventsOf(system, chalet)).toHaveLength(2);
  });

  test('what is not there in a calendar that is seen is gone, and costs one look', async () => {
    const { account, chalet } = await seed(0);
    const match = { calendarId: chalet.calendarId, method: 'POST', path: 'events$' };
    system.google.addFault({ match, status: 503, times: 0 });
    const bookings = [10, 20].map(from => newBooking(chalet, { startDate: day(from), endDate: day(from + 2) }));
    for (const booking of bookings) await announce(system, booking);
    await eventually(async () => {
      const { rowCount } = await system.pool.query(
        'SELECT FROM mirrors WHERE chalet_id = $1 AND last_error IS NOT NULL AND place_event_id IS NOT NULL',
        [chalet.chaletId],
      );
      return rowCount !== 0;
    });
    system.google.clearCalls();
    const other = calendarOf(account);
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 2);
    await settled(system, chalet);
    expect(await left(chalet)).toEqual({ events: 0, calendars: [] });
    expect(looksAt(chalet.calendarId)).toBe(1);
    system.google.clearFaults();
  });

  test('a calendar that is chosen again takes them over: what is a booking’s event is not removed as one that was left', async () => {
    const { account, chalet, bookings } = await seed(2);
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await untilLeft(chalet, 2);
    await settled(system, chalet);
    system.google.shareCalendar(other, account, 'owner');
    system.google.shareCalendar(chalet.calendarId, second, 'owner');
    granted(await choose(system, chalet));
    for (const booking of bookings) await mirrorOf(system, chalet, booking);
    await eventually(() => eventsOf(system, chalet, other).length === 0);
    await untilLeft(chalet, 0);
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toHaveLength(2);
  });

  test('one that was left under an older id goes, although its booking’s event came back under a newer one', async () => {
    const { chalet, bookings } = await seed(1);
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await untilLeft(chalet, 1);
    await settled(system, chalet);
    const [oldId, newId_] = [0, 1].map(sequence => mirrorEventId(bookings[0]?.id ?? '', sequence));
    system.google.addFault({
      match: { method: 'PATCH', calendarId: other },
      status: 403,
      reason: 'forbidden',
      times: 0,
    });
    system.google.deleteEvent(other, oldId ?? '');
    await eventually(() => eventsOf(system, chalet, other)[0]?.id === newId_, { describe: 'the event has a newer id' });
    await settled(system, chalet);
    system.google.clearFaults();
    system.google.shareCalendar(chalet.calendarId, second, 'owner');
    granted(await choose(system, chalet));
    await eventually(
      () =>
        eventsOf(system, chalet)
          .map(({ id }) => id)
          .join() === newId_,
      {
        describe: 'only the newer event is there',
      },
    );
    await untilLeft(chalet, 0);
  });

  test('a service that ends before it noted the removal finds them gone', async () => {
    const { account, chalet } = await seed(2);
    const second = newAccount();
    await connect(chalet, second);
    granted(await choose(system, chalet, calendarOf(second)));
    await untilLeft(chalet, 2);
    await settled(system, chalet);
    let struck = 0;
    await system.restart(
      {},
      {
        timing: { renewLeaseEveryMs: 3_600_000 },
        passing: async point => {
          if (point !== 'left mirror removed from Google, not forgotten') return;
          struck += 1;
          await new Promise(() => undefined);
        },
      },
    );
    await connect(chalet, account);
    await eventually(() => struck > 0, { describe: 'the service ends there' });
    await system.restart();
    await eventually(() => eventsOf(system, chalet).length === 0);
    await untilLeft(chalet, 0);
  });

  test('a month after the stay it is history, and nobody is told of it', async () => {
    const { chalet } = await seed(1);
    const second = newAccount();
    await connect(chalet, second);
    granted(await choose(system, chalet, calendarOf(second)));
    await untilLeft(chalet, 1);
    await settled(system, chalet);
    await system.pool.query('UPDATE left_mirrors SET end_date = $2 WHERE chalet_id = $1', [chalet.chaletId, day(-32)]);
    expect(await left(chalet)).toEqual({ events: 0, calendars: [] });
    await connect(chalet, second);
    await eventually(
      async () =>
        (await system.pool.query('SELECT FROM left_mirrors WHERE chalet_id = $1', [chalet.chaletId])).rowCount === 0,
    );
  });
});
