import { bookingRequests, type CivilDate, comparedFrom, type Result } from '@monde-sauvage/contracts';
import { type Logger, type Metrics, startWorker, type Worker } from '@monde-sauvage/service-kit';
import type { NatsConnection } from 'nats';
import type { z } from 'zod';
import { type Comparison, createRepairs } from './repairs.ts';
import { request } from './request.ts';
import { UnavailableError } from './unavailable-error.ts';

const pageSize = 200;

type Digests = z.output<typeof bookingRequests.digestChalets.output>;

export interface DigestSweep {
  nc: NatsConnection;
  everyMs: number;
  now: () => Date;
  logger: Logger;
  metrics: Metrics;
}

/**
 * Compares what this service holds with booking's digests, chalet by chalet, again and again, and repairs what differs
 * (when: `createRepairs`). Stays that ended long ago are not compared, so that the cost does not grow with the past.
 * @param o.compare one page of booking's digests with what is held here of stays that end on `endingFrom` or later
 */
export function startDigestSweep(
  o: DigestSweep & {
    name: string;
    source: 'all' | 'website';
    withCalendar?: boolean;
    compare: (digests: Digests['items'], endingFrom: CivilDate) => Promise<Comparison[]>;
    repair: (chaletId: string, difference: string, endingFrom: CivilDate) => Promise<void>;
  },
): Worker {
  const { source, withCalendar } = o;

  async function* look(endingFrom: CivilDate, signal: AbortSignal): AsyncGenerator<Comparison> {
    const scope = { endingFrom, source, withCalendar, limit: pageSize };
    let after: string | null = null;
    do {
      const page: Result<Digests> = await request(o.nc, bookingRequests.digestChalets, { ...scope, after });
      if (!page.ok) throw new Error(`booking refused a digest: ${page.refusal.message}`);
      yield* await o.compare(page.value.items, endingFrom);
      after = page.value.next;
    } while (after !== null && !signal.aborted);
  }

  const takeIn = createRepairs({
    now: o.now,
    logger: o.logger,
    repair: (chaletId, difference) => o.repair(chaletId, difference, comparedFrom(o.now())),
  });

  return startWorker({
    name: o.name,
    everyMs: o.everyMs,
    logger: o.logger,
    metrics: o.metrics,
    async run(signal) {
      try {
        await takeIn(look(comparedFrom(o.now()), signal));
      } catch (error) {
        // Booking is away: there is nothing to compare with, and /readyz of booking says so.
        if (!(error instanceof UnavailableError)) throw error;
      }
    },
  });
}
