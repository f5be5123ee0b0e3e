import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { bookingRequests, calendarEvents } from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { admin, type BookingSystem, book, granted, seedChalet, startBookingSystem } from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

it('the audit trail tells what was changed in Google, who decided about it, and that the booking stayed as it was', async () => {
  const { chalet } = await seedChalet(system);
  const { id: bookingId, establishmentId } = granted(await book(system, chalet.id, 10));
  const drift = 'moved in Google from 2027-02-10 – 2027-02-12 to 2027-02-11 – 2027-02-13';
  const about = { decisionId: newId(), bookingId, drift, at: new Date().toISOString() };
  const question = { ...about, chaletId: chalet.id, establishmentId, kinds: ['moved' as const] };
  const noted = async () =>
    granted(await system.ask(bookingRequests.history, { actor: admin, bookingId, limit: 100 })).items.slice(1);
  const after = (count: number) => eventually(async () => (await noted()).length === count);
  await system.publish(calendarEvents.driftAwaitsDecision, question);
  await after(1);
  await system.publish(calendarEvents.driftDecided, { ...about, outcome: 'restore', by: 'owner' });
  await after(2);
  await system.publish(calendarEvents.mirrorRestored, { bookingId, googleEventId: 'e', drift, at: about.at });
  await after(3);
  await system.publish(calendarEvents.driftDecided, { ...about, outcome: 'undone', by: 'calendar' });
  await after(4);
  expect((await noted()).map(({ version, by, action, reason }) => ({ version, by, action, reason }))).toEqual([
    { version: 1, by: 'calendar', action: 'drift_awaits_decision', reason: drift },
    { version: 1, by: 'owner', action: 'drift_restore_decided', reason: `${drift}: to be put back` },
    { version: 1, by: 'calendar', action: 'mirror_restored', reason: drift },
    { version: 1, by: 'calendar', action: 'drift_undone', reason: `${drift}: put right in Google` },
  ]);
  expect(granted(await system.ask(bookingRequests.get, { actor: admin, bookingId }))).toMatchObject({
    status: 'pending',
    version: 1,
  });
});
