import { type Result, refuse } from '@monde-sauvage/contracts';
import { changeBooking } from '../booking-store.ts';
import type { BookingContext, Origin } from '../context.ts';
import { extendHold as decide } from '../hold.ts';

/**
 * A payment opened its Checkout Session: it is `open`, and the hold lasts at least until the session ends. Refused with
 * `not_pending` when that would be longer than any hold lasts.
 */
export async function extendHold(
  ctx: BookingContext,
  input: { bookingId: string; until: string; paymentId?: string | undefined },
  origin: Origin,
): Promise<Result<{ holdExpiresAt: string; version: number }>> {
  const at = ctx.now();
  const until = new Date(input.until);
  const extended = await changeBooking(ctx, { bookingId: input.bookingId, at, ...origin }, booking =>
    decide(booking, { until, at, maxMinutes: ctx.holdMaxMinutes, paymentId: input.paymentId }),
  );
  if (!extended.ok) return extended;
  const { holdExpiresAt, version } = extended.value;
  return holdExpiresAt === null
    ? refuse('not_pending', 'This booking has no hold to extend.')
    : { ok: true, value: { holdExpiresAt, version } };
}
