import { type Actor, type createdKey, mayManage, type Result, refuse } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { BookingContext } from '../context.ts';
import { hashSecret, newSecret } from '../credentials.ts';
import { establishmentNotFound } from '../establishment-queries.ts';

/** A new owner key. The secret is in this answer and nowhere else. */
export async function createKey(
  ctx: BookingContext,
  input: { actor: Actor; establishmentId: string; name: string },
): Promise<Result<z.output<typeof createdKey>>> {
  const { actor, establishmentId, name } = input;
  const establishment = await ctx.prisma.establishment.findUnique({ where: { id: establishmentId } });
  if (!establishment || !mayManage(actor, establishmentId)) return establishmentNotFound();
  const key = newSecret('ownerKey');
  const row = await ctx.prisma.apiKey.create({
    data: { id: ctx.newId(), establishmentId, name, keyHash: hashSecret(key), createdAt: ctx.now() },
  });
  return { ok: true, value: { id: row.id, name: row.name, key, createdAt: row.createdAt.toISOString() } };
}

/** From now on the key opens nothing. */
export async function deleteKey(
  ctx: BookingContext,
  input: { actor: Actor; establishmentId: string; keyId: string },
): Promise<Result<Record<string, never>>> {
  const { actor, establishmentId, keyId } = input;
  if (!mayManage(actor, establishmentId)) return establishmentNotFound();
  const revoked = await ctx.prisma.apiKey.updateMany({
    where: { id: keyId, establishmentId, revokedAt: null },
    data: { revokedAt: ctx.now() },
  });
  return revoked.count === 1 ? { ok: true, value: {} } : refuse('not_found', 'There is no such key.');
}
