import { ok, type Result } from '@monde-sauvage/contracts';
import { civilDateFromDb } from '@monde-sauvage/persistence';
import type { CalendarSyncer, SyncOutcome } from '../calendar-syncer.ts';
import type { Context } from '../context.ts';
import { type Freshness, freshnessAfter, isFailing, isFresh, type RefreshOutcome } from '../domain/freshness.ts';
import type { Calendar } from '../generated/prisma/client.ts';

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
  const { AVAILABILITY_MAX_STALENESS_SECONDS: maxAgeSeconds, GOOGLE_CONSULT_TIMEOUT_MS: deadlineMs } = context.config;
  const now = context.now();
  const oldest = new Date(now.getTime() - maxAgeSeconds * 1_000);
  const connection = await context.db.connection.findUnique({ where: { establishmentId }, select: { status: true } });
  if (connection?.status === 'revoked') return { status: 'unreachable', syncedAt: lastSyncAt };
  if (isFresh(calendar, oldest)) return { status: 'fresh', syncedAt: lastSyncAt };
  // Checks during an outage do not multiply the tries: the next one is planned already.
  if (isFailing(calendar) && calendar.nextSyncAt > now) return { status: 'unreachable', syncedAt: lastSyncAt };
  const outcome = await withDeadline(syncer.sync(chaletId, { join: true, seen: lastSyncAt }), deadlineMs);
  const after = (await context.db.calendar.findUnique({ where: { chaletId } })) ?? calendar;
  return { status: freshnessAfter(after, outcome, oldest), syncedAt: after.lastSyncAt };
}

async function withDeadline(sync: Promise<SyncOutcome>, deadlineMs: number): Promise<RefreshOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const ended = sync.then(
    ({ status }) => status,
    () => 'failed' as const,
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}
