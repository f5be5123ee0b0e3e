import {
  type Actor,
  bookingRequests,
  calendarRequests,
  establishmentRequests,
  httpRoutes,
} from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { Ask } from '../auth.ts';
import { guarded, open, type ServedRoute } from '../route.ts';

/** How long the schedule waits for Google before it answers with the rows there are. */
const syncDeadlineMs = 2_000;

export const chaletRoutes: ServedRoute[] = [
  guarded(httpRoutes.createChalet, ({ ask, actor, params, body }) =>
    ask(establishmentRequests.createChalet, { actor, establishmentId: params.id, chalet: body }),
  ),
  open(httpRoutes.listChalets, ({ ask, params, query }) =>
    ask(establishmentRequests.listChalets, { establishmentId: params.id, ...query }),
  ),
  open(httpRoutes.getChalet, ({ ask, params }) => ask(establishmentRequests.getChalet, { chaletId: params.id })),
  guarded(httpRoutes.updateChalet, ({ ask, actor, params, body }) =>
    ask(establishmentRequests.updateChalet, { actor, chaletId: params.id, patch: body }),
  ),
  guarded(httpRoutes.getSchedule, async ({ ask, actor, params, query }) => {
    const google = await syncFirst(ask, actor, params.id);
    const found = await ask(bookingRequests.schedule, { actor, chaletId: params.id, ...query });
    return found.ok ? { ok: true, value: { items: found.value.items, nextCursor: null, google } } : found;
  }),
];

/** Best effort: the schedule is answered from the database whatever Google does, and says which it was. */
async function syncFirst(ask: Ask, actor: Actor, chaletId: string) {
  try {
    const synced = await ask(calendarRequests.syncCalendar, { actor, chaletId }, { deadlineMs: syncDeadlineMs });
    if (synced.ok) return { status: 'fresh' as const, syncedAt: synced.value.syncedAt };
    // not_found: calendar-sync does not know the chalet (yet); whether it exists is for the booking service to say.
    const none = synced.refusal.code === 'google_not_connected' || synced.refusal.code === 'not_found';
    return { status: none ? ('not_connected' as const) : ('unreachable' as const), syncedAt: null };
  } catch (error) {
    if (error instanceof UnavailableError) return { status: 'unreachable' as const, syncedAt: null };
    throw error;
  }
}
