import { availabilityRequests, httpRoutes } from '@monde-sauvage/contracts';
import { open, type ServedRoute } from '../route.ts';

export const availabilityRoutes: ServedRoute[] = [
  open(httpRoutes.checkAvailability, ({ ask, params, query }) =>
    ask(availabilityRequests.check, { chaletId: params.id, ...query }),
  ),
  open(httpRoutes.getChaletCalendar, ({ ask, params, query }) =>
    ask(availabilityRequests.calendar, { chaletId: params.id, ...query }),
  ),
  open(httpRoutes.searchAvailability, ({ ask, query }) => ask(availabilityRequests.search, query)),
];
