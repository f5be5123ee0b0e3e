import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually, recordingLogger } from '@monde-sauvage/testkit';
import { announce, mirrorOf, newBooking } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { choose, connectGoogle, seedChalet } from './chalets.ts';

const { logger, written } = recordingLogger();
let system: CalendarSystem;
beforeAll(async () => {
  system = await startCalendarSystem();
  await system.restart({}, { logger });
});
afterAll(() => system.drain());

test('logs hold no token, no guest and no private title, whatever goes wrong; nor do events and answers', async () => {
  const chalet = await seedChalet(system);
  const { owner: actor, establishmentId, chaletId, calendarId } = chalet;
  const { answer, state, code } = await connectGoogle(system, chalet);
  granted(answer);
  granted(await choose(system, chalet));
  const customer = { name: 'Honoria Quill', email: 'honoria@example.com', phone: '+1 514 555 0177' };
  const booking = newBooking(chalet, { customer, notes: 'Allergic to walruses' });
  system.google.addFault({ match: { method: 'POST', path: 'events$', calendarId }, loseResponse: 'after' });
  await announce(system, booking);
  const { id } = await mirrorOf(system, chalet, booking);
  system.google.createEvent(calendarId, {
    summary: 'Operation Narwhal',
    description: 'Narwhals only',
    visibility: 'private',
    start: { date: booking.startDate },
    end: { date: booking.endDate },
  });
  const look = async () => granted(await system.ask(calendarRequests.overview, { actor, establishmentId }));
  await eventually(async () => (await look()).calendars[0]?.conflicts === 1);
  // The owner's hand, a new refresh token, our own database, Google, and the end of the connection.
  system.google.patchEvent(calendarId, id ?? '', { summary: 'Renamed for Honoria Quill' });
  await mirrorOf(system, chalet, booking, 'Chalet 1 - Honoria Quill');
  system.google.configure({ rotateRefreshTokens: true });
  system.google.expireAccessTokens();
  granted(await system.ask(calendarRequests.syncCalendar, { actor, chaletId }));
  // Again when it and the service wait for each other's locks.
  await eventually(() => system.pool.query('ALTER TABLE external_events RENAME TO external_events_away'));
  system.google.createEvent(calendarId, {
    summary: 'Narwhals again',
    visibility: 'private',
    start: { date: day(40) },
    end: { date: day(41) },
  });
  await eventually(() => written().includes('external_events'), { describe: 'the database has failed' });
  await eventually(() => system.pool.query('ALTER TABLE external_events_away RENAME TO external_events'));
  expect(JSON.stringify(await look())).not.toMatch(/arwhal/);
  system.google.addFault({ match: { path: '/revoke' }, status: 500 });
  granted(await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: false }));
  granted((await connectGoogle(system, chalet)).answer);
  system.google.revokeAccount(ownerEmail);
  system.google.expireAccessTokens();
  await system.ask(calendarRequests.listCalendars, { actor, establishmentId });
  await eventually(() => written().includes('a Google connection was revoked'));

  for (const said of ['a mirror could not be written', 'a calendar could not be synced', 'rotated a refresh token']) {
    expect(written()).toContain(said);
  }
  expect(written()).toContain('could not be revoked at Google');
  expect(written()).not.toMatch(/1\/\/0|ya29|Honoria|honoria@|555 0177|walruses|arwhal/);
  for (const secret of [state, code ?? 'code', system.encryptionKey]) expect(written()).not.toContain(secret);
  expect(JSON.stringify(system.published)).not.toMatch(/1\/\/0|ya29|Honoria|arwhal/);
});
