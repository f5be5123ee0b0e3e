import type { calendarEvents } from '@monde-sauvage/contracts';
import type { EventMeta } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import type { ChangedBy } from '../booking.ts';
import { changeBooking } from '../booking-store.ts';
import type { BookingContext } from '../context.ts';
import { linkGoogleEvent as decide } from '../mirror-link.ts';
import { noteInHistory } from './note-in-history.ts';

/** A booking's mirror exists in Google under an id, or is gone. @throws Error when there is no such booking */
export async function linkGoogleEvent(
  ctx: BookingContext,
  link: z.output<typeof calendarEvents.eventLinked.body>,
  meta: EventMeta,
): Promise<void> {
  const at = ctx.now();
  const { bookingId } = link;
  const linked = await changeBooking(ctx, { bookingId, at, traceparent: meta.traceparent }, async (booking, _, tx) => {
    const decision = decide(booking, link, { at });
    if (decision.kind !== 'revision_only') return decision;
    await tx.booking.update({ where: { id: bookingId }, data: { mirrorRevision: link.revision } });
    return { kind: 'unchanged' };
  });
  if (!linked.ok) throw new Error(`calendar.event_linked names booking ${bookingId}, which does not exist`);
}

/** Somebody changed a mirror in Google and it was put back: one line in the audit trail. */
export const recordRestoredMirror = (
  ctx: BookingContext,
  { bookingId, at, drift }: z.output<typeof calendarEvents.mirrorRestored.body>,
  meta: EventMeta,
): Promise<void> => noteAbout(ctx, { bookingId, at, by: 'calendar', action: 'mirror_restored', reason: drift }, meta);

/** Somebody changed a mirror in Google and the owner is asked what follows. */
export const noteDriftQuestion = (
  ctx: BookingContext,
  { bookingId, at, drift }: z.output<typeof calendarEvents.driftAwaitsDecision.body>,
  meta: EventMeta,
): Promise<void> =>
  noteAbout(ctx, { bookingId, at, by: 'calendar', action: 'drift_awaits_decision', reason: drift }, meta);

const outcomes = {
  restore: { action: 'drift_restore_decided', words: 'to be put back' },
  cancel: { action: 'drift_cancel_decided', words: 'the booking is cancelled' },
  undone: { action: 'drift_undone', words: 'put right in Google' },
} as const;

/** What was decided about it, and by whom. */
export function noteDriftDecision(
  ctx: BookingContext,
  { bookingId, at, by, drift, outcome }: z.output<typeof calendarEvents.driftDecided.body>,
  meta: EventMeta,
): Promise<void> {
  const { action, words } = outcomes[outcome];
  return noteAbout(ctx, { bookingId, at, by, action, reason: `${drift}: ${words}` }, meta);
}

/** @throws Error when there is no such booking */
async function noteAbout(
  ctx: BookingContext,
  note: { bookingId: string; at: string; by: ChangedBy; action: string; reason: string },
  meta: EventMeta,
): Promise<void> {
  const { bookingId } = note;
  const booking = await ctx.prisma.booking.findUnique({ where: { id: bookingId }, select: { version: true } });
  if (!booking) throw new Error(`${note.action} names booking ${bookingId}, which does not exist`);
  await noteInHistory(ctx.prisma, { ...note, id: meta.id, version: booking.version, at: new Date(note.at) });
}
