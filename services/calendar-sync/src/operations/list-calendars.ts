import { type Actor, mayManage, ok, type Result, refuse, type selectableCalendar } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { Context } from '../context.ts';
import { isWritable } from '../google/calendar-api.ts';
import { GoogleCallError } from '../google/classify-error.ts';
import { refuseGoogleFailure, refuseNotConnected } from './refusals.ts';

type Selectable = z.infer<typeof selectableCalendar>;

/** The calendars of the connected account, and which chalets they serve already. */
export async function listCalendars(
  context: Context,
  input: { actor: Actor; establishmentId: string },
): Promise<Result<{ items: Selectable[]; nextCursor: null }>> {
  const { establishmentId } = input;
  if (!mayManage(input.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const access = await context.google.access(establishmentId);
  if (access.status !== 'active') return refuseNotConnected(access);
  const chosen = await context.db.calendar.findMany({ where: { establishmentId } });
  const chaletOf = new Map(chosen.map(({ calendarId, chaletId }) => [calendarId, chaletId]));
  const items: Selectable[] = [];
  try {
    let pageToken: string | undefined;
    do {
      const page = await access.api.listCalendars(pageToken);
      for (const entry of page.items ?? []) {
        const { id, summary, summaryOverride, primary } = entry;
        if (!id) continue;
        items.push({
          calendarId: id,
          name: summaryOverride ?? summary ?? id,
          primary: primary ?? false,
          writable: isWritable(entry),
          chaletId: chaletOf.get(id) ?? null,
          inUse: false,
        });
      }
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
  } catch (error) {
    if (error instanceof GoogleCallError) return refuseGoogleFailure(error);
    throw error;
  }
  return ok({ items: await markUsedElsewhere(context, items), nextCursor: null });
}

/** An account may serve several establishments; whose chalet a calendar serves there is nobody else's business. */
async function markUsedElsewhere(context: Context, items: Selectable[]): Promise<Selectable[]> {
  const used = await context.db.calendar.findMany({
    where: { calendarId: { in: items.map(({ calendarId }) => calendarId) } },
    select: { calendarId: true },
  });
  const inUse = new Set(used.map(({ calendarId }) => calendarId));
  return items.map(item => ({ ...item, inUse: inUse.has(item.calendarId) }));
}
