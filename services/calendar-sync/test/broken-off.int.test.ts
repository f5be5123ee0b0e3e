import { afterAll, afterEach, beforeAll, describe, test } from '@jest/globals';
import { bookingRequests, calendarRequests, refuse } from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import { announce, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { announceChalet, choose, seedConnectedChalet } from './chalets.ts';
import { breakUpdates, seedBlocked, soon } from './interrupt.ts';
import { decideAs, noQuestion, seedQuestion } from './questions.ts';
import { untilIdle } from './until-idle.ts';

describe('what follows from a change, although the database fails in the middle', () => {
  let system: CalendarSystem;
  let release: (() => Promise<unknown>) | undefined;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterEach(async () => {
    system.google.clearFaults();
    await release?.();
    release = undefined;
  });
  afterAll(() => system.drain());

  test('a rename reaches the events although the database fails in the middle', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const brake = await breakUpdates(
      system,
      'mirrors',
      `NEW.chalet_id = '${chalet.chaletId}' AND NEW.wakes > OLD.wakes`,
    );
    await announceChalet(system, { ...chalet, id: chalet.chaletId, name: 'Chalet Two', version: 2 });
    await brake.fired();
    await brake.mend();
    await eventually(() => eventsOf(system, chalet)[0]?.summary?.startsWith('Chalet Two'), soon);
  });

  test('a new time zone has the calendar read whole although the database fails in the middle', async () => {
    const chalet = await seedConnectedChalet(system);
    const brake = await breakUpdates(
      system,
      'calendars',
      `NEW.chalet_id = '${chalet.chaletId}' AND NEW.sync_token IS NULL`,
    );
    await announceChalet(system, { ...chalet, id: chalet.chaletId, timezone: 'Europe/Paris', version: 2 });
    await brake.fired();
    const before = (
      await system.pool.query('SELECT last_full_sync_at AS at FROM calendars WHERE chalet_id = $1', [chalet.chaletId])
    ).rows[0].at;
    await brake.mend();
    await eventually(
      async () =>
        (
          await system.pool.query('SELECT last_full_sync_at AS at FROM calendars WHERE chalet_id = $1', [
            chalet.chaletId,
          ])
        ).rows[0].at > before,
      soon,
    );
  });

  test('a question that is given back is looked at although the database fails in the middle', async () => {
    const { chalet, eventId, id } = await seedQuestion(system);
    await decideAs(system, chalet, { decisionId: id, decision: 'cancel' });
    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(10) }, end: { date: day(12) } });
    await untilIdle(system, chalet.chaletId);
    await settled(system, chalet);
    const brake = await breakUpdates(
      system,
      'mirrors',
      `NEW.chalet_id = '${chalet.chaletId}' AND (NEW.wakes > OLD.wakes OR NEW.drift IS NOT NULL)`,
    );
    const server = await system.asBooking([
      handle(bookingRequests.cancel, async () => refuse('forbidden', 'This stay has begun.')),
    ]);
    release = () => server.drain();
    await brake.fired();
    await brake.mend();
    await noQuestion(system, chalet);
  });

  test('a channel that is open is not told to be missing, although the database failed when it was noted', async () => {
    const chalet = await seedConnectedChalet(system);
    const brake = await breakUpdates(
      system,
      'calendars',
      `NEW.chalet_id = '${chalet.chaletId}' AND NEW.watch_at IS NULL AND OLD.watch_at IS NOT NULL`,
    );
    const second = system.google.createCalendar({ owner: ownerEmail, summary: '2' }).id;
    granted(await choose(system, chalet, second));
    await brake.fired();
    await brake.mend();
    await eventually(
      async () =>
        (
          await system.pool.query(
            `SELECT FROM calendars JOIN channels USING (chalet_id, generation) WHERE chalet_id = $1 AND watch_at IS NULL AND watch_error IS NULL
          AND channels.expires_at IS NOT NULL`,
            [chalet.chaletId],
          )
        ).rowCount !== 0,
      { describe: 'it is watched', ...soon },
    );
  });

  test('mirrors of a calendar that is back go on although the database fails when they are woken', async () => {
    const { chalet } = await seedBlocked(system);
    const { calendarId, chaletId } = chalet;
    await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId });
    system.google.shareCalendar(calendarId, ownerEmail, 'owner');
    const brake = await breakUpdates(system, 'mirrors', `NEW.chalet_id = '${chaletId}' AND NEW.wakes > OLD.wakes`);
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chaletId]);
    await brake.fired();
    await brake.mend();
    await eventually(() => eventsOf(system, chalet).length === 1, soon);
  });

  test('mirrors go on when a calendar is back that was blocked and then could not be read', async () => {
    const { chalet } = await seedBlocked(system);
    const { calendarId, chaletId, owner: actor } = chalet;
    await system.ask(calendarRequests.syncCalendar, { actor, chaletId });
    system.google.shareCalendar(calendarId, ownerEmail, 'owner');
    system.google.addFault({ match: { calendarId, method: 'GET', path: '/events$' }, status: 500 });
    await system.ask(calendarRequests.syncCalendar, { actor, chaletId }).catch(() => undefined);
    await eventually(
      async () =>
        (await system.pool.query("SELECT FROM calendars WHERE chalet_id = $1 AND status = 'ok'", [chaletId]))
          .rowCount === 1,
      soon,
    );
    await eventually(() => eventsOf(system, chalet).length === 1, soon);
  });
});
