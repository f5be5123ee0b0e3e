import { calendarRequests } from '@monde-sauvage/contracts';
import { announce, mirrorOf, newBooking } from './bookings.ts';
import { type CalendarSystem, granted } from './calendar-system.ts';
import { announceSettings, type Chalet, seedConnectedChalet } from './chalets.ts';

/** A chalet of an owner who wants to be asked about changes in Google, and a booking whose event is settled there. */
export async function seedAskingOwner(system: CalendarSystem) {
  const chalet = await seedConnectedChalet(system);
  await announceSettings(system, chalet, { calendarDrift: 'ask' });
  const booking = newBooking(chalet);
  await announce(system, booking);
  const { id } = await mirrorOf(system, chalet, booking);
  await system.google.pushesSettled();
  return { chalet, booking, eventId: id ?? '' };
}

/** The decisions that wait for a chalet's owner, or are under way. */
export const listDecisions = async (system: CalendarSystem, { owner: actor, establishmentId }: Chalet) =>
  granted(await system.ask(calendarRequests.listDecisions, { actor, establishmentId })).items;
