import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { hashOf, newSecret } from '../src/google/oauth.ts';
import { announce, mirrorOf, newBooking } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, refusalOf, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';

describe('push channels', () => {
  let system: CalendarSystem;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterAll(() => system.drain());

  const openOf = ({ calendarId }: Chalet) =>
    system.google.channels().flatMap(channel => (channel.calendarId === calendarId ? [channel] : []));
  const lookNow = () => system.restart();
  const cameIn = (chalet: Chalet, title: string) =>
    eventually(
      () =>
        system.published.some(
          ({ subject, body }) =>
            subject === 'calendar.external_event_changed' && body.chaletId === chalet.chaletId && body.title === title,
        ),
      { describe: `the event ${title}` },
    );
  const stay = (from: number) => ({ start: { date: day(from) }, end: { date: day(from + 1) } });
  const routes = () =>
    system.google.calls().flatMap(({ route, method }) => (/watch|stop/.test(route) ? [`${method} ${route}`] : []));

  test('are renewed before they end, the next one open before the last one is stopped', async () => {
    const chalet = await seedConnectedChalet(system);
    const [first] = openOf(chalet);
    await system.pool.query(
      `UPDATE channels SET created_at = now() - interval '6 days', expires_at = now() + interval '1 day' WHERE id = $1`,
      [first?.id],
    );
    system.google.clearCalls();
    await lookNow();
    await eventually(() => openOf(chalet).length === 1 && openOf(chalet)[0]?.id !== first?.id);
    expect(routes().map(route => route.split('/').at(-1))).toEqual(['watch', 'stop']);
    system.google.createEvent(chalet.calendarId, { summary: 'After renewal', ...stay(5) });
    await cameIn(chalet, 'After renewal');
  });

  test('whose answer was lost are followed by another, and stopped all the same', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    system.google.addFault({ match: { path: 'events/watch$', calendarId: chalet.calendarId }, loseResponse: 'after' });
    granted(await choose(system, chalet));
    await eventually(() => openOf(chalet).length === 1, { describe: 'the channel whose answer was lost' });
    const [orphan] = openOf(chalet);
    await eventually(() => openOf(chalet).length === 1 && openOf(chalet)[0]?.id !== orphan?.id, {
      describe: 'another channel, and that one alone',
    });
  });

  test('that were given up before their resource was known are stopped once they push', async () => {
    const chalet = await seedConnectedChalet(system);
    const [known] = openOf(chalet);
    // As after a crash between Google's answer and ours: opened, never told of, given up after a day.
    const { rows } = await system.pool.query('SELECT * FROM channels WHERE id = $1', [known?.id]);
    await system.pool.query(
      `UPDATE channels SET resource_id = NULL, expires_at = NULL, stopped_at = now(), created_at = now() - interval '2 days'
        WHERE id = $1`,
      [known?.id],
    );
    await lookNow();
    await eventually(() => openOf(chalet).length === 2, { describe: 'another channel beside the forgotten one' });
    expect(rows).toHaveLength(1);
    system.google.createEvent(chalet.calendarId, { summary: 'Pushed twice', ...stay(5) });
    await cameIn(chalet, 'Pushed twice');
    await eventually(() => openOf(chalet).length === 1 && openOf(chalet)[0]?.id !== known?.id, {
      describe: 'the forgotten channel is stopped',
    });
  });

  test('that are opened while another calendar is chosen are stopped, also when they were given up already', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    const { id: next } = system.google.createCalendar({ owner: ownerEmail, summary: 'The next' });
    let reached = () => {};
    let release = () => {};
    const isOpened = new Promise<void>(resolve => {
      reached = resolve;
    });
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    await system.restart(
      {},
      {
        passing: async point => {
          if (point !== 'channel opened, not committed') return;
          reached();
          await released;
        },
      },
    );
    granted(await choose(system, chalet));
    await isOpened;
    await system.google.pushesSettled();
    // As another replica does that hears of the choice and not of the channel, of which Google's first message was lost.
    granted(await choose(system, chalet, next));
    await system.pool.query('UPDATE channels SET resource_id = NULL, stopped_at = now() WHERE chalet_id = $1', [
      chalet.chaletId,
    ]);
    expect(openOf(chalet)).toHaveLength(1);
    release();
    await eventually(() => openOf(chalet).length === 0 && openOf({ ...chalet, calendarId: next }).length === 1, {
      describe: 'the channel of the chosen calendar, and that one alone',
    });
    await system.restart();
  });

  test('that were given up while the account was revoked are stopped once it is connected again', async () => {
    const chalet = await seedConnectedChalet(system);
    const { owner: actor, establishmentId } = chalet;
    const [orphan] = openOf(chalet);
    system.google.revokeAccount(ownerEmail);
    system.google.expireAccessTokens();
    expect(refusalOf(await system.ask(calendarRequests.listCalendars, { actor, establishmentId }))).toBe(
      'google_not_connected',
    );
    granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: false }));
    expect(openOf(chalet).map(({ id }) => id)).toEqual([orphan?.id]);
    granted((await connectGoogle(system, chalet)).answer);
    system.google.createEvent(chalet.calendarId, { summary: 'Pushed to nobody', ...stay(5) });
    await eventually(() => openOf(chalet).length === 0, { describe: 'the orphan is stopped' });
  });

  test('that nobody opened, or that say a wrong token, are refused, and nothing is read', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    const [channel] = openOf(chalet);
    system.google.clearCalls();
    const push = { channelToken: 'wrong', resourceId: 'r', resourceState: 'exists' };
    const ask = (channelId: string) => system.ask(calendarRequests.receivePush, { ...push, channelId });
    const refused = () => system.counted('google_pushes_total', 'unknown');
    const before = await refused();
    expect(refusalOf(await ask(channel?.id ?? ''))).toBe('not_found');
    expect(refusalOf(await ask('nobody'))).toBe('not_found');
    expect(await refused()).toBe(before + 2);
    const { rows } = await system.pool.query(
      'SELECT next_sync_at > now() AS later, resource_id FROM calendars JOIN channels USING (chalet_id) WHERE id = $1',
      [channel?.id],
    );
    expect(rows).toEqual([{ later: true, resource_id: channel?.resourceId }]);
    // Others of this file may still ask for access meanwhile.
    expect(system.google.calls({ calendarId: chalet.calendarId })).toEqual([]);
  });

  test('say by their state whether the calendar is to be read: it is not because one was opened', async () => {
    const chalet = await seedConnectedChalet(system);
    await system.google.pushesSettled();
    const [channel] = openOf(chalet);
    const channelToken = newSecret();
    await system.pool.query('UPDATE channels SET token_hash = $2 WHERE id = $1', [channel?.id, hashOf(channelToken)]);
    const push = (resourceState: string) =>
      system.ask(calendarRequests.receivePush, {
        ...{ channelId: channel?.id ?? '', channelToken, resourceId: channel?.resourceId ?? '', resourceState },
      });
    const pushed = (outcome: string) => system.counted('google_pushes_total', outcome);
    const before = { opened: await pushed('opened'), due: await pushed('due') };
    granted(await push('sync'));
    expect(await pushed('opened')).toBe(before.opened + 1);
    expect(await pushed('due')).toBe(before.due);
    granted(await push('exists'));
    granted(await push('not_exists'));
    expect(await pushed('due')).toBe(before.due + 2);
    // Late, but it is true all the same.
    await system.pool.query("UPDATE channels SET expires_at = now() - interval '1 minute' WHERE id = $1", [
      channel?.id,
    ]);
    granted(await push('exists'));
    expect(await pushed('due')).toBe(before.due + 3);
  });

  test('that Google does not open are said why, and both directions go on without', async () => {
    const chalet = await seedChalet(system);
    granted((await connectGoogle(system, chalet)).answer);
    const { calendarId, chaletId, owner: actor } = chalet;
    system.google.addFault({
      match: { path: 'events/watch$', calendarId },
      status: 401,
      reason: 'push.webhookUrlUnauthorized',
      message: 'Unauthorized WebHook callback channel',
      times: 0,
    });
    granted(await choose(system, chalet));
    const errorOf = async () => {
      const { rows } = await system.pool.query('SELECT watch_error FROM calendars WHERE chalet_id = $1', [chaletId]);
      return rows[0]?.watch_error;
    };
    await eventually(async () => String(await errorOf()).includes('webhookUrlUnauthorized'));
    const { establishmentId } = chalet;
    const overview = granted(await system.ask(calendarRequests.overview, { actor, establishmentId }));
    expect(overview.calendars).toMatchObject([
      { status: 'ok', channelExpiresAt: null, channelProblem: expect.stringContaining('webhookUrlUnauthorized') },
    ]);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    system.google.createEvent(calendarId, { summary: 'Read by the schedule', ...stay(5) });
    expect(granted(await system.ask(calendarRequests.syncCalendar, { actor, chaletId })).changed).toBe(1);
    system.google.createEvent(calendarId, { summary: 'Read by itself', ...stay(7) });
    await system.pool.query('UPDATE calendars SET next_sync_at = now() WHERE chalet_id = $1', [chaletId]);
    await cameIn(chalet, 'Read by itself');
    system.google.clearFaults();
    await system.pool.query('UPDATE calendars SET watch_at = now() WHERE chalet_id = $1', [chaletId]);
    await eventually(() => openOf(chalet).length === 1);
    await eventually(async () => (await errorOf()) === null);
  });
});
