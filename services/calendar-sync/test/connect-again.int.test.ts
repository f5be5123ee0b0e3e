import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests, establishmentRequests, ok, refuse } from '@monde-sauvage/contracts';
import { handle } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import {
  type CalendarSystem,
  day,
  granted,
  ownerEmail,
  refusalOf,
  startCalendarSystem,
  timezone,
} from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('connections and calendars that change', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const channelsOf = (calendarId: string) =>
    system.google.channels().filter(channel => channel.calendarId === calendarId);
  const newCalendar = () => system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
  const newAccount = () => system.google.createAccount({ email: `${newId()}@example.com` }).email;
  const calendarStatus = async ({ owner: actor, establishmentId }: Chalet) =>
    granted(await system.ask(calendarRequests.overview, { actor, establishmentId })).calendars[0];
  const externalNews = (chalet: Chalet) =>
    system.published
      .filter(({ subject, body }) => subject.startsWith('calendar.external_event') && body.chaletId === chalet.chaletId)
      .map(({ body }) => `${body.kind} ${body.calendarId}`);
  const stays = (chalet: Chalet, froms: number[]) =>
    froms.map(from => newBooking(chalet, { startDate: day(from), endDate: day(from + 2) }));

  test('a state works once, also when the browser comes back twice at once, and not for ever', async () => {
    const { establishmentId, owner: actor } = await seedChalet(system);
    const start = async () => {
      const { authorizationUrl } = granted(await system.ask(calendarRequests.connect, { actor, establishmentId }));
      const url = new URL(system.google.authorize(authorizationUrl, { account: ownerEmail, decision: 'allow' }));
      return { state: url.searchParams.get('state') ?? '', code: url.searchParams.get('code') ?? '' };
    };
    const once = await start();
    const answers = await Promise.all([1, 2].map(() => system.ask(calendarRequests.completeConnection, once)));
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    const late = await start();
    await system.pool.query(`UPDATE oauth_states SET expires_at = now() - interval '1 second'`);
    expect(refusalOf(await system.ask(calendarRequests.completeConnection, late))).toBe('validation_failed');
    expect(refusalOf(await system.ask(calendarRequests.completeConnection, { ...late, state: 'made up' }))).toBe(
      'validation_failed',
    );
  });

  test('the same account again goes on: one event, one channel', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const [before] = channelsOf(chalet.calendarId);
    granted((await connectGoogle(system, chalet)).answer);
    await eventually(() => {
      const [only, ...others] = channelsOf(chalet.calendarId);
      return only !== undefined && others.length === 0 && only.id !== before?.id;
    });
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(eventsOf(system, chalet)).toHaveLength(1);
  });

  test('another account blocks the calendars it does not see, with a reason; the account before is let go', async () => {
    const [first, second] = [newAccount(), newAccount()];
    const seeded = await seedChalet(system);
    const calendarId = system.google.createCalendar({ owner: first, summary: 'Chalet 1' }).id;
    const chalet = { ...seeded, calendarId };
    granted((await connectGoogle(system, chalet, { account: first })).answer);
    granted(await choose(system, chalet));
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await eventually(() => channelsOf(calendarId).length === 1);

    expect(granted((await connectGoogle(system, chalet, { account: second })).answer).account).toBe(second);
    await eventually(async () => (await calendarStatus(chalet))?.status === 'blocked');
    expect(await calendarStatus(chalet)).toMatchObject({ reason: expect.stringContaining('404') });
    // After a while only, when Google takes its time.
    await eventually(() => channelsOf(calendarId).length === 0, { describe: 'its channel is stopped' });
    const revocations = () => system.google.calls({ path: '/revoke' }).filter(({ email }) => email === first);
    await eventually(() => revocations().length > 0, { describe: 'the account before is let go' });
    expect(revocations()).toMatchObject([{ status: 200 }]);
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await eventually(async () => (await stateOf(system, booking.id)) === 'blocked');

    system.google.shareCalendar(calendarId, second, 'owner');
    granted(await choose(system, chalet));
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
    expect(eventsOf(system, chalet)).toHaveLength(1);
    await eventually(async () => (await calendarStatus(chalet))?.status === 'ok');
  });

  test('a calendar serves one chalet of the whole platform, also when two choose it at once', async () => {
    const [one, two] = [await seedChalet(system), await seedChalet(system)];
    for (const chalet of [one, two]) granted((await connectGoogle(system, chalet)).answer);
    const answers = await Promise.all([one, two].map(chalet => choose(system, chalet, one.calendarId)));
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    expect(answers.filter(answer => !answer.ok).map(refusalOf)).toEqual(['calendar_in_use']);
    const loser = answers[0]?.ok ? two : one;
    const { owner: actor, establishmentId } = loser;
    const { items } = granted(await system.ask(calendarRequests.listCalendars, { actor, establishmentId }));
    expect(items.find(({ calendarId }) => calendarId === one.calendarId)).toMatchObject({
      chaletId: null,
      inUse: true,
    });
    expect(items.find(({ calendarId }) => calendarId === two.calendarId)).toMatchObject({ inUse: false });
    // Freed, it can be had.
    granted(await choose(system, answers[0]?.ok ? one : two, null));
    granted(await choose(system, loser, one.calendarId));
  });

  test('mirrors follow from calendar to calendar and back, whatever is booked and cancelled meanwhile', async () => {
    const chalet = await seedConnectedChalet(system);
    const other = newCalendar();
    const [kept, dropped, added] = stays(chalet, [10, 20, 30]);
    if (!kept || !dropped || !added) throw new Error('three bookings');
    for (const booking of [kept, dropped]) await announce(system, booking);
    for (const booking of [kept, dropped]) await mirrorOf(system, chalet, booking);
    const choices = [other, chalet.calendarId, other].map(calendarId => choose(system, chalet, calendarId));
    await Promise.all([announce(system, cancelled(dropped)), announce(system, added), ...choices]);
    granted(await choose(system, chalet, other));
    await settled(system, chalet);
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'nothing left in the old calendar' });
    const idsIn = (calendarId: string) =>
      eventsOf(system, chalet, calendarId)
        .map(event => event.extendedProperties?.private?.booking_id)
        .sort();
    await eventually(() => idsIn(other).length === 2);
    expect(idsIn(other)).toEqual([kept.id, added.id].sort());
    granted(await choose(system, chalet));
    await eventually(() => idsIn(chalet.calendarId).length === 2 && idsIn(other).length === 0);
    await settled(system, chalet);
    expect(idsIn(chalet.calendarId)).toEqual([kept.id, added.id].sort());
  });

  test('a move that Google interrupts and a restart interrupts goes on, without leftovers or doubles', async () => {
    const chalet = await seedConnectedChalet(system);
    const other = newCalendar();
    const bookings = stays(chalet, [10, 20, 30]);
    for (const booking of bookings) await announce(system, booking);
    for (const booking of bookings) await mirrorOf(system, chalet, booking);
    system.google.addFault({ match: { calendarId: other, method: 'POST', path: 'events$' }, status: 503, times: 2 });
    system.google.addFault({
      match: { calendarId: chalet.calendarId, method: 'DELETE' },
      loseResponse: 'after',
      skip: 1,
    });
    system.google.addFault({
      match: { calendarId: other, method: 'POST', path: 'events$' },
      loseResponse: 'after',
      skip: 1,
    });
    granted(await choose(system, chalet, other));
    await system.restart();
    await eventually(() => eventsOf(system, chalet, other).length === 3 && eventsOf(system, chalet).length === 0);
    await settled(system, chalet);
    expect(eventsOf(system, chalet, other)).toHaveLength(3);
    system.google.clearFaults();
  });

  test('what was left in a calendar out of reach is taken over when it is chosen again, never for the owner’s own', async () => {
    const chalet = await seedConnectedChalet(system);
    const other = newCalendar();
    const bookings = stays(chalet, [10, 20]);
    for (const booking of bookings) await announce(system, booking);
    for (const booking of bookings) await mirrorOf(system, chalet, booking);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, null);
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 2);
    await settled(system, chalet);
    system.google.shareCalendar(chalet.calendarId, ownerEmail, 'owner');
    // The calendar is read before the first mirror has moved.
    system.google.addFault({ match: { calendarId: other, method: 'DELETE' }, status: 503, times: 1_000 });
    granted(await choose(system, chalet));
    await eventually(async () => (await calendarStatus(chalet))?.lastSyncAt, { describe: 'the calendar is read' });
    system.google.clearFaults();
    await eventually(() => eventsOf(system, chalet, other).length === 0);
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toHaveLength(2);
    expect(externalNews(chalet)).toEqual([]);
  });

  test("the owner's events of the old calendar go, and those of the new one come", async () => {
    const chalet = await seedConnectedChalet(system);
    const other = newCalendar();
    const dates = { start: { date: day(5) }, end: { date: day(6) } };
    system.google.createEvent(chalet.calendarId, { summary: 'Old', ...dates });
    system.google.createEvent(other, { summary: 'New', ...dates });
    await eventually(() => externalNews(chalet).length === 1);
    granted(await choose(system, chalet, other));
    await eventually(() => externalNews(chalet).length === 3);
    expect(externalNews(chalet)).toEqual([
      `changed ${chalet.calendarId}`,
      `removed ${chalet.calendarId}`,
      `changed ${other}`,
    ]);
  });

  test('a disconnection frees no night that was taken; choosing no calendar does, and reconnecting finds what is left', async () => {
    const chalet = await seedConnectedChalet(system);
    const { owner: actor, establishmentId, calendarId } = chalet;
    const add = (from: number) =>
      system.google.createEvent(calendarId, {
        summary: 'Famille',
        start: { date: day(from) },
        end: { date: day(from + 1) },
      });
    const [gone] = [add(5), add(8)];
    await eventually(() => externalNews(chalet).length === 2);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    system.google.clearCalls();
    system.google.deleteEvent(calendarId, gone?.id ?? '');
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    await eventually(() => externalNews(chalet).length === 3);
    expect(externalNews(chalet)).toEqual([`changed ${calendarId}`, `changed ${calendarId}`, `removed ${calendarId}`]);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    const left = async () =>
      granted(await system.ask(calendarRequests.overview, { actor, establishmentId })).leftEvents;
    expect(await left()).toEqual([{ chaletId: chalet.chaletId, events: 1 }]);
    granted(await choose(system, chalet, null));
    await eventually(() => externalNews(chalet).length === 4);
    expect(await left()).toEqual([]);
  });

  test('a disconnection that removes events waits for one that is about to be made', async () => {
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor } = chalet;
    const gates: PromiseWithResolvers<void>[] = [];
    await system.restart(
      {},
      {
        passing: async point => {
          if (point !== 'mirror committed, its events not published') return;
          const gate = Promise.withResolvers<void>();
          gates.push(gate);
          await gate.promise;
        },
      },
    );
    const [first, second] = [newBooking(chalet), newBooking(chalet, { startDate: day(20), endDate: day(22) })];
    await announce(system, first);
    await eventually(() => gates.length === 1, { describe: 'the first is made' });
    await announce(system, cancelled(first));
    await announce(system, second);
    await eventually(async () => (await stateOf(system, second.id)) === 'wanted');
    gates[0]?.resolve();
    await eventually(() => gates.length === 2, { describe: 'the first is removed, and the second is next' });
    const answer = system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: true });
    await eventually(async () => {
      const { rowCount } = await system.pool.query('SELECT FROM calendars WHERE chalet_id = $1', [chalet.chaletId]);
      return rowCount === 0;
    });
    await eventually(async () => {
      for (const gate of gates) gate.resolve();
      const { rowCount } = await system.pool.query(
        'SELECT FROM mirrors WHERE establishment_id = $1 AND next_attempt_at IS NOT NULL',
        [establishmentId],
      );
      return rowCount === 0;
    });
    granted(await answer);
    await settled(system, chalet);
    expect(eventsOf(system, chalet)).toEqual([]);
    const { rows } = await system.pool.query('SELECT place_event_id FROM mirrors WHERE establishment_id = $1', [
      establishmentId,
    ]);
    expect(rows).toEqual([{ place_event_id: null }, { place_event_id: null }]);
    await system.restart();
  });

  test('after a disconnection nothing is called, and a token that could not be revoked then is revoked later', async () => {
    const account = newAccount();
    const seeded = await seedChalet(system);
    const chalet = { ...seeded, calendarId: system.google.createCalendar({ owner: account, summary: 'Chalet 1' }).id };
    const { owner: actor, establishmentId } = chalet;
    granted((await connectGoogle(system, chalet, { account })).answer);
    granted(await choose(system, chalet));
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const revocations = () => system.google.calls({ path: '/revoke' }).map(({ status }) => status);
    const before = revocations().length;
    system.google.addFault({ match: { path: '/revoke' }, status: 503, times: 0 });
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    expect(new Set(revocations().slice(before))).toEqual(new Set([503]));
    system.google.clearFaults();
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await eventually(() => revocations().at(-1) === 200, { describe: 'the token is revoked' });
    await settled(system, chalet);
    const { rows } = await system.pool.query('SELECT FROM spent_tokens WHERE establishment_id = $1', [establishmentId]);
    expect(rows).toEqual([]);
    expect(channelsOf(chalet.calendarId)).toEqual([]);
    expect(eventsOf(system, chalet)).toMatchObject([{ summary: 'Chalet 1 - John Doe' }]);
  });

  test('a chalet of which no news has come yet is asked of the booking service', async () => {
    const at = new Date().toISOString();
    const known = { id: newId(), establishmentId: newId() };
    const place = { name: 'Chalet 9', description: '', currency: 'CAD', timezone, locale: 'fr-CA', archived: false };
    const terms = {
      capacity: 4,
      nightlyRate: 1,
      cleaningFee: 0,
      minNights: 1,
      maxNights: 9,
      createdAt: at,
      updatedAt: at,
    };
    const server = await system.asBooking([
      handle(establishmentRequests.getChalet, async ({ chaletId }) =>
        chaletId === known.id ? ok({ ...known, ...place, ...terms }) : refuse('not_found', 'There is no such chalet.'),
      ),
    ]);
    const owner = { kind: 'owner', establishmentId: known.establishmentId, keyId: newId() } as const;
    const sync = (chaletId: string) => system.ask(calendarRequests.syncCalendar, { actor: owner, chaletId });
    expect(refusalOf(await sync(known.id))).toBe('google_not_connected');
    expect(refusalOf(await sync(newId()))).toBe('not_found');
    const stranger = { ...owner, establishmentId: newId() };
    const asked = { actor: stranger, chaletId: known.id };
    expect(refusalOf(await system.ask(calendarRequests.syncCalendar, asked))).toBe('not_found');
    await server.drain();
  });
});
