import {
  type Actor,
  dateInZone,
  type googleOverview,
  mayManage,
  ok,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { civilDateToDb } from '@monde-sauvage/persistence';
import type { z } from 'zod';
import type { Context } from '../context.ts';
import { describeLeft } from '../domain/left-mirrors.ts';
import { describeProblem } from '../domain/problems.ts';
import type { Calendar, Chalet, Connection, Mirror, Prisma } from '../generated/prisma/client.ts';
import { countConflicts, listConflicts } from '../stores/conflict-store.ts';
import { unmetDecisions, viewDecision } from '../stores/decision-store.ts';
import { countLeftEvents } from '../stores/external-event-store.ts';
import { countLeft } from '../stores/left-mirror-store.ts';
import { countBeingRemoved } from '../stores/mirror-store.ts';

type Overview = z.input<typeof googleOverview>;
type CalendarView = Overview['calendars'][number];

const mostProblems = 20;
const iso = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;

/** How an establishment's Google connection does: what is wrong, since when, and what waits for it. */
export async function overview(
  context: Context,
  input: { actor: Actor; establishmentId: string },
): Promise<Result<Overview>> {
  const { establishmentId } = input;
  if (!mayManage(input.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const [connection, calendars, chalets] = await Promise.all([
    context.db.connection.findUnique({ where: { establishmentId } }),
    context.db.calendar.findMany({ where: { establishmentId }, orderBy: { chaletId: 'asc' } }),
    context.db.chalet.findMany({ where: { establishmentId } }),
  ]);
  const views = await Promise.all(
    calendars.map(calendar =>
      viewCalendar(
        context,
        calendar,
        chalets.find(({ id }) => id === calendar.chaletId),
      ),
    ),
  );
  const [leftEvents, left, beingRemoved] = await Promise.all([
    countLeftEvents(context, establishmentId),
    countLeft(context, establishmentId, mostProblems),
    countBeingRemoved(context, establishmentId),
  ]);
  const leftMirrors = {
    events: left[0]?.total ?? 0,
    calendars: left.map(({ calendarId, account, events, ...why }) => ({
      calendarId,
      account,
      events,
      problem: describeLeft({ account, events, ...why }),
    })),
  };
  return ok({
    establishmentId,
    connection: viewConnection(connection),
    calendars: views,
    leftEvents,
    leftMirrors,
    beingRemoved,
  });
}

const viewConnection = (connection: Connection | null): Overview['connection'] => ({
  status: connection === null ? 'not_connected' : connection.status === 'active' ? 'active' : 'revoked',
  account: connection?.account ?? null,
  connectedAt: iso(connection?.connectedAt),
  reason: connection?.reason ?? null,
  since: iso(connection?.since),
  problem: connection?.status === 'revoked' ? describeProblem('revoked', connection.since) : null,
});

async function viewCalendar(context: Context, calendar: Calendar, chalet: Chalet | undefined): Promise<CalendarView> {
  const { chaletId, calendarId } = calendar;
  const [counts, problems, channel, conflicts, conflictList, decisions] = await Promise.all([
    context.db.mirror.groupBy({ by: ['state'], where: { chaletId, ...isToCome(context, chalet) }, _count: true }),
    context.db.mirror.findMany({
      where: { chaletId, state: { in: ['wanted', 'blocked', 'failed'] }, lastError: { not: null } },
      orderBy: { updatedAt: 'desc' },
      take: mostProblems,
    }),
    context.db.channel.findFirst({
      where: { chaletId, generation: calendar.generation, stoppedAt: null, expiresAt: { not: null } },
      orderBy: { expiresAt: 'desc' },
    }),
    countConflicts(context, chaletId),
    listConflicts(context, chaletId, mostProblems),
    context.db.driftDecision.findMany({
      where: { chaletId, establishmentId: calendar.establishmentId, ...unmetDecisions },
      orderBy: { id: 'asc' },
      take: mostProblems,
    }),
  ]);
  const count = (state: string) => counts.find(row => row.state === state)?._count ?? 0;
  return {
    chaletId,
    chaletName: chalet?.name ?? null,
    calendarId,
    ...condition(calendar, problems),
    lastSyncAt: iso(calendar.lastSyncAt),
    lastPushAt: iso(calendar.lastPushAt),
    channelExpiresAt: iso(channel?.expiresAt),
    channelProblem: calendar.watchError,
    mirrors: {
      synced: count('synced'),
      waiting: count('wanted'),
      failed: count('failed'),
      blocked: count('blocked'),
      awaitingDecision: count('awaiting_decision'),
    },
    conflicts,
    conflictList,
    problems: problems.map(({ bookingId, state, lastError }) => ({ bookingId, state, reason: lastError ?? '' })),
    decisions: decisions.map(viewDecision),
  };
}

/** Not what waits for nothing: stays that were over before there was a calendar are wanted, and never made. */
function isToCome(context: Context, chalet: Chalet | undefined): Prisma.MirrorWhereInput {
  const today = dateInZone(context.now(), chalet?.timezone ?? 'UTC');
  return {
    OR: [{ state: { not: 'wanted' } }, { nextAttemptAt: { not: null } }, { endDate: { gte: civilDateToDb(today) } }],
  };
}

/** A calendar that can be read but not written is not well either. */
function condition(
  calendar: Calendar,
  problems: Mirror[],
): Pick<CalendarView, 'status' | 'reason' | 'since' | 'problem'> {
  const { status, reason, since } = calendar;
  const worst = problems.find(({ state }) => state === 'blocked') ?? problems[0];
  if (status === 'ok' && worst !== undefined) {
    const from = worst.problemSince ?? worst.updatedAt;
    return {
      status: worst.state === 'blocked' ? 'blocked' : 'failing',
      reason: worst.lastError,
      since: iso(from),
      problem: describeProblem(worst.problem ?? 'internal', from),
    };
  }
  const known = status === 'syncing' || status === 'failing' || status === 'blocked' ? status : 'ok';
  const isWrong = (known === 'failing' || known === 'blocked') && since !== null;
  return {
    status: known,
    reason,
    since: iso(since),
    problem: isWrong ? describeProblem(calendar.problem ?? 'internal', since) : null,
  };
}
