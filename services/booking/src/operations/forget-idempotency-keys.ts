import type { BookingContext } from '../context.ts';

const batchSize = 1_000;

/** Deletes answers that no longer need to be repeated, a batch at a time. @returns whether there may be more */
export async function forgetIdempotencyKeys(ctx: BookingContext): Promise<boolean> {
  const deleted = await ctx.prisma.$executeRaw`
    DELETE FROM idempotency_keys WHERE key_hash IN (
      SELECT key_hash FROM idempotency_keys WHERE expires_at <= ${ctx.now()} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`;
  return deleted === batchSize;
}
