import { type availabilityRequests, dateInZone, ok, type Result } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { describeDays } from '../availability.ts';
import { consultDatabase, readChalet, type Sources } from '../sources.ts';

/** A chalet's public calendar: one entry a day, from the database alone, so that it is quick to page through. */
export async function describeCalendar(
  sources: Sources,
  asked: z.output<typeof availabilityRequests.calendar.input>,
  requestId: string,
): Promise<Result<z.input<typeof availabilityRequests.calendar.output>>> {
  const [chalet, database] = await Promise.all([
    readChalet(sources, asked.chaletId, requestId),
    consultDatabase(sources, asked, requestId),
  ]);
  if (!chalet.ok) return chalet;
  const today = dateInZone(sources.now(), chalet.value.timezone);
  return ok({ items: describeDays(chalet.value, asked, database.items, today), nextCursor: null });
}
