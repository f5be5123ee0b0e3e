import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { RemoteError } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('connecting a Google account', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  test('goes through Google and back, once', async () => {
    const chalet = await seedChalet(system);
    const { answer, state, code } = await connectGoogle(system, chalet);
    expect(granted(answer)).toEqual({ establishmentId: chalet.establishmentId, account: ownerEmail });
    expect(refusalOf(await system.ask(calendarRequests.completeConnection, { state, code }))).toBe('validation_failed');
    const { rows } = await system.pool.query('SELECT * FROM connections WHERE establishment_id = $1', [
      chalet.establishmentId,
    ]);
    expect(rows[0]).toMatchObject({ status: 'active', account: ownerEmail });
  });

  test('is refused in plain words when the owner declines or unticks a permission', async () => {
    const chalet = await seedChalet(system);
    const denied = await connectGoogle(system, chalet, { decision: 'deny' });
    expect(denied.answer).toMatchObject({ ok: false, refusal: { code: 'forbidden', errors: [{ path: 'error' }] } });
    const partial = await connectGoogle(system, chalet, {
      scopes: ['https://www.googleapis.com/auth/calendar.calendarlist.readonly'],
    });
    expect(partial.answer).toMatchObject({
      ok: false,
      refusal: { message: expect.stringContaining('permission'), errors: [{ path: 'scope' }] },
    });
    const overview = await system.ask(calendarRequests.overview, {
      actor: chalet.owner,
      establishmentId: chalet.establishmentId,
    });
    expect(granted(overview).connection.status).toBe('not_connected');
  });

  test('is refused in plain words when Google gives no lasting access', async () => {
    const chalet = await seedChalet(system);
    system.google.configure({ withholdRefreshTokens: true });
    const { answer } = await connectGoogle(system, chalet);
    system.google.configure({ withholdRefreshTokens: false });
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: 'forbidden', message: expect.stringContaining('no lasting access') },
    });
    const { establishmentId, owner: actor } = chalet;
    const { connection } = granted(await system.ask(calendarRequests.overview, { actor, establishmentId }));
    expect(connection.status).toBe('not_connected');
    granted((await connectGoogle(system, chalet)).answer);
  });

  test('says that the fault is ours, not that Google is away, when our own part fails', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    // Again when it and the service wait for each other's locks.
    await eventually(() => system.pool.query('ALTER TABLE connections RENAME refresh_owner TO refresh_owner_away'));
    const { establishmentId, owner: actor } = chalet;
    await expect(system.ask(calendarRequests.listCalendars, { actor, establishmentId })).rejects.toThrow(RemoteError);
    await eventually(() => system.pool.query('ALTER TABLE connections RENAME refresh_owner_away TO refresh_owner'));
    granted(await system.ask(calendarRequests.listCalendars, { actor, establishmentId }));
    const { state } = await connectGoogle(system, chalet);
    await system.pool.query("UPDATE oauth_states SET used_at = NULL, key_id = 'unknown' WHERE establishment_id = $1", [
      establishmentId,
    ]);
    await expect(system.ask(calendarRequests.completeConnection, { state, code: 'any' })).rejects.toThrow(RemoteError);
  });

  test('is the business of its owner only', async () => {
    const chalet = await seedConnectedChalet(system);
    const stranger = { kind: 'owner', establishmentId: newId(), keyId: newId() } as const;
    const { establishmentId, chaletId } = chalet;
    const ask = [
      system.ask(calendarRequests.connect, { actor: stranger, establishmentId }),
      system.ask(calendarRequests.overview, { actor: stranger, establishmentId }),
      system.ask(calendarRequests.listCalendars, { actor: stranger, establishmentId }),
      system.ask(calendarRequests.disconnect, { actor: stranger, establishmentId }),
      system.ask(calendarRequests.chooseCalendar, { actor: stranger, chaletId, calendarId: null }),
      system.ask(calendarRequests.syncCalendar, { actor: stranger, chaletId }),
    ];
    for (const answer of await Promise.all(ask)) expect(refusalOf(answer)).toBe('not_found');
  });

  test('lists calendars, and lets each serve one chalet', async () => {
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor } = chalet;
    const { items } = granted(await system.ask(calendarRequests.listCalendars, { actor, establishmentId }));
    expect(items).toContainEqual(expect.objectContaining({ calendarId: ownerEmail, primary: true, writable: true }));
    expect(items).toContainEqual(expect.objectContaining({ calendarId: chalet.calendarId, chaletId: chalet.chaletId }));
    const second = await seedChalet(system, establishmentId);
    expect(refusalOf(await choose(system, second, chalet.calendarId))).toBe('calendar_in_use');
    expect(refusalOf(await choose(system, second, 'nobody@group.calendar.google.com'))).toBe('not_found');
    expect(granted(await choose(system, second, 'primary')).calendarId).toBe(ownerEmail);
  });

  test('a chalet without a connection can neither choose nor sync', async () => {
    const chalet = await seedChalet(system);
    expect(refusalOf(await choose(system, chalet))).toBe('google_not_connected');
    const sync = await system.ask(calendarRequests.syncCalendar, { actor: chalet.owner, chaletId: chalet.chaletId });
    expect(refusalOf(sync)).toBe('google_not_connected');
  });

  test('ends when the owner says so: mirrors are left or removed as asked, channels and token are not', async () => {
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor } = chalet;
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    expect(eventsOf(system, chalet)).toHaveLength(1);
    await eventually(() => !system.google.channels().some(({ calendarId }) => calendarId === chalet.calendarId));

    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    await mirrorOf(system, chalet, booking);
    expect(eventsOf(system, chalet)).toHaveLength(1);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: true }));
    expect(eventsOf(system, chalet)).toEqual([]);
    expect(system.google.calls({ path: '/revoke' })).toHaveLength(0);
  });

  test('leaves no cancelled stay that names an event, whether it was cancelled before or after', async () => {
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor, calendarId } = chalet;
    const [before, after] = [newBooking(chalet), newBooking(chalet, { startDate: day(20), endDate: day(22) })];
    for (const booking of [before, after]) {
      await announce(system, booking);
      await mirrorOf(system, chalet, booking);
    }
    const namedBy = ({ id }: { id: string }) =>
      system.published
        .filter(({ subject, body }) => subject === 'calendar.event_linked' && body.bookingId === id)
        .at(-1)?.body.googleEventId;
    await eventually(() => namedBy(before) && namedBy(after), { describe: 'both name an event' });
    // Its event could not be removed yet.
    system.google.addFault({ match: { calendarId, method: 'DELETE' }, status: 503, times: 1_000 });
    await announce(system, cancelled(before));
    await eventually(async () => (await stateOf(system, before.id)) === 'wanted');
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    await eventually(() => namedBy(before) === null, { describe: 'the one cancelled before names none' });
    expect(namedBy(after)).not.toBeNull();
    await announce(system, cancelled(after));
    await eventually(() => namedBy(after) === null, { describe: 'the one cancelled after names none' });
    expect(eventsOf(system, chalet)).toHaveLength(2);
    system.google.clearFaults();
    // Connected again, the events of cancelled stays are found and removed.
    granted((await connectGoogle(system, chalet)).answer);
    granted(await choose(system, chalet));
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'no event is left' });
  });

  test('works with a Google that says no more than it has to', async () => {
    system.google.configure({ terse: true });
    const chalet = await seedConnectedChalet(system);
    const { establishmentId, owner: actor, chaletId } = chalet;
    const { items } = granted(await system.ask(calendarRequests.listCalendars, { actor, establishmentId }));
    expect(items).toContainEqual(expect.objectContaining({ calendarId: chalet.calendarId, writable: true }));
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    // The one channel is known, lasts, and is stopped in the end.
    const channelOf = () => system.google.channels().filter(({ calendarId }) => calendarId === chalet.calendarId);
    await eventually(async () => {
      const { rows } = await system.pool.query('SELECT expires_at FROM channels WHERE chalet_id = $1', [chaletId]);
      return rows.length === 1 && rows[0].expires_at > Date.now() + 86_400_000;
    });
    expect(channelOf()).toHaveLength(1);
    granted(await choose(system, chalet, null));
    await eventually(() => channelOf().length === 0, { describe: 'the channel is stopped' });
    system.google.configure({ terse: false });
  });

  test('refuses a calendar that may only be read', async () => {
    const { chaletId, calendarId, ...chalet } = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    system.google.shareCalendar(calendarId, ownerEmail, 'reader');
    expect(refusalOf(await choose(system, { ...chalet, chaletId, calendarId }))).toBe('forbidden');
  });

  test('that no other establishment uses is taken back at Google when it ends', async () => {
    const account = system.google.createAccount({ email: 'second@example.com' }).email;
    const { owner: actor, establishmentId, ...chalet } = await seedChalet(system);
    granted((await connectGoogle(system, { ...chalet, owner: actor, establishmentId }, { account })).answer);
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId }));
    expect(system.google.calls({ path: '/revoke' })).toMatchObject([{ email: account, status: 200 }]);
  });

  test('survives a restart and an access token that ended early', async () => {
    const chalet = await seedConnectedChalet(system);
    system.google.expireAccessTokens();
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    await system.restart();
    await announce(system, { ...booking, status: 'confirmed', version: 2 });
    await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
  });

  test('tokens are sealed with a new key as soon as there is one, so that the old one can go', async () => {
    const chalet = await seedConnectedChalet(system);
    const newKey = randomBytes(32).toString('base64');
    await system.restart({ TOKEN_ENCRYPTION_KEY: `${newKey},${system.encryptionKey}` });
    await system.restart({ TOKEN_ENCRYPTION_KEY: newKey });
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
  });
});
