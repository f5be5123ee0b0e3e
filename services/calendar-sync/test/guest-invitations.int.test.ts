import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { announceSettings, choose, seedConnectedChalet } from './chalets.ts';

let system: CalendarSystem;
beforeAll(async () => {
  system = await startCalendarSystem();
});
afterAll(() => system.drain());

test('guests hear nothing from Google unless the owner wants it', async () => {
  const chalet = await seedConnectedChalet(system);
  await announceSettings(system, chalet, {});
  const booking = newBooking(chalet);
  await announce(system, booking);
  await mirrorOf(system, chalet, booking);
  await announce(system, { ...booking, status: 'confirmed', version: 2 });
  await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
  await announce(system, cancelled({ ...booking, version: 2 }));
  await eventually(() => eventsOf(system, chalet).length === 0);
  expect(system.google.sentMail()).toEqual([]);
});

test('with invitations they are invited, told of the payment and of the cancellation, and not of a move between calendars', async () => {
  const chalet = await seedConnectedChalet(system);
  await announceSettings(system, chalet, { guestInvitations: true });
  const mails = () => system.google.sentMail().map(({ calendarId, change }) => `${change} ${calendarId}`);
  const { calendarId } = chalet;
  const told = [`created ${calendarId}`, `updated ${calendarId}`];
  const booking = newBooking(chalet);
  await announce(system, booking);
  await mirrorOf(system, chalet, booking);
  expect(mails()).toEqual(told.slice(0, 1));
  await announce(system, { ...booking, status: 'confirmed', version: 2 });
  await mirrorOf(system, chalet, booking, '[CONFIRMED] Chalet 1 - John Doe');
  expect(mails()).toEqual(told);
  const other = system.google.createCalendar({ owner: ownerEmail, summary: 'Another' }).id;
  granted(await choose(system, chalet, other));
  await eventually(() => eventsOf(system, chalet, other).length === 1 && eventsOf(system, chalet).length === 0);
  await settled(system, chalet);
  // The invitation to the event that stays; none that says that something was cancelled.
  expect(mails()).toEqual([...told, `created ${other}`]);
  await announce(system, cancelled({ ...booking, version: 2 }));
  await eventually(() => eventsOf(system, chalet, other).length === 0);
  await settled(system, chalet);
  expect(mails()).toEqual([...told, `created ${other}`, `cancelled ${other}`]);
});
