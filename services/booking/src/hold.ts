import { advance, type BookingRecord, type Decision, isHoldOver, unchanged } from './booking.ts';
import { openPayment } from './payments.ts';

/**
 * A Checkout Session is open until `until`: the hold lasts at least as long. Also a hold whose time is over is
 * extended as long as it was not released, because its nights are still kept. But nobody keeps nights from others by
 * opening Checkout again and again: no hold lasts longer than `o.maxMinutes` from when the booking was made.
 * @param o.paymentId whose session it is
 */
export function extendHold(
  booking: BookingRecord,
  o: { until: Date; at: Date; maxMinutes: number; paymentId?: string | undefined },
): Decision {
  if (booking.status !== 'pending' || booking.holdExpiresAt === null) {
    return {
      kind: 'refused',
      refusal: { code: 'not_pending', message: `This booking is ${booking.status}: there is no hold to extend.` },
    };
  }
  const latest = (known: string | null) =>
    new Date(Math.max(o.until.getTime(), known === null ? 0 : Date.parse(known))).toISOString();
  const holdExpiresAt = latest(booking.holdExpiresAt);
  const checkoutOpenUntil = latest(booking.checkoutOpenUntil);
  const opened = o.paymentId === undefined ? undefined : openPayment(booking, o.paymentId);
  if (holdExpiresAt !== booking.holdExpiresAt && o.until.getTime() > latestHoldEnd(booking, o.maxMinutes)) {
    return {
      kind: 'refused',
      refusal: {
        code: 'not_pending',
        message:
          'These nights were held for as long as they can be without payment. They can be booked again when the hold ends.',
      },
    };
  }
  const isKnown = holdExpiresAt === booking.holdExpiresAt && checkoutOpenUntil === booking.checkoutOpenUntil;
  if (isKnown && opened === undefined) return unchanged;
  const change = advance(
    booking,
    { holdExpiresAt, checkoutOpenUntil, ...opened },
    { at: o.at, by: 'payment', action: 'hold_extended', reason: 'Checkout was opened', event: 'updated' },
  );
  return { kind: 'changed', change };
}

const latestHoldEnd = (booking: BookingRecord, maxMinutes: number): number =>
  Date.parse(booking.createdAt) + maxMinutes * 60_000;

/**
 * Gives the nights of a hold back once its time is over. `refundPercentage` stays open: a payment that arrives late
 * either brings the booking back or is returned in full.
 */
export function releaseHold(booking: BookingRecord, o: { at: Date }): Decision {
  if (!isHoldOver(booking, o.at)) return unchanged;
  const change = advance(
    booking,
    {
      status: 'cancelled',
      cancelledAt: o.at.toISOString(),
      cancelReason: 'hold_expired',
      holdExpiresAt: null,
      conflict: false,
    },
    { at: o.at, by: 'system', action: 'hold_expired', event: 'cancelled' },
  );
  return { kind: 'changed', change };
}
