import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bookingRequests, type ExternalEventChange, ok } from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, seedConnectedChalet } from './chalets.ts';
import { untilIdle } from './until-idle.ts';

let system: CalendarSystem;
let server: Awaited<ReturnType<CalendarSystem['asBooking']>>;
/** What the booking service is given, and what it says that it has heard of a chalet's calendar. */
const recorded: ExternalEventChange[] = [];
const heard = new Map<string, string>();
let looks = 0;

beforeAll(async () => {
  system = await startCalendarSystem({ SWEEP_INTERVAL_SECONDS: '1' });
  server = await system.asBooking([
    handle(bookingRequests.recordExternalEvents, async ({ changes }) => {
      recorded.push(...changes);
      return ok({ recorded: changes.length, known: 0 });
    }),
    handle(bookingRequests.digestChalets, async ({ withCalendar }) => {
      if (!withCalendar) return ok({ items: [], next: null });
      looks += 1;
      const about = { chaletVersion: 1, count: 0, hash: '' };
      return ok({
        items: [...heard].map(([chaletId, calendarHash]) => ({ chaletId, ...about, calendarHash })),
        next: null,
      });
    }),
  ]);
});
afterAll(async () => {
  await server.drain();
  await system.drain();
});

const looked = async (times: number) => {
  const before = looks;
  await eventually(() => looks >= before + times, { describe: `${times} more looks` });
};
const linksOf = (bookingId: string) =>
  system.published.filter(({ subject, body }) => subject === 'calendar.event_linked' && body.bookingId === bookingId);
const hashOf = (lines: string[]) => createHash('md5').update(lines.toSorted().join(',')).digest('hex');

/** Two events of the owner, of which one was deleted, a booking with its event and a cancelled one without. */
async function seed(): Promise<{ chalet: Chalet; lines: string[]; linked: string; gone: string }> {
  const chalet = await seedConnectedChalet(system);
  const event = (from: number) =>
    system.google.createEvent(chalet.calendarId, {
      summary: 'Famille Tremblay',
      start: { date: day(from) },
      end: { date: day(from + 1) },
    }).id ?? '';
  const ofChalet = () => recorded.filter(({ chaletId }) => chaletId === chalet.chaletId);
  const [, deleted] = [event(40), event(50)];
  await eventually(() => new Set(ofChalet().map(({ googleEventId }) => googleEventId)).size === 2);
  system.google.deleteEvent(chalet.calendarId, deleted);
  await eventually(() => ofChalet().some(({ kind }) => kind === 'removed'), { describe: 'its removal' });
  const [stays, dropped] = [10, 20].map(from => newBooking(chalet, { startDate: day(from), endDate: day(from + 2) }));
  if (!stays || !dropped) throw new Error('two bookings');
  for (const booking of [stays, dropped]) {
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
  }
  await announce(system, cancelled(dropped));
  await eventually(async () => (await stateOf(system, dropped.id)) === 'removed');
  await settled(system, chalet);
  await untilIdle(system, chalet.chaletId);
  const { rows } = await system.pool.query(
    `SELECT google_event_id || ':' || revision AS line FROM external_events WHERE chalet_id = $1 AND status = 'active'
     UNION ALL SELECT booking_id || ':' || linked_event_id FROM mirrors WHERE booking_id = $2`,
    [chalet.chaletId, stays.id],
  );
  await eventually(() => linksOf(stays.id).length === 1 && linksOf(dropped.id).length === 2, { describe: 'the links' });
  recorded.length = 0;
  return { chalet, lines: rows.map(({ line }) => String(line)), linked: stays.id, gone: dropped.id };
}

test('what booking has missed of a calendar is told again: events, removals and links, with their revisions', async () => {
  const { chalet, lines, linked, gone } = await seed();
  heard.set(chalet.chaletId, hashOf(lines));
  await looked(3);
  expect(recorded).toEqual([]);

  heard.set(chalet.chaletId, hashOf([]));
  await eventually(() => recorded.length === 2, { describe: 'events told again' });
  await eventually(() => linksOf(linked).length === 2 && linksOf(gone).length === 3, { describe: 'links told again' });
  const { rows } = await system.pool.query(
    'SELECT google_event_id, revision, status FROM external_events WHERE chalet_id = $1',
    [chalet.chaletId],
  );
  expect(recorded.map(({ googleEventId, revision, kind }) => [googleEventId, revision, kind]).toSorted()).toEqual(
    rows.map(row => [row.google_event_id, row.revision, row.status === 'active' ? 'changed' : 'removed']).toSorted(),
  );
  expect(linksOf(linked).at(-1)?.body).toEqual(linksOf(linked).at(0)?.body);
  expect(linksOf(gone).at(-1)?.body).toMatchObject({
    googleEventId: null,
    revision: linksOf(gone).at(1)?.body.revision,
  });

  // Who stays deaf is not told in a loop.
  await looked(4);
  expect(recorded).toHaveLength(2);
});
