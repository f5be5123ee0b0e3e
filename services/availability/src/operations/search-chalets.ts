import {
  type availabilityRequests,
  dateInZone,
  findUnpayable,
  id,
  nightsOf,
  ok,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { quoteStay } from '../availability.ts';
import { findFreeChalets } from '../read-model.ts';
import type { Sources } from '../sources.ts';

type Search = typeof availabilityRequests.search;

/**
 * Chalets that are free for a stay, each with its quote, from the read model alone: one statement whatever their
 * number. It may trail the truth by the milliseconds an event needs, and no calendar is consulted; booking decides.
 */
export async function searchChalets(
  sources: Sources,
  asked: z.output<Search['input']>,
): Promise<Result<z.input<Search['output']>>> {
  const after = asked.cursor === undefined ? null : id.safeParse(asked.cursor).data;
  if (after === undefined) {
    return refuse('validation_failed', 'The cursor is not one this list gave out.', [
      { path: 'cursor', message: 'must be a nextCursor of this list' },
    ]);
  }
  const now = sources.now();
  const stay = { startDate: asked.from, endDate: asked.to };
  const found = await findFreeChalets(sources.db, {
    from: asked.from,
    to: asked.to,
    nights: nightsOf(stay),
    guests: asked.guests ?? null,
    establishmentId: asked.establishmentId ?? null,
    after,
    limit: asked.limit + 1,
    now,
  });
  const page = found.slice(0, asked.limit);
  const items = page.flatMap(({ version, whenGoogleUnreachable, createdAt, updatedAt, ...chalet }) => {
    const today = dateInZone(now, chalet.timezone);
    const quote = quoteStay(chalet, stay, { guests: asked.guests ?? null, today });
    return asked.from >= today && findUnpayable(quote) === undefined ? [{ chalet, quote }] : [];
  });
  return ok({ items, nextCursor: found.length > asked.limit ? (page.at(-1)?.id ?? null) : null });
}
