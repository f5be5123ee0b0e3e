import { type Actor, type Result, refuse } from '@monde-sauvage/contracts';
import type { BookingContext } from '../context.ts';
import { hashSecret, prefixes } from '../credentials.ts';

const lastUsedEveryMs = 60_000;

/** Whom a bearer token stands for. The hash is looked up by a unique index, so timing tells nothing of use. */
export async function authenticate(ctx: BookingContext, input: { token: string }): Promise<Result<Actor>> {
  const actor = input.token.startsWith(prefixes.ownerKey)
    ? await ownerOf(ctx, input.token)
    : input.token.startsWith(prefixes.manageToken)
      ? await guestOf(ctx, input.token)
      : undefined;
  return actor ? { ok: true, value: actor } : refuse('unauthorized', 'This key or token is not valid.');
}

async function guestOf(ctx: BookingContext, token: string): Promise<Actor | undefined> {
  const booking = await ctx.prisma.booking.findUnique({
    where: { manageTokenHash: hashSecret(token) },
    select: { id: true },
  });
  return booking ? { kind: 'guest', bookingId: booking.id } : undefined;
}

async function ownerOf(ctx: BookingContext, token: string): Promise<Actor | undefined> {
  const key = await ctx.prisma.apiKey.findUnique({ where: { keyHash: hashSecret(token), revokedAt: null } });
  if (!key) return undefined;
  const now = ctx.now();
  if (key.lastUsedAt === null || now.getTime() - key.lastUsedAt.getTime() >= lastUsedEveryMs) {
    // Nobody waits for this; it is a hint for people, and the next use makes up for one that is lost.
    ctx.prisma.apiKey
      .updateMany({ where: { id: key.id }, data: { lastUsedAt: now } })
      .catch((error: unknown) => ctx.logger.debug({ err: error }, 'could not note the use of a key'));
  }
  return { kind: 'owner', establishmentId: key.establishmentId, keyId: key.id };
}
