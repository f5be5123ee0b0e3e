import { bookingRequests, type CivilDate, comparedFrom } from '@monde-sauvage/contracts';
import { type Logger, type Metrics, startWorker, type Worker } from '@monde-sauvage/service-kit';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import { z } from 'zod';
import { type Comparison, createRepairs } from './repairs.ts';
import { request } from './request.ts';
import { UnavailableError } from './unavailable-error.ts';

const pageSize = 200;

/** Where a consumer keeps its copy of bookings: a table with these columns, `chalet_id`, `end_date` and `version`. */
export interface BookingCopy {
  table: string;
  idColumn: string;
  /** `website` when external bookings are not kept. */
  source: 'all' | 'website';
}

const localDigest = z.object({
  chaletId: z.string(),
  chaletVersion: z.int().nullable(),
  count: z.int(),
  hash: z.string(),
});
type Digest = z.infer<typeof localDigest>;

interface Scope {
  endingFrom: CivilDate;
  source: BookingCopy['source'];
}

/**
 * The anti-entropy sweep of a service that keeps a copy of what booking announces: JetStream is a transport, and a
 * stream that was lost or rolled back is a normal fault. Compares digests chalet by chalet, of stays that did not end long
 * ago, so that the cost does not grow with the past (`comparedFrom`), and has what differs announced again.
 * The copy's chalets are expected in a table `chalets (id, version)`.
 */
export function startAntiEntropySweep(o: {
  nc: NatsConnection;
  pool: pg.Pool;
  copy: BookingCopy;
  everyMs: number;
  now: () => Date;
  logger: Logger;
  metrics: Metrics;
}): Worker {
  const resends = o.metrics.counter(
    'anti_entropy_resends_total',
    'Chalets whose copy differed and was asked for again',
  );

  const readRemoteDigests = async (
    after: string | null,
    scope: Scope,
  ): Promise<{ items: Digest[]; next: string | null }> => {
    const answer = await request(o.nc, bookingRequests.digestChalets, { ...scope, after, limit: pageSize });
    if (!answer.ok) throw new Error(`booking refused a digest: ${answer.refusal.message}`);
    return answer.value;
  };

  async function* compareAll(endingFrom: CivilDate, signal: AbortSignal): AsyncGenerator<Comparison> {
    const scope = { endingFrom, source: o.copy.source };
    let after: string | null = null;
    do {
      const { items, next } = await readRemoteDigests(after, scope);
      const ids = items.map(item => item.chaletId);
      const local = await readLocalDigests(o.pool, o.copy, ids, endingFrom);
      for (const theirs of items) {
        const ours = local.get(theirs.chaletId);
        const isSame = ours !== undefined && describe(ours) === describe(theirs);
        const difference = isSame ? null : `${describe(theirs)} / ${ours ? describe(ours) : 'nothing'}`;
        yield { id: theirs.chaletId, difference };
      }
      after = next;
    } while (after !== null && !signal.aborted);
  }

  const takeIn = createRepairs({
    now: o.now,
    logger: o.logger,
    async repair(chaletId, difference) {
      o.logger.warn({ chaletId, difference }, 'the copy of a chalet differs; asking for it again');
      const scope = { endingFrom: comparedFrom(o.now()), source: o.copy.source };
      await request(o.nc, bookingRequests.resendChalet, { ...scope, chaletId });
      resends.inc();
    },
  });

  return startWorker({
    name: 'anti-entropy',
    everyMs: o.everyMs,
    logger: o.logger,
    metrics: o.metrics,
    run: async signal => {
      try {
        await takeIn(compareAll(comparedFrom(o.now()), signal));
      } catch (error) {
        // Booking is away: there is nothing to compare with, and /readyz of booking says so.
        if (!(error instanceof UnavailableError)) throw error;
      }
    },
  });
}

const describe = (digest: Digest) => `v${digest.chaletVersion} ${digest.count} ${digest.hash}`;

async function readLocalDigests(
  pool: pg.Pool,
  copy: BookingCopy,
  chaletIds: string[],
  endingFrom: CivilDate,
): Promise<Map<string, Digest>> {
  const { rows } = await pool.query(
    `SELECT c.id AS "chaletId", c.version AS "chaletVersion", d.count, d.hash
     FROM chalets c
     CROSS JOIN LATERAL (
       SELECT count(*)::int AS count,
              md5(coalesce(string_agg(b.${copy.idColumn} || ':' || b.version, ',' ORDER BY b.${copy.idColumn}), '')) AS hash
       FROM ${copy.table} b WHERE b.chalet_id = c.id AND b.end_date >= $2::date) d
     WHERE c.id = ANY($1::uuid[])`,
    [chaletIds, endingFrom],
  );
  return new Map(
    z
      .array(localDigest)
      .parse(rows)
      .map(digest => [digest.chaletId, digest]),
  );
}
