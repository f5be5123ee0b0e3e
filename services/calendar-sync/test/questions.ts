import { calendarRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { announce, mirrorOf, newBooking, settled } from './bookings.ts';
import { type CalendarSystem, day, granted } from './calendar-system.ts';
import { announceSettings, type Chalet, seedConnectedChalet } from './chalets.ts';
import { untilIdle } from './until-idle.ts';

/** One day later than the booking says. */
export const moved = { start: { date: day(11) }, end: { date: day(13) } };

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

/** An owner who moved the event of a booking, and is asked about it; nothing else is under way. */
export async function seedQuestion(system: CalendarSystem) {
  const { chalet, booking, eventId } = await seedAskingOwner(system);
  system.google.patchEvent(chalet.calendarId, eventId, moved);
  const { id } = await eventually(async () => (await listDecisions(system, chalet))[0], {
    describe: 'a decision that waits',
  });
  await settled(system, chalet);
  await untilIdle(system, chalet.chaletId);
  return { chalet, booking, eventId, id };
}

/** The owner of a chalet decides. */
export const decideAs = async (
  system: CalendarSystem,
  { owner: actor, establishmentId }: Chalet,
  o: { decisionId: string; decision: 'restore' | 'cancel' },
) => granted(await system.ask(calendarRequests.decideDrift, { actor, establishmentId, ...o }));

/** Waits until nothing waits for the decision of a chalet's owner. */
export const noQuestion = (system: CalendarSystem, chalet: Chalet) =>
  eventually(async () => (await listDecisions(system, chalet)).length === 0, {
    describe: 'no decision waits',
  });
