import type { Logger } from '@monde-sauvage/service-kit';
import { UnavailableError } from './unavailable-error.ts';

/** A repair can be lost as what it repairs was, and what it does not mend is not repaired for ever in haste. */
const againMs = 3_600_000;

/** What two copies differ in about one thing (a chalet), in words that change with the difference; null when they agree. */
export interface Comparison {
  id: string;
  difference: string | null;
}

/**
 * Decides what is repaired of two copies that are compared again and again. A difference counts once it was seen in two
 * looks in a row, unchanged: one look may fall between a commit and its event. It is repaired then, and hourly for as long
 * as it stays the same. A repair that fails is logged, tried at the next look, and keeps no other one from being made.
 * @returns takes in one look, whole or as far as it came
 * @throws UnavailableError of a look or a repair: whoever is asked is away, and the rest of the look would be in vain
 */
export function createRepairs(o: {
  repair: (id: string, difference: string) => Promise<void>;
  now: () => Date;
  logger: Logger;
}): (look: AsyncIterable<Comparison>) => Promise<void> {
  let suspects = new Map<string, string>();
  const repaired = new Map<string, { difference: string; at: number }>();

  const repair = async (id: string, difference: string) => {
    const at = o.now().getTime();
    const before = repaired.get(id);
    if (before?.difference === difference && at - before.at < againMs) return;
    try {
      await o.repair(id, difference);
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      o.logger.error({ err: error, id, difference }, 'what two copies differ in could not be repaired');
      return;
    }
    repaired.set(id, { difference, at });
  };

  return async look => {
    const seen = new Map<string, string>();
    for await (const { id, difference } of look) {
      if (difference === null) {
        repaired.delete(id);
        continue;
      }
      seen.set(id, difference);
      if (suspects.get(id) === difference) await repair(id, difference);
    }
    suspects = seen;
  };
}
