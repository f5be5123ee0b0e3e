import { z } from 'zod';
import { chaletPages, count, endingFrom, type Finding, type Look } from './look.ts';

const overlap = z.object({ id: z.string(), other: z.string(), chaletId: z.string() });
const misflagged = z.object({ id: z.string(), source: z.string(), status: z.string(), conflict: z.boolean() });
const totals = z.object({ website: z.int(), external: z.int(), flagged: z.int() });

/**
 * A: no two bookings that hold nights overlap on a chalet. What an owner does in Google may overlap a website booking:
 * then both are flagged, and nothing else is.
 */
export async function checkNoOverlap(look: Look): Promise<Finding> {
  const { booking } = look.databases;
  const violations: string[] = [];
  const seen = { website: 0, external: 0, flagged: 0, chalets: 0 };
  for await (const chalets of chaletPages(look)) {
    const scope = [chalets, endingFrom(look)];
    const overlaps = await booking.rows(
      overlap,
      `SELECT a.id, b.id AS other, a.chalet_id AS "chaletId"
       FROM bookings a JOIN bookings b ON b.chalet_id = a.chalet_id AND b.id > a.id
        AND b.start_date < a.end_date AND a.start_date < b.end_date
       WHERE a.chalet_id = ANY($1::uuid[]) AND a.end_date >= $2 AND b.end_date >= $2
         AND a.source = 'website' AND b.source = 'website' AND a.status <> 'cancelled' AND b.status <> 'cancelled'
       ORDER BY a.id, b.id`,
      scope,
    );
    for (const { id, other, chaletId } of overlaps) {
      violations.push(`bookings ${id} and ${other} hold the same night of chalet ${chaletId}`);
    }
    const flags = await booking.rows(
      misflagged,
      `SELECT id, source, status, conflict FROM (
         SELECT b.id, b.source, b.status, b.conflict, b.status <> 'cancelled' AND EXISTS (
           SELECT FROM bookings o
           WHERE o.chalet_id = b.chalet_id AND o.status <> 'cancelled' AND o.source <> b.source
             AND o.start_date < b.end_date AND o.end_date > b.start_date) AS contested
         FROM bookings b WHERE b.chalet_id = ANY($1::uuid[]) AND b.end_date >= $2) AS flags
       WHERE conflict <> contested ORDER BY id`,
      scope,
    );
    for (const { id, source, status, conflict } of flags) {
      const other = source === 'website' ? 'an external one' : 'a website booking';
      violations.push(
        conflict
          ? `booking ${id} (${source}, ${status}) is flagged as a conflict and shares no night with ${other}`
          : `booking ${id} (${source}, ${status}) shares a night with ${other} and is not flagged`,
      );
    }
    const [total] = await booking.rows(
      totals,
      `SELECT count(*) FILTER (WHERE source = 'website')::int AS website,
              count(*) FILTER (WHERE source = 'google')::int AS external,
              count(*) FILTER (WHERE conflict)::int AS flagged
       FROM bookings WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2 AND status <> 'cancelled'`,
      scope,
    );
    seen.chalets += chalets.length;
    seen.website += total?.website ?? 0;
    seen.external += total?.external ?? 0;
    seen.flagged += total?.flagged ?? 0;
  }
  return {
    invariant: 'A',
    promise: 'no night is sold twice',
    looked: `${count(seen.website, 'website booking')} and ${seen.external} external holding nights of ${count(seen.chalets, 'chalet')}, ${seen.flagged} flagged`,
    violations,
  };
}
