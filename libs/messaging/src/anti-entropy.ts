import { bookingRequests, type CivilDate } from '@monde-sauvage/contracts';
import type { Worker } from '@monde-sauvage/service-kit';
import type pg from 'pg';
import { z } from 'zod';
import { type DigestSweep, startDigestSweep } from './digest-sweep.ts';
import { request } from './request.ts';

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

/**
 * The anti-entropy sweep of a service that keeps a copy of what booking announces: JetStream is a transport, and a
 * stream that was lost or rolled back is a normal fault. Compares digests chalet by chalet and has what differs
 * announced again.
 * The copy's chalets are expected in a table `chalets (id, version)`.
 */
export function startAntiEntropySweep(o: DigestSweep & { pool: pg.Pool; copy: BookingCopy }): Worker {
  const { source } = o.copy;
  const resends = o.metrics.counter(
    'anti_entropy_resends_total',
    'Chalets whose copy differed and was asked for again',
  );
  return startDigestSweep({
    ...o,
    name: 'anti-entropy',
    source,
    async compare(digests, endingFrom) {
      const ids = digests.map(({ chaletId }) => chaletId);
      const local = await readLocalDigests(o.pool, o.copy, ids, endingFrom);
      return digests.map(theirs => {
        const ours = local.get(theirs.chaletId);
        const isSame = ours !== undefined && describe(ours) === describe(theirs);
        const difference = isSame ? null : `${describe(theirs)} / ${ours ? describe(ours) : 'nothing'}`;
        return { id: theirs.chaletId, difference };
      });
    },
    async repair(chaletId, difference, endingFrom) {
      o.logger.warn({ chaletId, difference }, 'the copy of a chalet differs; asking for it again');
      await request(o.nc, bookingRequests.resendChalet, { endingFrom, source, chaletId });
      resends.inc();
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
