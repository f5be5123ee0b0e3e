import type { Actor, Booking, Result } from '@monde-sauvage/contracts';
import { toBooking } from '../booking-rows.ts';
import { changeBooking, noSuchBooking } from '../booking-store.ts';
import { cancelBooking as decide, maySee } from '../cancellation.ts';
import type { BookingContext, Origin } from '../context.ts';

/** Cancels a booking for its guest or for who manages it; a cancelled one is answered as it is. */
export async function cancelBooking(
  ctx: BookingContext,
  input: { actor: Actor; bookingId: string; reason?: string | undefined },
  origin: Origin,
): Promise<Result<Booking>> {
  const at = ctx.now();
  const cancelled = await changeBooking(ctx, { bookingId: input.bookingId, at, ...origin }, (booking, chalet) => {
    if (!maySee(input.actor, booking)) return { kind: 'refused', refusal: noSuchBooking };
    return decide(booking, {
      actor: input.actor,
      at,
      timezone: chalet.timezone,
      reason: input.reason === '' ? undefined : input.reason,
    });
  });
  return cancelled.ok ? { ok: true, value: toBooking(cancelled.value) } : cancelled;
}
