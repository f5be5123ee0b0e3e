import type { BookingSnapshot } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import { firstRevision } from '../domain/first-revision.ts';
import { isActive, mirroredPart } from '../domain/mirror-event.ts';
import { endCancelled } from '../stores/cancellation-store.ts';
import { closeDecisions } from '../stores/decision-store.ts';
import { transact } from '../stores/transact.ts';

/**
 * A booking changed: takes over what its mirror should show, newest version first, and wakes the writer. No call is
 * made here, and none follows when nothing of what the mirror shows changed (a payment, a link, a conflict).
 */
export async function recordBooking(context: Context, booking: BookingSnapshot): Promise<void> {
  if (booking.source !== 'website') return;
  const desired = mirroredPart(booking);
  const active = isActive(desired);
  const now = context.now();
  await context.db.$executeRaw`
    INSERT INTO lanes (chalet_id) VALUES (${booking.chaletId}::uuid) ON CONFLICT DO NOTHING`;
  // A booking that was never heard of and is cancelled has no event: its row only keeps older versions from making one.
  const changed = await context.db.$executeRaw`
    INSERT INTO mirrors (booking_id, chalet_id, establishment_id, version, active, desired, start_date, end_date,
                         state, next_attempt_at, revision, updated_at)
    VALUES (${booking.id}::uuid, ${booking.chaletId}::uuid, ${booking.establishmentId}::uuid, ${booking.version},
            ${active}, ${JSON.stringify(desired)}::jsonb, ${booking.startDate}::date, ${booking.endDate}::date,
            ${active ? 'wanted' : 'removed'}, ${active ? now : null}::timestamptz, ${firstRevision(now)}::int,
            ${now}::timestamptz)
    ON CONFLICT (booking_id) DO UPDATE SET
      version = excluded.version, active = excluded.active, desired = excluded.desired,
      start_date = excluded.start_date, end_date = excluded.end_date, updated_at = excluded.updated_at,
      state = CASE WHEN mirrors.desired = excluded.desired THEN mirrors.state ELSE 'wanted' END,
      attempts = CASE WHEN mirrors.desired = excluded.desired THEN mirrors.attempts ELSE 0 END,
      wakes = CASE WHEN mirrors.desired = excluded.desired THEN mirrors.wakes ELSE mirrors.wakes + 1 END,
      next_attempt_at = CASE WHEN mirrors.desired = excluded.desired THEN mirrors.next_attempt_at
                             ELSE ${now}::timestamptz END
    WHERE excluded.version > mirrors.version`;
  await context.passing('booking recorded, its event not acknowledged');
  if (!active) await closeDecisionsOf(context, booking);
  if (changed > 0) context.nudge.mirrors();
}

/** A cancelled booking leaves nothing to decide. Said again whenever the event comes again, so that a crash loses nothing. */
async function closeDecisionsOf(context: Context, { id: bookingId, version }: BookingSnapshot): Promise<void> {
  if ((await context.db.mirror.count({ where: { bookingId, version: { lte: version }, active: false } })) === 0) return;
  await transact(context.db, async tx => {
    await endCancelled(tx, context, bookingId);
    await closeDecisions(tx, { bookingId }, context.now());
  });
  context.nudge.relay();
}
