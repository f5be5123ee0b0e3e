import { availabilityRequests, bookingEvents, establishmentEvents } from '@monde-sauvage/contracts';
import { type EventHandler, handle, on, type RequestHandler } from '@monde-sauvage/messaging';
import { checkAvailability } from './operations/check-availability.ts';
import { describeCalendar } from './operations/describe-calendar.ts';
import { searchChalets } from './operations/search-chalets.ts';
import { keepChalet, keepStay } from './read-model.ts';
import type { Sources } from './sources.ts';

/** What this service answers. It announces nothing, so it has no outbox. */
export const requestHandlers = (sources: Sources): RequestHandler[] => [
  handle(availabilityRequests.check, (asked, context) => checkAvailability(sources, asked, context.requestId)),
  handle(availabilityRequests.calendar, (asked, context) => describeCalendar(sources, asked, context.requestId)),
  handle(availabilityRequests.search, asked => searchChalets(sources, asked)),
];

/** What this service keeps of what booking announces. */
export const eventHandlers = ({ db }: Sources): EventHandler[] => [
  ...Object.values(bookingEvents).map(event => on(event, booking => keepStay(db, booking))),
  on(establishmentEvents.chaletCreated, chalet => keepChalet(db, chalet)),
  on(establishmentEvents.chaletUpdated, chalet => keepChalet(db, chalet)),
  on(establishmentEvents.chaletArchived, chalet => keepChalet(db, chalet)),
];
