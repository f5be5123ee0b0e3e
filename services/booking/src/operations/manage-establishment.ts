import { isDeepStrictEqual } from 'node:util';
import {
  type Actor,
  type Establishment,
  type establishmentPatch,
  mayManage,
  type newEstablishment,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { inTransaction } from '../booking-store.ts';
import type { BookingContext, Origin } from '../context.ts';
import { establishmentNotFound } from '../establishment-queries.ts';
import {
  chaletEventRow,
  establishmentEventRow,
  policyChoiceOf,
  settingColumns,
  toEstablishment,
} from '../establishment-rows.ts';
import { definedOf } from './patch.ts';

/** Only the platform's administrator takes in establishments. */
export async function createEstablishment(
  ctx: BookingContext,
  input: { actor: Actor; establishment: z.output<typeof newEstablishment> },
  origin: Origin,
): Promise<Result<Establishment>> {
  if (input.actor.kind !== 'admin') return refuse('forbidden', 'Only the administrator creates establishments.');
  const at = ctx.now();
  const id = ctx.newId();
  const { name, timezone, currency, locale, ...settings } = input.establishment;
  const row = await inTransaction(ctx, async tx => {
    // The id was fixed before the first try: a repeat after a lost connection finds its own row.
    const known = await tx.establishment.findUnique({ where: { id } });
    if (known) return known;
    const created = await tx.establishment.create({
      data: {
        id,
        // What a version that knows no tiers of one's own goes by.
        cancellationPolicy: 'moderate',
        ...{ name, timezone, currency, locale },
        ...settingColumns(settings),
        version: 1,
        createdAt: at,
        updatedAt: at,
      },
    });
    await tx.outbox.create({ data: establishmentEventRow('created', created, at, { newId: ctx.newId, ...origin }) });
    return created;
  });
  return { ok: true, value: toEstablishment(row) };
}

/**
 * Changes an establishment. Its chalets carry its time zone, language, taxes and deposit, so each gets a new version too;
 * a booking that was decided on the old ones is decided again. What is booked keeps its price and its policy.
 */
export async function updateEstablishment(
  ctx: BookingContext,
  input: { actor: Actor; establishmentId: string; patch: z.output<typeof establishmentPatch> },
  origin: Origin,
): Promise<Result<Establishment>> {
  const { actor, establishmentId } = input;
  if (!mayManage(actor, establishmentId)) return establishmentNotFound();
  const at = ctx.now();
  const events = { newId: ctx.newId, ...origin };
  const patch = definedOf(input.patch);
  return inTransaction(ctx, async tx => {
    await tx.$queryRaw`SELECT 1 FROM establishments WHERE id = ${establishmentId}::uuid FOR NO KEY UPDATE`;
    const before = await tx.establishment.findUnique({ where: { id: establishmentId } });
    if (!before) return establishmentNotFound();
    const current: Record<string, unknown> = { ...toEstablishment(before), cancellationPolicy: policyChoiceOf(before) };
    if (Object.entries(patch).every(([field, value]) => isDeepStrictEqual(current[field], value))) {
      return { ok: true as const, value: toEstablishment(before) };
    }
    const next = { version: { increment: 1 }, updatedAt: at };
    const establishment = await tx.establishment.update({
      where: { id: establishmentId },
      data: { ...settingColumns(patch), ...next },
    });
    // In order of id, as everywhere more than one chalet is locked.
    await tx.$queryRaw`SELECT 1 FROM chalets WHERE establishment_id = ${establishmentId}::uuid ORDER BY id FOR NO KEY UPDATE`;
    const chalets = await tx.chalet.updateManyAndReturn({ where: { establishmentId }, data: next });
    await tx.outbox.createMany({
      data: [
        establishmentEventRow('updated', establishment, at, events),
        ...chalets.map(chalet => chaletEventRow('updated', { ...chalet, establishment }, at, events)),
      ],
    });
    return { ok: true as const, value: toEstablishment(establishment) };
  });
}
