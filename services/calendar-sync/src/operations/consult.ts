import { ok, type Result } from '@monde-sauvage/contracts';
import { civilDateFromDb } from '@monde-sauvage/persistence';
import type { CalendarSyncer, SyncOutcome } from '../calendar-syncer.ts';
import type { Context } from '../context.ts';
import type { Calendar } from '../generated/prisma/client.ts';

type Freshness = 'fresh' | 'stale' | 'unreachable' | 'not_connected';

interface Consultation {
  status: Freshness;
  syncedAt: string | null;
  busy: { googleEventId: string; startDate: string; endDate: string }[];
}

/**
 * Google's part of an availability answer: what our copy of the owner's events holds for a range, brought up to date
 * first when it is older than allowed. Whatever Google does, this answers within its deadline. A copy is only called
 * fresh while Google answers: after a sync that failed, and without a connection that works, it says unreachable.
 */
export async function consult(
  context: Context,
  syncer: CalendarSyncer,
  input: { chaletId: string; from: string; to: string },
): Promise<Result<Consultation>> {
  const { chaletId, from, to } = input;
  const calendar = await context.db.calendar.findUnique({ where: { chaletId } });
  if (calendar === null) return ok({ status: 'not_connected', syncedAt: null, busy: [] });
  const { status, syncedAt } = await refresh(context, syncer, calendar);
  const rows = await context.db.externalEvent.findMany({
    where: { chaletId, status: 'active', startDate: { lt: new Date(to) }, endDate: { gt: new Date(from) } },
    orderBy: { startDate: 'asc' },
  });
  const busy = rows.map(({ googleEventId, startDate, endDate }) => ({
    googleEventId,
    startDate: civilDateFromDb(startDate),
    endDate: civilDateFromDb(endDate),
  }));
  return ok({ status, syncedAt: syncedAt?.toISOString() ?? null, busy });
}

async function refresh(
  context: Context,
  syncer: CalendarSyncer,
  calendar: Calendar,
): Promise<{ status: Freshness; syncedAt: Date | null }> {
  const { chaletId, establishmentId, lastSyncAt } = calendar;
  const now = context.now();
  const oldest = now.getTime() - context.config.AVAILABILITY_MAX_STALENESS_SECONDS * 1_000;
  const isFresh = (one: Calendar) => !isFailing(one) && one.lastSyncAt !== null && one.lastSyncAt.getTime() >= oldest;
  const connection = await context.db.connection.findUnique({ where: { establishmentId }, select: { status: true } });
  if (connection?.status === 'revoked') return { status: 'unreachable', syncedAt: lastSyncAt };
  if (isFresh(calendar)) return { status: 'fresh', syncedAt: lastSyncAt };
  // Checks during an outage do not multiply the tries: the next one is planned already.
  if (isFailing(calendar) && calendar.nextSyncAt > now) return { status: 'unreachable', syncedAt: lastSyncAt };
  const outcome = await withDeadline(syncer.sync(chaletId, { join: true }), context.config.GOOGLE_CONSULT_TIMEOUT_MS);
  const after = (await context.db.calendar.findUnique({ where: { chaletId } })) ?? calendar;
  return { status: isFresh(after) ? 'fresh' : freshnessAfter(outcome), syncedAt: after.lastSyncAt };
}

/** Whether the last try failed: a success puts the status back. */
const isFailing = ({ status }: Calendar): boolean => status === 'failing' || status === 'blocked';

/** Google that says no or nothing is unreachable; a sync that is still under way leaves a copy that is merely old. */
function freshnessAfter(outcome: SyncOutcome | 'late'): Freshness {
  if (outcome === 'late' || outcome.status === 'failed') return 'unreachable';
  return outcome.status === 'not_connected' ? 'not_connected' : 'stale';
}

async function withDeadline(sync: Promise<SyncOutcome>, deadlineMs: number): Promise<SyncOutcome | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const failed = (error: unknown): SyncOutcome => ({ status: 'failed', kind: 'internal', reason: String(error) });
  return Promise.race([sync.catch(failed), late]).finally(() => clearTimeout(timer));
}
