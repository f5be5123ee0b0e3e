import { type Actor, mayManage, ok, type Result, refuse } from '@monde-sauvage/contracts';
import { postgresErrorCode } from '@monde-sauvage/persistence';
import type { CalendarSyncer } from '../calendar-syncer.ts';
import type { Context, Transaction } from '../context.ts';
import { remove } from '../domain/plan-external-changes.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { isWritable } from '../google/calendar-api.ts';
import { GoogleCallError } from '../google/classify-error.ts';
import { changeExternalEvents } from '../stores/external-event-store.ts';
import { transact } from '../stores/transact.ts';
import { wakeMirrors } from '../stores/wake-mirrors.ts';
import { findChalet } from './find-chalet.ts';
import { refuseGoogleFailure, refuseNotConnected } from './refusals.ts';

const firstSyncPatienceMs = 8_000;

type Choice = Result<{ chaletId: string; calendarId: string | null }>;

/**
 * Ties a chalet to a calendar of the connected account, to another one, or (null) to none. Mirrors move by themselves:
 * each is removed from where it was and made where it belongs. The owner's events of the old calendar stop counting.
 * Answers once the new calendar was read for the first time, or that took too long.
 */
export async function chooseCalendar(
  context: Context,
  syncer: CalendarSyncer,
  input: { actor: Actor; chaletId: string; calendarId: string | null },
): Promise<Choice> {
  const { chaletId } = input;
  const chalet = await findChalet(context, chaletId);
  if (chalet === null || !mayManage(input.actor, chalet.establishmentId)) {
    return refuse('not_found', 'There is no such chalet.');
  }
  const { establishmentId } = chalet;
  const calendarId =
    input.calendarId === null ? ok(null) : await resolveCalendar(context, establishmentId, input.calendarId);
  if (!calendarId.ok) return calendarId;
  try {
    await transact(
      context.db,
      tx => storeChoice(tx, context, { chaletId, establishmentId, calendarId: calendarId.value }),
      { timeoutMs: 30_000 },
    );
  } catch (error) {
    if (postgresErrorCode(error) !== '23505') throw error;
    return refuse(
      'calendar_in_use',
      'This calendar already serves another chalet. Choose another one, or free it first.',
    );
  }
  await context.passing('calendar chosen, nobody woken');
  context.nudge.relay();
  context.nudge.mirrors();
  context.nudge.channels();
  if (calendarId.value !== null) await waitAtMost(firstSyncPatienceMs, syncer.sync(chaletId, { join: false }));
  return ok({ chaletId, calendarId: calendarId.value });
}

/** The calendar's own id (`primary` is only a name for one), if mirrors can be written there. */
async function resolveCalendar(
  context: Context,
  establishmentId: string,
  calendarId: string,
): Promise<Result<string | null>> {
  const access = await context.google.access(establishmentId);
  if (access.status !== 'active') return refuseNotConnected(access);
  try {
    const entry = await access.api.getCalendar(calendarId);
    if (!isWritable(entry)) {
      return refuse('forbidden', 'The connected Google account may not write to this calendar.');
    }
    return ok(entry.id ?? calendarId);
  } catch (error) {
    if (!(error instanceof GoogleCallError)) throw error;
    if (error.failure.kind !== 'not_found') return refuseGoogleFailure(error);
    return refuse('not_found', 'The connected Google account has no such calendar.');
  }
}

async function storeChoice(
  tx: Transaction,
  context: Context,
  o: { chaletId: string; establishmentId: string; calendarId: string | null },
): Promise<void> {
  const { chaletId, establishmentId, calendarId } = o;
  const now = context.now();
  // Also makes two choices at once follow each other. Counted here, as it must outlive the calendar's row: channels and
  // syncs of an earlier choice must not be taken for this one's.
  const { calendarGeneration: generation } = await tx.chalet.update({
    where: { id: chaletId },
    data: { calendarGeneration: { increment: 1 } },
  });
  await tx.$queryRaw`SELECT 1 FROM calendars WHERE chalet_id = ${chaletId}::uuid FOR UPDATE`;
  const current = await tx.calendar.findUnique({ where: { chaletId } });
  // Also what was left when Google was disconnected.
  await changeExternalEvents(
    tx,
    context,
    { chaletId, establishmentId },
    {
      which: Prisma.sql`calendar_id IS DISTINCT FROM ${calendarId}::text`,
      plan: rows => rows.map(row => remove(row, 'the calendar is not used any more')),
    },
  );
  if (calendarId === null) {
    await tx.calendar.deleteMany({ where: { chaletId } });
  } else if (current?.calendarId === calendarId) {
    // Chosen again: the owner mended something in Google and wants us to look.
    await tx.calendar.update({ where: { chaletId }, data: { nextSyncAt: now, watchAt: null } });
  } else {
    const fresh = {
      establishmentId,
      calendarId,
      generation,
      syncToken: null,
      lastSyncAt: null,
      lastFullSyncAt: null,
      lastPushAt: null,
      nextSyncAt: now,
      leaseOwner: null,
      leaseUntil: null,
      failures: 0,
      status: 'syncing',
      reason: null,
      problem: null,
      since: null,
      echoes: 0,
      echoesUntil: null,
      watchAt: null,
      watchFailures: 0,
    };
    await tx.calendar.upsert({ where: { chaletId }, create: { chaletId, ...fresh }, update: fresh });
  }
  await wakeMirrors(tx, { establishmentId, chaletId, now });
}

async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), limit]).finally(() => clearTimeout(timer));
}
