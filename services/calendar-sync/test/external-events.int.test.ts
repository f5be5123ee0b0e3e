import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests, type ExternalEventChange } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';
import { untilIdle } from './until-idle.ts';

describe("the owner's events in Google", () => {
  let system: CalendarSystem;
  let recorded: ExternalEventChange[];
  beforeAll(async () => {
    system = await startCalendarSystem();
    recorded = await system.answerAsBooking();
  });
  afterAll(() => system.drain());

  const sync = async (chalet: Chalet) =>
    granted(await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId }));
  const newsOf = (chalet: Chalet) =>
    system.published
      .filter(({ subject, body }) => subject.startsWith('calendar.external_event') && body.chaletId === chalet.chaletId)
      .map(({ body }) => body);
  const revisionsOf = (chalet: Chalet) => newsOf(chalet).map(({ revision }) => Number(revision));
  const stay = (from: number, to: number) => ({ start: { date: day(from) }, end: { date: day(to) } });

  test('are brought in by a push, follow when they move, and go when they go', async () => {
    const chalet = await seedConnectedChalet(system);
    const { id } = system.google.createEvent(chalet.calendarId, { summary: 'Famille Tremblay', ...stay(5, 10) });
    await eventually(() => newsOf(chalet).length === 1, { describe: 'the event came in' });
    const first = revisionsOf(chalet)[0] ?? 0;
    expect(newsOf(chalet)[0]).toMatchObject({
      kind: 'changed',
      googleEventId: id,
      startDate: day(5),
      endDate: day(10),
      title: 'Famille Tremblay',
    });
    system.google.patchEvent(chalet.calendarId, id ?? '', stay(6, 11));
    await eventually(() => newsOf(chalet).length === 2);
    expect(newsOf(chalet)[1]).toMatchObject({ startDate: day(6), endDate: day(11), revision: first + 1 });
    // Neither nights nor title: no news.
    system.google.patchEvent(chalet.calendarId, id ?? '', { location: 'somewhere' });
    system.google.deleteEvent(chalet.calendarId, id ?? '');
    await eventually(() => newsOf(chalet).length === 3);
    expect(newsOf(chalet)[2]).toMatchObject({ kind: 'removed', googleEventId: id, revision: first + 2 });
    expect(recorded.filter(({ chaletId }) => chaletId === chalet.chaletId)).toHaveLength(3);
  });

  test('that came between the first sync and the opening of the channel are not missed', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    const { calendarId, chaletId } = chalet;
    system.google.addFault({ match: { path: 'events/watch$', calendarId }, status: 503, times: 0 });
    granted(await choose(system, chalet));
    const isRead = 'SELECT FROM calendars WHERE chalet_id = $1 AND last_sync_at IS NOT NULL AND lease_owner IS NULL';
    await eventually(async () => (await system.pool.query(isRead, [chaletId])).rowCount === 1);
    system.google.createEvent(calendarId, { summary: 'Early', ...stay(5, 6) });
    expect(system.google.channels().some(channel => channel.calendarId === calendarId)).toBe(false);
    system.google.clearFaults();
    await eventually(() => newsOf(chalet).length === 1, { describe: 'the event came in' });
  });

  test('are recorded in the bookings table before a requested sync answers', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.createEvent(chalet.calendarId, { summary: 'Private', visibility: 'private', ...stay(5, 6) });
    expect(await sync(chalet)).toMatchObject({ full: false, changed: 1, removed: 0, recorded: true });
    expect(recorded.find(({ chaletId }) => chaletId === chalet.chaletId)).toMatchObject({ title: null });
  });

  test('do not include what takes no nights, nor mirrors, but do include copies of mirrors', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const mirror = await mirrorOf(system, chalet, booking);
    const { calendarId } = chalet;
    system.google.createEvent(calendarId, { summary: 'Ménage', transparency: 'transparent', ...stay(3, 4) });
    const copy = system.google.createEvent(calendarId, {
      summary: mirror.summary ?? '',
      extendedProperties: mirror.extendedProperties ?? null,
      ...stay(30, 32),
    });
    await sync(chalet);
    await eventually(() => newsOf(chalet).length > 0);
    expect(newsOf(chalet).map(({ googleEventId }) => googleEventId)).toEqual([copy.id]);
  });

  test('of a series come and go one by one', async () => {
    const chalet = await seedConnectedChalet(system);
    const series = system.google.createEvent(chalet.calendarId, {
      summary: 'Cours',
      ...stay(7, 8),
      recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'],
    });
    await eventually(() => newsOf(chalet).length === 3);
    const [first] = system.google.viewEvents(chalet.calendarId, {
      timeMin: `${day(0)}T00:00:00Z`,
      timeMax: `${day(40)}T00:00:00Z`,
    });
    system.google.deleteEvent(chalet.calendarId, first?.id ?? '');
    await eventually(() => newsOf(chalet).length === 4);
    expect(newsOf(chalet)[3]).toMatchObject({ kind: 'removed', googleEventId: first?.id });
    system.google.deleteEvent(chalet.calendarId, series.id ?? '');
    await eventually(() => newsOf(chalet).length === 6);
  });

  test('count their revisions on when their calendar is left and chosen again, also without a connection', async () => {
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor, calendarId } = chalet;
    const { id } = system.google.createEvent(calendarId, { summary: 'Famille', ...stay(5, 10) });
    const revisions = async (count: number) => {
      await eventually(() => newsOf(chalet).length === count, { describe: `${count} pieces of news` });
      const first = revisionsOf(chalet)[0] ?? 0;
      return newsOf(chalet).map(
        ({ kind, googleEventId, revision }) => `${kind} ${googleEventId === id} ${Number(revision) - first + 1}`,
      );
    };
    await revisions(1);
    const other = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    granted(await choose(system, chalet, other));
    await revisions(2);
    granted(await choose(system, chalet));
    await revisions(3);
    granted(await choose(system, chalet, null));
    await revisions(4);
    granted(await choose(system, chalet));
    await revisions(5);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    granted(await choose(system, chalet, null));
    await revisions(6);
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    expect(await revisions(7)).toEqual([
      'changed true 1',
      'removed true 2',
      'changed true 3',
      'removed true 4',
      'changed true 5',
      'removed true 6',
      'changed true 7',
    ]);
  });

  test('that vanished while the sync token expired go by absence, and nothing else does', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const { calendarId } = chalet;
    const vanishes = system.google.createEvent(calendarId, { summary: 'Goes', ...stay(5, 6) });
    const inProgress = system.google.createEvent(calendarId, { summary: 'Stays', ...stay(-3, 2) });
    await eventually(() => newsOf(chalet).length === 2);
    await untilIdle(system, chalet.chaletId);
    system.google.addPushFault({ kind: 'drop', calendarId, times: 0 });
    system.google.deleteEvent(calendarId, vanishes.id ?? '');
    system.google.expireSyncTokens(calendarId);
    expect(await sync(chalet)).toMatchObject({ full: true, changed: 0, removed: 1 });
    await eventually(() => newsOf(chalet).length === 3);
    expect(newsOf(chalet)[2]).toMatchObject({ kind: 'removed', googleEventId: vanishes.id });
    await settled(system, chalet);
    expect(eventsOf(system, chalet).map(({ id }) => id)).toContain(inProgress.id);
    expect(eventsOf(system, chalet)).toHaveLength(2);
    expect(await sync(chalet)).toMatchObject({ full: false, changed: 0, removed: 0 });
  });

  test('are part of an availability answer, which says how fresh they are', async () => {
    const chalet = await seedConnectedChalet(system);
    const ask = async () =>
      granted(await system.ask(calendarRequests.consult, { chaletId: chalet.chaletId, from: day(1), to: day(9) }));
    const { id } = system.google.createEvent(chalet.calendarId, { summary: 'Famille', ...stay(5, 10) });
    await eventually(() => newsOf(chalet).length === 1);
    system.google.clearCalls();
    expect(await ask()).toMatchObject({ status: 'fresh', busy: [{ googleEventId: id, startDate: day(5) }] });
    expect(system.google.calls({ calendarId: chalet.calendarId })).toEqual([]);

    const age = () => system.pool.query(`UPDATE calendars SET last_sync_at = now() - interval '1 hour'`);
    await age();
    // Again when reading the calendar took longer than anybody is kept waiting.
    await eventually(async () => (await ask()).status === 'fresh');
    await age();
    system.google.setDown(true);
    expect(await ask()).toMatchObject({ status: 'unreachable', busy: [{ googleEventId: id }] });
    system.google.setDown(false);
    const other = await seedChalet(system);
    expect(
      granted(await system.ask(calendarRequests.consult, { chaletId: other.chaletId, from: day(1), to: day(2) })),
    ).toEqual({
      status: 'not_connected',
      syncedAt: null,
      busy: [],
    });
  });

  test('a burst of pushes becomes few syncs, also with two replicas', async () => {
    const chalet = await seedConnectedChalet(system);
    const replica = await system.start();
    system.google.clearCalls();
    for (let index = 0; index < 20; index += 1) {
      system.google.createEvent(chalet.calendarId, { summary: `Event ${index}`, ...stay(40 + index, 41 + index) });
    }
    await eventually(() => newsOf(chalet).length === 20);
    await system.google.pushesSettled();
    expect(new Set(newsOf(chalet).map(({ googleEventId }) => googleEventId)).size).toBe(20);
    expect(system.google.calls({ method: 'GET', calendarId: chalet.calendarId }).length).toBeLessThan(10);
    await replica.drain();
  });
});
