import { establishmentRequests } from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import type { Context } from '../context.ts';
import type { Chalet } from '../generated/prisma/client.ts';

/**
 * A chalet for which its owner wants something now. One whose event has not arrived yet is asked of booking, and kept as
 * version 0, which every event is newer than. null when there is none.
 * @throws UnavailableError when it is not known here and booking does not answer
 */
export async function findChalet(context: Context, chaletId: string): Promise<Chalet | null> {
  const known = await context.db.chalet.findUnique({ where: { id: chaletId } });
  if (known !== null) return known;
  const asked = await request(context.nats, establishmentRequests.getChalet, { chaletId });
  if (!asked.ok) return null;
  const { id, establishmentId, name, timezone, locale, archived } = asked.value;
  await context.db.chalet.createMany({
    data: [{ id, establishmentId, name, timezone, locale, archived, version: 0 }],
    skipDuplicates: true,
  });
  return context.db.chalet.findUnique({ where: { id: chaletId } });
}
