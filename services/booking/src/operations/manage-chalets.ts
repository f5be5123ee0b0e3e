import { isDeepStrictEqual } from 'node:util';
import {
  type Actor,
  type Chalet,
  type chaletPatch,
  findLimitProblems,
  mayManage,
  type newChalet,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { inTransaction, lockChalet } from '../booking-store.ts';
import type { BookingContext, Origin } from '../context.ts';
import { chaletNotFound, establishmentNotFound } from '../establishment-queries.ts';
import { chaletEventRow, toChalet } from '../establishment-rows.ts';
import { definedOf } from './patch.ts';

export async function createChalet(
  ctx: BookingContext,
  input: { actor: Actor; establishmentId: string; chalet: z.output<typeof newChalet> },
  origin: Origin,
): Promise<Result<Chalet>> {
  const { actor, establishmentId } = input;
  if (!mayManage(actor, establishmentId)) return establishmentNotFound();
  const at = ctx.now();
  const id = ctx.newId();
  return inTransaction(ctx, async tx => {
    // Keeps the establishment from changing until this chalet is there to be told.
    await tx.$queryRaw`SELECT 1 FROM establishments WHERE id = ${establishmentId}::uuid FOR SHARE`;
    const establishment = await tx.establishment.findUnique({ where: { id: establishmentId } });
    if (!establishment) return establishmentNotFound();
    const known = await tx.chalet.findUnique({ where: { id } });
    if (known) return { ok: true as const, value: toChalet(known, establishment) };
    const chalet = await tx.chalet.create({
      data: { id, establishmentId, ...input.chalet, version: 1, createdAt: at, updatedAt: at },
    });
    await tx.outbox.create({
      data: chaletEventRow('created', { ...chalet, establishment }, at, { newId: ctx.newId, ...origin }),
    });
    return { ok: true as const, value: toChalet(chalet, establishment) };
  });
}

/** Changes a chalet, archives it or offers it again. What is booked stays booked, at the price it was booked for. */
export async function updateChalet(
  ctx: BookingContext,
  input: { actor: Actor; chaletId: string; patch: z.output<typeof chaletPatch> },
  origin: Origin,
): Promise<Result<Chalet>> {
  const { actor, chaletId } = input;
  const at = ctx.now();
  const { archived, ...fields } = definedOf(input.patch);
  return inTransaction(ctx, async tx => {
    const locked = await lockChalet(tx, chaletId);
    if (!locked || !mayManage(actor, locked.establishmentId)) return chaletNotFound();
    const before = await tx.chalet.findUnique({ where: { id: chaletId }, include: { establishment: true } });
    if (!before) return chaletNotFound();
    const known = toChalet(before, before.establishment);
    const current: Record<string, unknown> = known;
    const turnsArchived = archived !== undefined && archived !== (before.archivedAt !== null);
    if (!turnsArchived && Object.entries(fields).every(([field, value]) => isDeepStrictEqual(current[field], value))) {
      return { ok: true as const, value: known };
    }
    const problems = findLimitProblems({ ...known, ...fields });
    if (problems.length > 0) {
      return refuse(
        'validation_failed',
        'The chalet cannot be changed like this.',
        problems.map(({ path, message }) => ({ path: path.join('.'), message })),
      );
    }
    const chalet = await tx.chalet.update({
      where: { id: chaletId },
      data: {
        ...fields,
        ...(turnsArchived ? { archivedAt: archived ? at : null } : {}),
        version: { increment: 1 },
        updatedAt: at,
      },
      include: { establishment: true },
    });
    const kind = turnsArchived && archived ? 'archived' : 'updated';
    await tx.outbox.create({ data: chaletEventRow(kind, chalet, at, { newId: ctx.newId, ...origin }) });
    return { ok: true as const, value: toChalet(chalet, chalet.establishment) };
  });
}
