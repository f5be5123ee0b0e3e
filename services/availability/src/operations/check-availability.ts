import { type Availability, type availabilityRequests, dateInZone, ok, type Result } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { decideAvailability } from '../availability.ts';
import { consultDatabase, consultGoogle, readChalet, type Sources } from '../sources.ts';

/** Scenario 3: may this stay be booked? Consults the database and Google at once and decides over both. */
export async function checkAvailability(
  sources: Sources,
  asked: z.output<typeof availabilityRequests.check.input>,
  requestId: string,
): Promise<Result<Availability>> {
  const [chalet, database, google] = await Promise.all([
    readChalet(sources, asked.chaletId, requestId),
    consultDatabase(sources, asked, requestId),
    consultGoogle(sources, asked, requestId),
  ]);
  if (!chalet.ok) return chalet;
  const today = dateInZone(sources.now(), chalet.value.timezone);
  return ok(decideAvailability(chalet.value, asked, database, google, today));
}
