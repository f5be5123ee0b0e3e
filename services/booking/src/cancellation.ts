import {
  type Actor,
  addDays,
  type CancellationPolicy,
  type CivilDate,
  type cancellationTerms,
  dateInZone,
  daysBetween,
  mayManage,
  roundHalfUp,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { advance, type BookingRecord, type ChangedBy, type Decision, unchanged } from './booking.ts';
import { sumsOf } from './money.ts';

/**
 * How much of what was paid goes back, in percent: the best tier that still applies. Days are counted on the
 * establishment's calendar, from the day of cancelling to the day of arrival.
 */
export function refundPercentage(policy: CancellationPolicy, today: CivilDate, arrival: CivilDate): number {
  const daysAhead = daysBetween(today, arrival);
  return Math.max(0, ...policy.tiers.filter(tier => daysAhead >= tier.daysBefore).map(tier => tier.percentage));
}

/**
 * What a guest who cancels today gets back: the share of all that was paid, rounded half up, less what went back already. Null
 * where a guest cannot cancel. A hold that nobody paid yet costs nothing to cancel.
 */
export function describeCancellation(
  booking: BookingRecord,
  today: CivilDate,
): z.infer<typeof cancellationTerms> | null {
  const { policy, startDate } = booking;
  if (policy === null || booking.status === 'cancelled' || booking.source === 'google') return null;
  if (booking.status === 'pending') return { policy, percentage: 100, amount: 0, until: null };
  const percentage = refundPercentage(policy, today, startDate);
  const { amountPaid, amountRefunded } = sumsOf(booking.payments);
  const amount = Math.max(0, roundHalfUp(amountPaid, percentage, 100) - amountRefunded);
  // The best tier counts: it stays as it is until the last tier that gives as much has passed.
  const asGood = policy.tiers.filter(tier => tier.percentage >= percentage).map(tier => tier.daysBefore);
  const until = percentage === 0 ? null : addDays(startDate, -Math.min(...asGood));
  return { policy, percentage, amount, until };
}

/** A guest sees the own booking, an owner those of the establishment. */
export const maySee = (who: Actor, booking: Pick<BookingRecord, 'id' | 'establishmentId'>): boolean =>
  (who.kind === 'guest' && who.bookingId === booking.id) || mayManage(who, booking.establishmentId);

/**
 * Decides about a cancellation that a person asks for; that this person may see the booking is settled already.
 * Cancelling what is cancelled changes nothing, unless only its hold had run out: a late payment could bring it back,
 * and must not once somebody was told that it is cancelled. An owner gives everything back, and so does cancelling before payment:
 * money that is still on its way is returned in full.
 */
export function cancelBooking(
  booking: BookingRecord,
  o: { actor: Actor; at: Date; timezone: string; reason?: string | undefined },
): Decision {
  switch (booking.status) {
    case 'cancelled':
      return booking.cancelReason === 'hold_expired' ? confirmExpiry(booking, o) : unchanged;
    case 'pending':
    case 'confirmed': {
      if (booking.source === 'google') {
        return {
          kind: 'refused',
          refusal: {
            code: 'read_only_source',
            message: 'This booking comes from Google Calendar: remove the event there to cancel it.',
          },
        };
      }
      const byGuest = o.actor.kind === 'guest';
      const today = dateInZone(o.at, o.timezone);
      const percentage =
        byGuest && booking.status === 'confirmed' && booking.policy
          ? refundPercentage(booking.policy, today, booking.startDate)
          : 100;
      const change = advance(
        booking,
        {
          status: 'cancelled',
          cancelledAt: o.at.toISOString(),
          cancelReason: byGuest ? 'guest' : 'owner',
          holdExpiresAt: null,
          conflict: false,
          refundPercentage: percentage,
          refundBase: sumsOf(booking.payments).amountPaid,
        },
        { at: o.at, by: whoIs(o.actor), action: 'cancelled', reason: o.reason, event: 'cancelled' },
      );
      return { kind: 'changed', change };
    }
    default:
      return booking.status satisfies never;
  }
}

/** From now on it is cancelled for good; what is paid late goes back in full. */
const confirmExpiry = (
  booking: BookingRecord,
  o: { actor: Actor; at: Date; reason?: string | undefined },
): Decision => ({
  kind: 'changed',
  change: advance(
    booking,
    { cancelReason: o.actor.kind === 'guest' ? 'guest' : 'owner', refundPercentage: 100 },
    { at: o.at, by: whoIs(o.actor), action: 'cancelled', reason: o.reason, event: 'cancelled' },
  ),
});

const whoIs = (actor: Actor): ChangedBy => actor.kind;
