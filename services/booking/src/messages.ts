import {
  balanceEvents,
  bookingRequests,
  calendarEvents,
  establishmentRequests,
  paymentEvents,
} from '@monde-sauvage/contracts';
import { type EventHandler, handle, on, type RequestHandler } from '@monde-sauvage/messaging';
import { findOverlaps, getBooking, getHistory, getSchedule, getSnapshot, listBookings } from './booking-queries.ts';
import type { BookingContext } from './context.ts';
import { getChalet, getEstablishment, listChalets, listKeys } from './establishment-queries.ts';
import { confirmPaidBooking, notePaymentInReview, recordPaymentNews } from './operations/apply-payment.ts';
import { authenticate } from './operations/authenticate.ts';
import { cancelBooking } from './operations/cancel-booking.ts';
import { createBooking } from './operations/create-booking.ts';
import { extendHold } from './operations/extend-hold.ts';
import { noteBalanceDue, settleOverdueBalance } from './operations/follow-balance.ts';
import {
  linkGoogleEvent,
  noteDriftDecision,
  noteDriftQuestion,
  recordRestoredMirror,
} from './operations/follow-mirror.ts';
import { createChalet, updateChalet } from './operations/manage-chalets.ts';
import { createEstablishment, updateEstablishment } from './operations/manage-establishment.ts';
import { createKey, deleteKey } from './operations/manage-keys.ts';
import { recordExternalEvents } from './operations/record-external-events.ts';
import { digestChalets, resendChalet } from './operations/resend-chalet.ts';

/**
 * Every request this service answers: contract → handler. A contract without an entry does not compile.
 * What it publishes goes through the outbox: `establishment.*`, `chalet.*` and `booking.*`.
 */
export function requestHandlers(ctx: BookingContext): RequestHandler[] {
  const { prisma } = ctx;
  const establishments = establishmentRequests;
  const bookings = bookingRequests;
  const table = {
    authenticate: handle(establishments.authenticate, input => authenticate(ctx, input)),
    createEstablishment: handle(establishments.createEstablishment, (input, from) =>
      createEstablishment(ctx, input, from),
    ),
    getEstablishment: handle(establishments.getEstablishment, input => getEstablishment(prisma, input)),
    updateEstablishment: handle(establishments.updateEstablishment, (input, from) =>
      updateEstablishment(ctx, input, from),
    ),
    createKey: handle(establishments.createKey, input => createKey(ctx, input)),
    listKeys: handle(establishments.listKeys, input => listKeys(prisma, input)),
    deleteKey: handle(establishments.deleteKey, input => deleteKey(ctx, input)),
    createChalet: handle(establishments.createChalet, (input, from) => createChalet(ctx, input, from)),
    listChalets: handle(establishments.listChalets, input => listChalets(prisma, input)),
    getChalet: handle(establishments.getChalet, input => getChalet(prisma, input)),
    updateChalet: handle(establishments.updateChalet, (input, from) => updateChalet(ctx, input, from)),
    create: handle(bookings.create, (input, from) => createBooking(ctx, input, from)),
    get: handle(bookings.get, input => getBooking(prisma, { ...input, now: ctx.now() })),
    cancel: handle(bookings.cancel, (input, from) => cancelBooking(ctx, input, from)),
    list: handle(bookings.list, input => listBookings(prisma, input)),
    schedule: handle(bookings.schedule, input => getSchedule(prisma, input)),
    history: handle(bookings.history, input => getHistory(prisma, input)),
    getSnapshot: handle(bookings.getSnapshot, input => getSnapshot(prisma, input)),
    findOverlaps: handle(bookings.findOverlaps, input => findOverlaps(prisma, { ...input, now: ctx.now() })),
    extendHold: handle(bookings.extendHold, (input, from) => extendHold(ctx, input, from)),
    recordExternalEvents: handle(bookings.recordExternalEvents, async (input, from) => ({
      ok: true,
      value: await recordExternalEvents(ctx, input.changes, from),
    })),
    digestChalets: handle(bookings.digestChalets, input => digestChalets(ctx, input)),
    resendChalet: handle(bookings.resendChalet, (input, from) => resendChalet(ctx, input, from)),
  } satisfies Record<keyof typeof establishmentRequests | keyof typeof bookingRequests, RequestHandler>;
  return Object.values(table);
}

/** News of payments: stream PAYMENT. */
export const paymentHandlers = (ctx: BookingContext): EventHandler[] => [
  on(paymentEvents.paymentSucceeded, (payment, meta) => confirmPaidBooking(ctx, payment, meta)),
  on(paymentEvents.paymentFailed, (payment, meta) => recordPaymentNews(ctx, payment, meta)),
  on(paymentEvents.paymentExpired, (payment, meta) => recordPaymentNews(ctx, payment, meta)),
  on(paymentEvents.paymentRefunded, (payment, meta) => recordPaymentNews(ctx, payment, meta)),
  on(paymentEvents.paymentDisputed, (payment, meta) => recordPaymentNews(ctx, payment, meta)),
  on(paymentEvents.paymentNeedsReview, (payment, meta) => notePaymentInReview(ctx, payment, meta)),
  on(balanceEvents.balanceDue, (notice, meta) => noteBalanceDue(ctx, notice, meta)),
  on(balanceEvents.balanceOverdue, (notice, meta) => settleOverdueBalance(ctx, notice, meta)),
];

/** News of Google calendars: stream CALENDAR. Whether a calendar is connected does not concern a booking. */
export const calendarHandlers = (ctx: BookingContext): EventHandler[] => [
  on(calendarEvents.eventLinked, (link, meta) => linkGoogleEvent(ctx, link, meta)),
  on(calendarEvents.mirrorRestored, (restored, meta) => recordRestoredMirror(ctx, restored, meta)),
  on(calendarEvents.driftAwaitsDecision, (question, meta) => noteDriftQuestion(ctx, question, meta)),
  on(calendarEvents.driftDecided, (decision, meta) => noteDriftDecision(ctx, decision, meta)),
  on(calendarEvents.externalEventChanged, async (change, meta) => {
    await recordExternalEvents(ctx, [change], meta);
  }),
  on(calendarEvents.externalEventRemoved, async (change, meta) => {
    await recordExternalEvents(ctx, [change], meta);
  }),
];
