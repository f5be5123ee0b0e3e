import {
  type Actor,
  decodeCursor,
  mayManage,
  pageOfRows,
  refuse,
  type standardPolicies,
} from '@monde-sauvage/contracts';
import { z } from 'zod';
import { policyOf, ratesColumns, toChalet, toEstablishment } from './establishment-rows.ts';
import type { PrismaClient } from './generated/prisma/client.ts';
import type { OfferedChalet } from './placement.ts';

export const establishmentNotFound = () => refuse('not_found', 'There is no such establishment.');
export const chaletNotFound = () => refuse('not_found', 'There is no such chalet.');

const offeredColumns = z.object(ratesColumns);
type OfferedRow = Omit<OfferedChalet, keyof typeof ratesColumns | 'policy'> & {
  cancellationPolicy: keyof typeof standardPolicies;
};

/** The rules of a chalet, by primary key, in one round trip: it stands on the path of every booking. */
export async function findOfferedChalet(prisma: PrismaClient, chaletId: string): Promise<OfferedChalet | undefined> {
  const [chalet] = await prisma.$queryRaw<OfferedRow[]>`
    SELECT c.id, c.establishment_id AS "establishmentId", c.capacity, c.nightly_rate AS "nightlyRate",
           c.cleaning_fee AS "cleaningFee", c.min_nights AS "minNights", c.max_nights AS "maxNights",
           c.weekend_rate AS "weekendRate", c.seasons, c.included_guests AS "includedGuests",
           c.extra_guest_fee AS "extraGuestFee", c.length_discounts AS "lengthDiscounts",
           c.archived_at IS NOT NULL AS archived, c.version, e.taxes, e.deposit,
           e.currency, e.timezone, e.locale, e.cancellation_policy::text AS "cancellationPolicy",
           e.cancellation_tiers AS "cancellationTiers", e.when_google_unreachable::text AS "whenGoogleUnreachable"
    FROM chalets c JOIN establishments e ON e.id = c.establishment_id
    WHERE c.id = ${chaletId}::uuid`;
  if (!chalet) return undefined;
  const { cancellationPolicy, cancellationTiers, ...row } = { ...chalet, ...offeredColumns.parse(chalet) };
  return { ...row, policy: policyOf(cancellationPolicy, cancellationTiers) };
}

export async function getEstablishment(prisma: PrismaClient, o: { establishmentId: string }) {
  const row = await prisma.establishment.findUnique({ where: { id: o.establishmentId } });
  return row ? { ok: true as const, value: toEstablishment(row) } : establishmentNotFound();
}

export async function getChalet(prisma: PrismaClient, o: { chaletId: string }) {
  const row = await prisma.chalet.findUnique({ where: { id: o.chaletId }, include: { establishment: true } });
  return row ? { ok: true as const, value: toChalet(row, row.establishment) } : chaletNotFound();
}

const idPosition = z.tuple([z.uuid()]);

/** The chalets an establishment offers, oldest first; archived ones are left out. */
export async function listChalets(
  prisma: PrismaClient,
  o: { establishmentId: string; limit: number; cursor?: string | undefined },
) {
  const establishment = await prisma.establishment.findUnique({ where: { id: o.establishmentId } });
  if (!establishment) return establishmentNotFound();
  const cursor = decodeCursor(idPosition, o.cursor);
  if (!cursor.ok) return cursor;
  const rows = await prisma.chalet.findMany({
    where: {
      establishmentId: o.establishmentId,
      archivedAt: null,
      ...(cursor.value && { id: { gt: cursor.value[0] } }),
    },
    orderBy: { id: 'asc' },
    take: o.limit + 1,
  });
  const value = pageOfRows(rows, o.limit, { item: row => toChalet(row, establishment), position: row => [row.id] });
  return { ok: true as const, value };
}

/** An establishment's keys that still work, without their secrets. */
export async function listKeys(
  prisma: PrismaClient,
  o: { actor: Actor; establishmentId: string; limit: number; cursor?: string | undefined },
) {
  const establishment = await prisma.establishment.findUnique({ where: { id: o.establishmentId } });
  if (!establishment || !mayManage(o.actor, o.establishmentId)) return establishmentNotFound();
  const cursor = decodeCursor(idPosition, o.cursor);
  if (!cursor.ok) return cursor;
  const rows = await prisma.apiKey.findMany({
    where: {
      establishmentId: o.establishmentId,
      revokedAt: null,
      ...(cursor.value && { id: { gt: cursor.value[0] } }),
    },
    orderBy: { id: 'asc' },
    take: o.limit + 1,
  });
  const value = pageOfRows(rows, o.limit, {
    item: row => ({
      id: row.id,
      name: row.name,
      createdAt: row.createdAt.toISOString(),
      lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    }),
    position: row => [row.id],
  });
  return { ok: true as const, value };
}
