import { calendarRequests, httpRoutes } from '@monde-sauvage/contracts';
import { guarded, type ServedRoute } from '../route.ts';

export const googleRoutes: ServedRoute[] = [
  guarded(httpRoutes.getGoogleOverview, ({ ask, actor, params }) =>
    ask(calendarRequests.overview, { actor, establishmentId: params.id }),
  ),
  guarded(httpRoutes.connectGoogle, ({ ask, actor, params }) =>
    ask(calendarRequests.connect, { actor, establishmentId: params.id }),
  ),
  guarded(httpRoutes.disconnectGoogle, async ({ ask, actor, params, query }) => {
    const removeMirrors = query.removeMirrors === 'true';
    const done = await ask(calendarRequests.disconnect, { actor, establishmentId: params.id, removeMirrors });
    return done.ok ? { ok: true, value: undefined } : done;
  }),
  guarded(httpRoutes.listGoogleCalendars, ({ ask, actor, params }) =>
    ask(calendarRequests.listCalendars, { actor, establishmentId: params.id }),
  ),
  guarded(httpRoutes.chooseGoogleCalendar, ({ ask, actor, params, body }) =>
    ask(calendarRequests.chooseCalendar, { actor, chaletId: params.id, calendarId: body.calendarId }),
  ),
  guarded(httpRoutes.listDriftDecisions, ({ ask, actor, params, query }) =>
    ask(calendarRequests.listDecisions, { actor, establishmentId: params.id, ...query }),
  ),
  guarded(httpRoutes.decideDrift, ({ ask, actor, params, body }) =>
    ask(calendarRequests.decideDrift, { actor, establishmentId: params.id, decisionId: params.decisionId, ...body }),
  ),
  guarded(httpRoutes.syncGoogleCalendar, ({ ask, actor, params }) =>
    ask(calendarRequests.syncCalendar, { actor, chaletId: params.id }),
  ),
];
