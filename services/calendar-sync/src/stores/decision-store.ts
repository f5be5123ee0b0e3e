import { calendarEvents, driftDecision, driftKind } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { Context, Database, Transaction } from '../context.ts';
import type { Drift } from '../domain/drift.ts';
import { type DriftDecision, Prisma } from '../generated/prisma/client.ts';
import type { Mirror } from './mirror-store.ts';
import { writeEvents } from './outbox-store.ts';

/** What is not over: the question waits, booking is being asked to cancel, or the writer is to put the event back. */
export const openStatuses = ['waiting', 'cancelling', 'restoring'];

/** Those that still wait for somebody: one whose cancellation is under way may come back. */
export const unmetDecisions = { status: { in: ['waiting', 'cancelling'] } };

const shownPart = driftDecision.shape.from;

/** As the owner sees it. Who puts an event back is the writer, which never gives up: that counts as done. */
export function viewDecision(row: DriftDecision): z.input<typeof driftDecision> {
  const status = { cancelling: 'waiting', restoring: 'restored' }[row.status] ?? row.status;
  return {
    id: row.id,
    chaletId: row.chaletId,
    bookingId: row.bookingId,
    reference: row.reference,
    kinds: row.kinds.map(kind => driftKind.parse(kind)),
    description: row.drift,
    from: shownPart.parse(row.wanted),
    to: row.found === null ? null : shownPart.parse(row.found),
    since: row.since.toISOString(),
    status: driftDecision.shape.status.parse(status),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    underWay: { cancelling: 'cancel' as const, restoring: 'restore' as const }[row.status] ?? null,
    problem: row.problem,
  };
}

/** The open decisions about some bookings' mirrors, by booking. */
export async function findOpenDecisions(db: Database, bookingIds: string[]): Promise<Map<string, DriftDecision>> {
  const rows = await db.driftDecision.findMany({
    where: { bookingId: { in: bookingIds }, status: { in: openStatuses } },
  });
  return new Map(rows.map(row => [row.bookingId, row]));
}

/** Puts a drift to the owner, or brings the question up to date that waits already; announced when it says something new. */
export async function askOwner(tx: Transaction, context: Context, mirror: Mirror, drift: Drift): Promise<void> {
  const { bookingId, chaletId, establishmentId, written } = mirror;
  const now = context.now();
  await tx.$queryRaw`SELECT 1 FROM drift_decisions WHERE booking_id = ${bookingId}::uuid FOR UPDATE`;
  const before = await tx.driftDecision.findUnique({ where: { bookingId } });
  const open = before !== null && openStatuses.includes(before.status) ? before : undefined;
  const seen = {
    kinds: drift.kinds,
    drift: drift.words,
    reference: mirror.desired.reference,
    wanted: shown(written ?? { summary: '', ...mirror.desired }),
    found: drift.found === null ? Prisma.DbNull : shown(drift.found),
  };
  const question = { id: context.newId(), chaletId, establishmentId, status: 'waiting', since: now, decidedAt: null };
  const decision = await tx.driftDecision.upsert({
    where: { bookingId },
    create: { bookingId, ...question, ...seen },
    update: { ...(open ? {} : { ...question, problem: null }), ...seen },
  });
  if (decision.status !== 'waiting' || open?.drift === drift.words) return;
  const { id: decisionId } = decision;
  const { kinds, words } = drift;
  const body = { decisionId, bookingId, chaletId, establishmentId, kinds, drift: words, at: now.toISOString() };
  await writeEvents(tx, context, calendarEvents.driftAwaitsDecision, [{ aggregateId: bookingId, body }]);
}

const shown = ({ summary, startDate, endDate }: { summary: string; startDate: string; endDate: string }) => ({
  title: summary,
  startDate,
  endDate,
});

/**
 * Ends an open decision whose event is as the booking wants it again. `undone`: somebody put it right by hand, which is
 * announced; what was restored is told by `calendar.mirror_restored`.
 */
export async function endDecision(
  tx: Transaction,
  context: Context,
  bookingId: string,
  outcome: 'restored' | 'undone',
): Promise<void> {
  const now = context.now();
  const ended = await tx.driftDecision.updateManyAndReturn({
    where: { bookingId, status: { in: ['waiting', 'restoring'] } },
    data: { status: outcome, decidedAt: now },
  });
  if (outcome === 'restored') return;
  const events = ended.map(({ id, drift }) => ({
    aggregateId: bookingId,
    body: { decisionId: id, bookingId, outcome, by: 'calendar' as const, drift, at: now.toISOString() },
  }));
  await writeEvents(tx, context, calendarEvents.driftDecided, events);
}

/**
 * Nothing is left to decide: the booking is cancelled, or its event belongs somewhere else by now. What was decided to be
 * cancelled will be, wherever the event is.
 */
export async function closeDecisions(
  tx: Pick<Transaction, 'driftDecision'>,
  where: { bookingId: string } | { establishmentId: string },
  now: Date,
): Promise<void> {
  await tx.driftDecision.updateMany({
    where: { ...where, status: { in: ['waiting', 'restoring'] } },
    data: { status: 'closed', decidedAt: now },
  });
}
