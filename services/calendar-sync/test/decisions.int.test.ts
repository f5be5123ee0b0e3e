import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Actor,
  type BookingSnapshot,
  bookingRequests,
  calendarRequests,
  ok,
  refuse,
} from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { announceSettings, type Chalet, choose, connectGoogle, seedConnectedChalet } from './chalets.ts';
import { listDecisions, seedAskingOwner } from './questions.ts';

describe('an owner who wants to be asked about changes in Google', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const moved = { start: { date: day(11) }, end: { date: day(13) } };
  const asks = () => seedAskingOwner(system);
  const waiting = (chalet: Chalet) => listDecisions(system, chalet);
  const question = (chalet: Chalet) =>
    eventually(async () => (await waiting(chalet))[0], { describe: 'a decision that waits' });
  const noQuestion = (chalet: Chalet) =>
    eventually(async () => (await waiting(chalet)).length === 0, { describe: 'no decision waits' });
  const sync = async (chalet: Chalet) =>
    granted(await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId }));
  const decide = (
    { owner, establishmentId }: Chalet,
    decisionId: string,
    decision: 'restore' | 'cancel',
    actor: Actor = owner,
  ) => system.ask(calendarRequests.decideDrift, { actor, establishmentId, decisionId, decision });
  const newsOf = (booking: BookingSnapshot) =>
    system.published
      .filter(({ subject, body }) => /drift|restored/.test(subject) && body.bookingId === booking.id)
      .map(({ subject, body }) => `${subject.slice('calendar.'.length)} ${body.outcome ?? body.drift}`);
  const news = (booking: BookingSnapshot, expected: string[]) =>
    eventually(
      () => newsOf(booking).length >= expected.length && expect(newsOf(booking)).toEqual(expected) === undefined,
    );
  /** Cancels as the booking service would, and says so. */
  const playBooking = (bookings: BookingSnapshot[]) =>
    system.asBooking([
      handle(bookingRequests.cancel, async ({ bookingId, actor }) => {
        const booking = bookings.find(({ id }) => id === bookingId);
        if (booking === undefined || actor.kind === 'guest') return refuse('not_found', 'no such booking');
        const done = { ...cancelled(booking), cancelReason: 'owner' as const, refundPercentage: 100 };
        await announce(system, done);
        return ok(done);
      }),
    ]);

  test('is asked once, and nothing is written meanwhile', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.clearCalls();
    system.google.patchEvent(chalet.calendarId, eventId, { ...moved, summary: 'John, one day later' });
    const decision = await question(chalet);
    const words = `moved in Google from ${day(10)} – ${day(12)} to ${day(11)} – ${day(13)}, renamed in Google`;
    expect(decision).toMatchObject({
      bookingId: booking.id,
      chaletId: chalet.chaletId,
      reference: booking.reference,
      kinds: ['moved', 'renamed'],
      description: words,
      from: { title: 'Chalet 1 - John Doe', startDate: day(10), endDate: day(12) },
      to: { title: 'John, one day later', startDate: day(11), endDate: day(13) },
      status: 'waiting',
      decidedAt: null,
    });
    const { owner: actor, establishmentId } = chalet;
    const overview = granted(await system.ask(calendarRequests.overview, { actor, establishmentId }));
    expect(overview.calendars[0]).toMatchObject({ status: 'ok', decisions: [{ id: decision.id }] });
    await sync(chalet);
    // Paid meanwhile: the event stays as the owner left it.
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT version FROM mirrors WHERE booking_id = $1', [booking.id]);
      return rows[0]?.version === 2;
    });
    await settled(system, chalet);
    expect(await stateOf(system, booking.id)).toBe('awaiting_decision');
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, summary: 'John, one day later', ...moved }]);
    const { calendarId } = chalet;
    expect(system.google.calls({ calendarId }).filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(system.google.calls({ eventId, method: 'GET' })).toHaveLength(1);
    await news(booking, [`drift_awaits_decision ${words}`]);
    // Put back, the event says what it should say by now.
    granted(await decide(chalet, decision.id, 'restore'));
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, start: { date: day(10) }, end: { date: day(12) } }]);
  });

  test('has a moved event put back, once, however often it is said', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id, description } = await question(chalet);
    const answers = await Promise.all([decide(chalet, id, 'restore'), decide(chalet, id, 'restore')]);
    for (const answer of answers) expect(granted(answer)).toMatchObject({ id, status: 'restored' });
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate);
    await settled(system, chalet);
    expect(granted(await decide(chalet, id, 'restore')).status).toBe('restored');
    expect(refusalOf(await decide(chalet, id, 'cancel'))).toBe('already_decided');
    expect(await waiting(chalet)).toEqual([]);
    await news(booking, [
      `drift_awaits_decision ${description}`,
      'drift_decided restore',
      `mirror_restored ${description}`,
    ]);
    expect(await stateOf(system, booking.id)).toBe('synced');
  });

  test('has an event that was made to repeat put back', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
    const decision = await question(chalet);
    expect(decision).toMatchObject({ kinds: ['moved'], description: 'made to repeat in Google' });
    granted(await decide(chalet, decision.id, 'restore'));
    await eventually(() => eventsOf(system, chalet)[0]?.recurrence === undefined, { describe: 'it repeats no more' });
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, start: { date: booking.startDate } }]);
    await eventually(() => newsOf(booking).at(-1) === 'mirror_restored made to repeat in Google');
    expect(await waiting(chalet)).toEqual([]);
  });

  test('has a deleted event put back', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.deleteEvent(chalet.calendarId, eventId);
    const decision = await question(chalet);
    expect(decision).toMatchObject({ kinds: ['deleted'], to: null });
    expect(eventsOf(system, chalet)).toEqual([]);
    granted(await decide(chalet, decision.id, 'restore'));
    await eventually(() => eventsOf(system, chalet)[0]?.id === eventId, { describe: 'the event is back' });
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toHaveLength(1);
    await eventually(() => newsOf(booking).at(-1) === 'mirror_restored deleted in Google');
  });

  test('has the booking cancelled, and its event goes', async () => {
    const { chalet, booking, eventId } = await asks();
    const server = await playBooking([booking]);
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    const answers = await Promise.all([decide(chalet, id, 'cancel'), decide(chalet, id, 'cancel')]);
    // Whoever was second may hear that it is being done.
    for (const answer of answers) expect(['waiting', 'cancelled']).toContain(granted(answer).status);
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone' });
    await eventually(async () => granted(await decide(chalet, id, 'cancel')).status === 'cancelled');
    expect(refusalOf(await decide(chalet, id, 'restore'))).toBe('already_decided');
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed');
    expect(newsOf(booking).filter(one => one === 'drift_decided cancel')).toHaveLength(1);
    expect(await waiting(chalet)).toEqual([]);
    await server.drain();
  });

  test('of two owners who decide differently at once, one is told that it was decided otherwise', async () => {
    const { chalet, booking, eventId } = await asks();
    const server = await playBooking([booking]);
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    const answers = await Promise.all([decide(chalet, id, 'restore'), decide(chalet, id, 'cancel')]);
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    expect(answers.filter(answer => !answer.ok).map(refusalOf)).toEqual(['already_decided']);
    const restored = answers[0]?.ok ?? false;
    await eventually(
      () => eventsOf(system, chalet).filter(({ start }) => start?.date === day(10)).length === (restored ? 1 : 0),
    );
    await server.drain();
  });

  test('who puts the event right by hand is asked no more', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    system.google.patchEvent(chalet.calendarId, eventId, { start: { date: day(10) }, end: { date: day(12) } });
    await noQuestion(chalet);
    await settled(system, chalet);
    expect(await stateOf(system, booking.id)).toBe('synced');
    expect(refusalOf(await decide(chalet, id, 'restore'))).toBe('already_decided');
    await eventually(() => newsOf(booking).at(-1) === 'drift_decided undone');
    // The next change is another question.
    system.google.deleteEvent(chalet.calendarId, eventId);
    const next = await question(chalet);
    expect(next.id).not.toBe(id);
    expect(refusalOf(await decide(chalet, id, 'restore'))).toBe('not_found');
  });

  test('who changes the event further is asked about what it is now', async () => {
    const { chalet, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    system.google.deleteEvent(chalet.calendarId, eventId);
    const later = await eventually(async () => (await waiting(chalet)).find(({ kinds }) => kinds.includes('deleted')));
    expect(later).toMatchObject({ id, to: null });
  });

  test('may take away its link too: it stays the booking’s event, and gets the link back with the rest', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await question(chalet);
    const { extendedProperties: _, ...bare } = system.google.getEvent(chalet.calendarId, eventId);
    system.google.updateEvent(chalet.calendarId, eventId, bare);
    const { id } = await eventually(async () =>
      (await waiting(chalet)).find(({ kinds }) => kinds.includes('unlinked')),
    );
    await sync(chalet);
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, ...moved }]);
    expect(eventsOf(system, chalet)[0]?.extendedProperties).toBeUndefined();
    const { rows } = await system.pool.query('SELECT FROM external_events WHERE chalet_id = $1', [chalet.chaletId]);
    expect(rows).toEqual([]);
    granted(await decide(chalet, id, 'restore'));
    await eventually(() => eventsOf(system, chalet)[0]?.extendedProperties?.private?.booking_id === booking.id);
    expect(eventsOf(system, chalet)).toMatchObject([{ id: eventId, start: { date: day(10) }, end: { date: day(12) } }]);
  });

  test('whose guest cancels meanwhile has nothing to decide any more', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    await announce(system, cancelled(booking));
    await noQuestion(chalet);
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'the event is gone' });
    expect(refusalOf(await decide(chalet, id, 'restore'))).toBe('already_decided');
  });

  test('who wants to be asked no more has everything put back', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await question(chalet);
    await announceSettings(system, chalet, { calendarDrift: 'restore', version: 2 });
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === booking.startDate);
    await noQuestion(chalet);
    await eventually(() => newsOf(booking).at(-1)?.startsWith('mirror_restored moved'));
  });

  test('is asked about what happened while Google was away from us, and about what a payment finds', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.addPushFault({ kind: 'drop', calendarId: chalet.calendarId });
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await question(chalet);
    expect(eventsOf(system, chalet)).toMatchObject([{ summary: 'Chalet 1 - John Doe', ...moved }]);
    system.google.revokeAccount(ownerEmail);
    const sync = { actor: chalet.owner, chaletId: chalet.chaletId };
    await system.ask(calendarRequests.syncCalendar, sync);
    expect(await waiting(chalet)).toHaveLength(1);
    granted((await connectGoogle(system, chalet)).answer);
    const { id } = await question(chalet);
    granted(await decide(chalet, id, 'restore'));
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(eventsOf(system, chalet)).toHaveLength(1);
  });

  test('who takes another calendar gets the event there, as the booking wants it', async () => {
    const { chalet, booking, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    await question(chalet);
    const other = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other)[0]?.start?.date === booking.startDate);
    await eventually(() => eventsOf(system, chalet).length === 0);
    await noQuestion(chalet);
  });

  test('is not asked about an event that an app only robbed of our properties', async () => {
    const { chalet, booking, eventId } = await asks();
    const { extendedProperties: _, ...bare } = system.google.getEvent(chalet.calendarId, eventId);
    system.google.updateEvent(chalet.calendarId, eventId, { ...bare, location: 'somewhere' });
    await eventually(() => newsOf(booking).at(-1)?.startsWith('mirror_restored lost its link'));
    expect(await waiting(chalet)).toEqual([]);
  });

  test('is not asked about the event of a stay that is over', async () => {
    const chalet = await seedConnectedChalet(system);
    await announceSettings(system, chalet, { calendarDrift: 'ask' });
    const booking = newBooking(chalet);
    await announce(system, booking);
    const { id = '' } = await mirrorOf(system, chalet, booking);
    const over = { ...booking, startDate: day(-4), endDate: day(-2), version: 2 };
    await announce(system, over);
    await eventually(() => eventsOf(system, chalet)[0]?.start?.date === over.startDate);
    await settled(system, chalet);
    await system.google.pushesSettled();
    system.google.patchEvent(chalet.calendarId, id ?? '', { summary: 'Tidied up' });
    await eventually(() => newsOf(booking).at(-1) === 'mirror_restored renamed in Google');
    expect(await waiting(chalet)).toEqual([]);
  });

  test('is the only one who decides', async () => {
    const { chalet, eventId } = await asks();
    system.google.patchEvent(chalet.calendarId, eventId, moved);
    const { id } = await question(chalet);
    const stranger = { kind: 'owner', establishmentId: newId(), keyId: newId() } as const;
    expect(refusalOf(await decide(chalet, id, 'restore', stranger))).toBe('not_found');
    const { establishmentId } = stranger;
    const others = { actor: stranger, establishmentId, decisionId: id, decision: 'restore' as const };
    expect(refusalOf(await system.ask(calendarRequests.decideDrift, others))).toBe('not_found');
    expect(
      refusalOf(
        await system.ask(calendarRequests.listDecisions, { actor: stranger, establishmentId: chalet.establishmentId }),
      ),
    ).toBe('not_found');
    expect(refusalOf(await decide(chalet, newId(), 'restore'))).toBe('not_found');
  });
});
