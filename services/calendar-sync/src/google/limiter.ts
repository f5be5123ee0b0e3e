import type { Clock } from '@monde-sauvage/service-kit';
import type { Database } from '../context.ts';
import type { Timing } from '../timing.ts';
import { GoogleCallError } from './classify-error.ts';

/** Calls at once; with `callSpacingMs` it keeps to Google's 600 a minute for each user (Calendar API, "Manage quotas"). */
const burst = 40;

/** Rather than wait longer than this, a call fails and its work is scheduled anew. */
const patienceMs = 2_000;

/**
 * Waits until a connection may call Google. The state is one row that all replicas share (the generic cell rate
 * algorithm: it holds the time at which the next call would be due, were they evenly spaced).
 * @throws GoogleCallError `quota` when the turn would come too late, or Google asked for a pause; `revoked` when the
 * connection was revoked or forgotten since the caller looked
 */
export async function takeTurn(
  db: Database,
  establishmentId: string,
  clock: Clock,
  spacingMs: Timing['callSpacingMs'],
): Promise<void> {
  const now = clock();
  const latest = new Date(now.getTime() + patienceMs + burst * spacingMs);
  const turns = await db.$queryRaw<{ limiter_at: Date }[]>`
    UPDATE connections
       SET limiter_at = GREATEST(COALESCE(limiter_at, ${now}::timestamptz), ${now}::timestamptz)
                        + make_interval(secs => ${spacingMs / 1_000}::float8)
     WHERE establishment_id = ${establishmentId}::uuid AND status = 'active'
       AND (limiter_at IS NULL OR limiter_at <= ${latest}::timestamptz)
       AND (paused_until IS NULL OR paused_until <= ${now}::timestamptz)
    RETURNING limiter_at`;
  const turn = turns[0];
  if (turn === undefined) {
    const row = await db.connection.findUnique({ where: { establishmentId } });
    if (row?.status !== 'active') {
      throw new GoogleCallError({ kind: 'revoked', reason: row?.reason ?? 'not connected to Google' });
    }
    const pauseMs = row.pausedUntil ? Math.max(0, row.pausedUntil.getTime() - now.getTime()) : 0;
    const reason = pauseMs > 0 ? 'Google asked for a pause' : 'too many calls to Google at once';
    throw new GoogleCallError({ kind: 'quota', reason, retryAfterMs: pauseMs > 0 ? pauseMs : patienceMs });
  }
  const waitMs = turn.limiter_at.getTime() - (burst + 1) * spacingMs - now.getTime();
  if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs));
}

/** Nobody calls Google for this connection before then. */
export async function pause(db: Database, establishmentId: string, until: Date): Promise<void> {
  await db.$executeRaw`
    UPDATE connections SET paused_until = GREATEST(COALESCE(paused_until, ${until}::timestamptz), ${until}::timestamptz)
     WHERE establishment_id = ${establishmentId}::uuid`;
}
