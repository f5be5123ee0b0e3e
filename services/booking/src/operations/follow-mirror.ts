import type { calendarEvents } from '@monde-sauvage/contracts';
import type { EventMeta } from '@monde-sauvage/messaging';
import type { z } from 'zod';
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
export async function recordRestoredMirror(
  ctx: BookingContext,
  restored: z.output<typeof calendarEvents.mirrorRestored.body>,
  meta: EventMeta,
): Promise<void> {
  const { bookingId } = restored;
  const booking = await ctx.prisma.booking.findUnique({ where: { id: bookingId }, select: { version: true } });
  if (!booking) throw new Error(`calendar.mirror_restored names booking ${bookingId}, which does not exist`);
  await noteInHistory(ctx.prisma, {
    id: meta.id,
    bookingId,
    version: booking.version,
    at: new Date(restored.at),
    by: 'calendar',
    action: 'mirror_restored',
    reason: restored.drift,
  });
}
