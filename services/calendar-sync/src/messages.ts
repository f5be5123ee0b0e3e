import {
  type BookingSnapshot,
  bookingEvents,
  type ChaletSnapshot,
  calendarRequests,
  type EstablishmentSnapshot,
  establishmentEvents,
} from '@monde-sauvage/contracts';
import { type EventHandler, handle, on, type RequestHandler } from '@monde-sauvage/messaging';
import type { CalendarSyncer } from './calendar-syncer.ts';
import type { Context } from './context.ts';
import { chooseCalendar } from './operations/choose-calendar.ts';
import { completeConnection } from './operations/complete-connection.ts';
import { connect } from './operations/connect.ts';
import { consult } from './operations/consult.ts';
import { decideDrift } from './operations/decide-drift.ts';
import { disconnect } from './operations/disconnect.ts';
import { listCalendars } from './operations/list-calendars.ts';
import { listDecisions } from './operations/list-decisions.ts';
import { overview } from './operations/overview.ts';
import { receivePush } from './operations/receive-push.ts';
import { recordBooking } from './operations/record-booking.ts';
import { recordChalet, recordEstablishment } from './operations/record-chalet.ts';
import { syncCalendar } from './operations/sync-calendar.ts';

/** The requests this service answers. It publishes `calendarEvents`, through its outbox. */
export const requestHandlers = (context: Context, syncer: CalendarSyncer): RequestHandler[] => [
  handle(calendarRequests.consult, input => consult(context, syncer, input)),
  handle(calendarRequests.syncCalendar, input => syncCalendar(context, syncer, input)),
  handle(calendarRequests.connect, input => connect(context, input)),
  handle(calendarRequests.completeConnection, input => completeConnection(context, input)),
  handle(calendarRequests.disconnect, input => disconnect(context, input)),
  handle(calendarRequests.overview, input => overview(context, input)),
  handle(calendarRequests.listCalendars, input => listCalendars(context, input)),
  handle(calendarRequests.chooseCalendar, input => chooseCalendar(context, syncer, input)),
  handle(calendarRequests.listDecisions, input => listDecisions(context, input)),
  handle(calendarRequests.decideDrift, input => decideDrift(context, input)),
  handle(calendarRequests.receivePush, input => receivePush(context, input)),
];

/** The events of stream BOOKING this service reacts to: each carries a whole snapshot, newest version wins. */
export function eventHandlers(context: Context): EventHandler[] {
  const booking = (snapshot: BookingSnapshot) => recordBooking(context, snapshot);
  const chalet = (snapshot: ChaletSnapshot) => recordChalet(context, snapshot);
  const establishment = (snapshot: EstablishmentSnapshot) => recordEstablishment(context, snapshot);
  return [
    on(bookingEvents.bookingCreated, booking),
    on(bookingEvents.bookingConfirmed, booking),
    on(bookingEvents.bookingUpdated, booking),
    on(bookingEvents.bookingCancelled, booking),
    on(establishmentEvents.chaletCreated, chalet),
    on(establishmentEvents.chaletUpdated, chalet),
    on(establishmentEvents.chaletArchived, chalet),
    on(establishmentEvents.establishmentCreated, establishment),
    on(establishmentEvents.establishmentUpdated, establishment),
  ];
}
