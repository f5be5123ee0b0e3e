import { afterAll, afterEach, beforeAll, describe, test } from '@jest/globals';
import { bookingRequests, calendarRequests, refuse } from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, startCalendarSystem } from './calendar-system.ts';
import { announceChalet, announceSettings, choose, seedConnectedChalet } from './chalets.ts';
import { soon } from './interrupt.ts';
import { decideAs, moved, noQuestion, seedAskingOwner, seedQuestion } from './questions.ts';
import { untilIdle } from './until-idle.ts';

describe('changes that cross what is under way', () => {
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

  const called = (match: { eventId?: string; calendarId?: string; method: string; path?: string }) =>
    eventually(() => system.google.calls(match).length > 0, { describe: 'Google is called', ...soon });

  test('who wants to be asked no more, while the question is being written, has the event put back', async () => {
    const { chalet, booking, eventId } = await seedAskingOwner(system);
    system.google.clearCalls();
    system.google.addFault({ match: { method: 'GET', eventId }, answerLatencyMs: 2_500 });
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await called({ eventId, method: 'GET' });
    await announceSettings(system, chalet, { calendarDrift: 'restore', version: 2 });
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate, soon);
    await noQuestion(system, chalet);
  });

  test('who puts the event right while an older change of it is being read is asked no more', async () => {
    const { chalet, eventId } = await seedQuestion(system);
    system.google.clearCalls();
    system.google.addFault({ match: { method: 'GET', eventId }, answerLatencyMs: 4_000 });
    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(12) }, end: { date: day(14) } });
    await called({ eventId, method: 'GET' });
    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(10) }, end: { date: day(12) } });
    await untilIdle(system, chalet.chaletId);
    await settled(system, chalet);
    await noQuestion(system, chalet);
  });

  test('a change that is listed while the writer looks at something else is put right', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const { id: eventId = '' } = await mirrorOf(system, chalet, booking);
    await untilIdle(system, chalet.chaletId);
    const client = await system.pool.connect();
    await client.query('SELECT pg_advisory_lock(4242)');
    await client.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NEW; END $$`);
    await client.query('CREATE TRIGGER slow BEFORE INSERT ON external_events FOR EACH ROW EXECUTE FUNCTION slow()');
    system.google.patchEvent(chalet.calendarId, eventId ?? '', moved);
    system.google.createEvent(chalet.calendarId, { summary: 'Own', start: { date: day(20) }, end: { date: day(21) } });
    await eventually(
      async () =>
        (await system.pool.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 4242"))
          .rowCount === 1,
      soon,
    );
    await announceChalet(system, { ...chalet, id: chalet.chaletId, version: 2 });
    await eventually(
      async () =>
        (
          await system.pool.query(
            'SELECT FROM mirrors JOIN chalets ON chalets.id = chalet_id WHERE chalet_id = $1 AND chalets.version = 2 AND next_attempt_at IS NULL',
            [chalet.chaletId],
          )
        ).rowCount === 1,
      soon,
    );
    await client.query('SELECT pg_advisory_unlock(4242)');
    await client.query('DROP TRIGGER slow ON external_events');
    client.release();
    await eventually(
      () => eventsOf(system, chalet).find(({ id }) => id === eventId)?.start?.date === booking.startDate,
      soon,
    );
  });

  test('a cancellation that is refused when the chalet has no calendar any more leaves no question about nothing', async () => {
    const { chalet, id } = await seedQuestion(system);
    await decideAs(system, chalet, { decisionId: id, decision: 'cancel' });
    granted(await choose(system, chalet, null));
    await eventually(() => eventsOf(system, chalet).length === 0, soon);
    await settled(system, chalet);
    const server = await system.asBooking([
      handle(bookingRequests.cancel, async () => refuse('forbidden', 'This stay has begun.')),
    ]);
    release = () => server.drain();
    await noQuestion(system, chalet);
  });

  test('who disconnects while a question is being written is not asked', async () => {
    const { chalet, eventId } = await seedAskingOwner(system);
    system.google.clearCalls();
    system.google.addFault({ match: { method: 'GET', eventId }, answerLatencyMs: 2_500 });
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await called({ eventId, method: 'GET' });
    const { owner: actor, establishmentId } = chalet;
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: false }));
    await settled(system, chalet);
    await noQuestion(system, chalet);
  });

  test('who mends a calendar and chooses it again is not kept waiting by a refusal that was under way', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.clearCalls();
    system.google.addFault({
      match: { method: 'POST', calendarId: chalet.calendarId, path: '/events$' },
      status: 403,
      reason: 'forbidden',
      answerLatencyMs: 2_500,
    });
    const booking = newBooking(chalet);
    await announce(system, booking);
    await eventually(() => system.google.calls({ calendarId: chalet.calendarId, method: 'POST' }).length > 0, soon);
    granted(await choose(system, chalet));
    await eventually(() => eventsOf(system, chalet).length === 1, { describe: 'its event is made', ...soon });
  });

  test('a question about a stay that is over by now ends', async () => {
    let shift = 0;
    await system.restart({}, { now: () => new Date(Date.now() + shift) });
    release = () => system.restart();
    const { chalet } = await seedQuestion(system);
    shift = 20 * 86_400_000;
    await noQuestion(system, chalet);
  });

  test('an event that is brought back goes again, also when the refund of its booking is told meanwhile', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    const { id } = await mirrorOf(system, chalet, booking);
    await announce(system, cancelled(booking));
    await eventually(
      async () => (await stateOf(system, booking.id)) === 'removed' && eventsOf(system, chalet).length === 0,
    );
    await settled(system, chalet);
    await untilIdle(system, chalet.chaletId);
    system.google.clearCalls();
    system.google.addFault({
      match: { method: 'GET', calendarId: chalet.calendarId, path: '/events$' },
      answerLatencyMs: 2_000,
    });
    system.google.patchEvent(chalet.calendarId, id ?? '', { status: 'confirmed' });
    await called({ calendarId: chalet.calendarId, method: 'GET' });
    await announce(system, { ...cancelled(booking), version: 3, refundPercentage: 100 });
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'it is gone', ...soon });
  });
});
