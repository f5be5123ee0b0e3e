import { z } from 'zod';
import {
  availability,
  availabilityCheckQuery,
  availabilityQuery,
  availabilitySearchQuery,
  availableChalet,
  calendarDay,
  googleFreshness,
} from './availability.ts';
import { booking, bookingListQuery, createdBooking, historyEntry, newBooking } from './booking.ts';
import {
  calendarChoice,
  chaletCalendar,
  driftChoice,
  driftDecision,
  googleOverview,
  selectableCalendar,
  syncReport,
} from './calendar.ts';
import * as e from './establishment.ts';
import { operationsRoutes, webhookRoutes } from './http-machines.ts';
import { answer, base, created, everybody, html, noContent, route } from './http-route.ts';
import {
  checkout,
  dispute,
  disputeQuery,
  ledgerExportQuery,
  ledgerPage,
  ledgerQuery,
  newRefund,
  refund,
} from './payment.ts';
import { dateRange, id, page, pageOf, text, timestamp, withRangeRule } from './values.ts';

/** The HTTP interface: every route of the gateway, with what it takes and answers. OpenAPI is generated from it. */

const byId = z.object({ id });
const pageQuery = z.object(page);
const rangeQuery = withRangeRule(z.object(dateRange), 400);
const owners = ['owner', 'admin'] as const;
const guestsAndOwners = ['guest', 'owner', 'admin'] as const;
const singlePage = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), nextCursor: z.null() });

const establishments = { ...base, tag: 'Establishments' } as const;
const chalets = { ...base, tag: 'Chalets' } as const;
const availabilities = { ...base, tag: 'Availability' } as const;
const bookings = { ...base, tag: 'Bookings' } as const;
const payments = { ...base, tag: 'Payments' } as const;
const google = { ...base, tag: 'Google Calendar' } as const;

const bookingBody = booking.meta({ id: 'Booking' });
const chaletBody = e.chalet.meta({ id: 'Chalet' });
const establishmentBody = e.establishment.meta({ id: 'Establishment' });

/** The owner's schedule ("horaire"). `google` says how far the calendar behind it can be trusted. */
const schedule = z
  .object({
    items: z.array(bookingBody),
    nextCursor: z.null(),
    google: z.object({
      status: googleFreshness,
      syncedAt: timestamp.nullable().meta({ description: 'null when the calendar was not synced for this answer' }),
    }),
  })
  .meta({ id: 'Schedule' });

const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .meta({ description: 'the same key and body give the same booking, also after a lost answer', example: 'b7f1c2de' });

const establishmentRoutes = {
  createEstablishment: route('post', '/v1/establishments', ['admin'], {
    ...establishments,
    summary: 'Create an establishment',
    body: e.newEstablishment,
    success: { ...created(establishmentBody), location: '/v1/establishments/{id}' },
  }),
  getEstablishment: route('get', '/v1/establishments/{id}', everybody, {
    ...establishments,
    summary: 'Read an establishment',
    params: byId,
    success: answer(establishmentBody),
  }),
  updateEstablishment: route('patch', '/v1/establishments/{id}', owners, {
    ...establishments,
    summary: 'Change an establishment',
    params: byId,
    body: e.establishmentPatch,
    success: answer(establishmentBody),
  }),
  createKey: route('post', '/v1/establishments/{id}/keys', owners, {
    ...establishments,
    summary: 'Create an owner key; it is shown this once',
    params: byId,
    body: e.newKey,
    success: created(e.createdKey.meta({ id: 'CreatedKey' })),
  }),
  listKeys: route('get', '/v1/establishments/{id}/keys', owners, {
    ...establishments,
    summary: 'List the owner keys, without the keys themselves',
    params: byId,
    query: pageQuery,
    success: answer(pageOf(e.ownerKey)),
  }),
  deleteKey: route('delete', '/v1/establishments/{id}/keys/{keyId}', owners, {
    ...establishments,
    summary: 'Revoke an owner key',
    params: z.object({ id, keyId: id }),
    success: noContent,
  }),
};

const chaletRoutes = {
  createChalet: route('post', '/v1/establishments/{id}/chalets', owners, {
    ...chalets,
    summary: 'Add a chalet',
    params: byId,
    body: e.newChalet,
    success: { ...created(chaletBody), location: '/v1/chalets/{id}' },
  }),
  listChalets: route('get', '/v1/establishments/{id}/chalets', everybody, {
    ...chalets,
    summary: 'List the chalets of an establishment',
    params: byId,
    query: pageQuery,
    success: answer(pageOf(chaletBody)),
  }),
  getChalet: route('get', '/v1/chalets/{id}', everybody, {
    ...chalets,
    summary: 'Read a chalet',
    params: byId,
    success: answer(chaletBody),
  }),
  updateChalet: route('patch', '/v1/chalets/{id}', owners, {
    ...chalets,
    summary: 'Change or archive a chalet',
    params: byId,
    body: e.chaletPatch,
    success: answer(chaletBody),
  }),
  getSchedule: route('get', '/v1/chalets/{id}/schedule', owners, {
    ...chalets,
    summary: 'The schedule: syncs with Google first, then every booking of the range',
    params: byId,
    query: rangeQuery,
    success: answer(schedule),
  }),
};

const availabilityRoutes = {
  checkAvailability: route('get', '/v1/chalets/{id}/availability', everybody, {
    ...availabilities,
    summary: 'Is a chalet free, and what does the stay cost?',
    params: byId,
    query: availabilityCheckQuery,
    success: answer(availability.meta({ id: 'Availability' })),
  }),
  getChaletCalendar: route('get', '/v1/chalets/{id}/calendar', everybody, {
    ...availabilities,
    summary: 'One entry a day, at most 400 days',
    params: byId,
    query: availabilityQuery,
    success: answer(singlePage(calendarDay)),
  }),
  searchAvailability: route('get', '/v1/availability', everybody, {
    ...availabilities,
    summary: 'Chalets that are free, each with its quote',
    query: availabilitySearchQuery,
    success: answer(pageOf(availableChalet)),
  }),
};

const bookingRoutes = {
  createBooking: route('post', '/v1/bookings', everybody, {
    ...bookings,
    summary: 'Book: the nights are held until holdExpiresAt',
    headers: z.object({ 'Idempotency-Key': idempotencyKey.optional() }),
    body: newBooking.meta({ id: 'NewBooking' }),
    success: { ...created(createdBooking.meta({ id: 'CreatedBooking' })), location: '/v1/bookings/{id}' },
    refusals: ['not_found', 'dates_unavailable', 'idempotency_key_reused'],
  }),
  getBooking: route('get', '/v1/bookings/{id}', guestsAndOwners, {
    ...bookings,
    summary: 'Read a booking',
    params: byId,
    success: answer(bookingBody),
  }),
  cancelBooking: route('post', '/v1/bookings/{id}/cancel', guestsAndOwners, {
    ...bookings,
    summary: 'Cancel; cancelling a cancelled booking changes nothing',
    params: byId,
    body: z.object({ reason: text(500).optional() }).optional(),
    success: answer(bookingBody),
    refusals: ['read_only_source'],
  }),
  openCheckout: route('post', '/v1/bookings/{id}/checkout', guestsAndOwners, {
    ...bookings,
    summary: 'Open a Stripe Checkout Session for what is due next (price, deposit or balance), or get the open one',
    params: byId,
    success: answer(checkout.meta({ id: 'Checkout' })),
    refusals: ['not_pending', 'validation_failed'],
  }),
  streamBooking: route('get', '/v1/bookings/{id}/stream', guestsAndOwners, {
    ...bookings,
    summary: 'Server-sent events: the booking, at once and at every change',
    params: byId,
    headers: z.object({ 'Last-Event-ID': z.string().optional() }),
    success: { ...answer(z.string()), contentType: 'text/event-stream' },
  }),
  listBookings: route('get', '/v1/establishments/{id}/bookings', owners, {
    ...bookings,
    summary: 'List the bookings of an establishment',
    params: byId,
    query: withRangeRule(bookingListQuery, 4_000),
    success: answer(pageOf(bookingBody)),
  }),
  getBookingHistory: route('get', '/v1/bookings/{id}/history', owners, {
    ...bookings,
    summary: 'The audit trail: every version, who or what changed it, why',
    params: byId,
    query: pageQuery,
    success: answer(pageOf(historyEntry)),
  }),
};

const refundBody = refund.meta({ id: 'Refund' });
const paymentRoutes = {
  createRefund: route('post', '/v1/bookings/{id}/refunds', owners, {
    ...payments,
    summary: 'Give money of a booking back, in part or all that is left; the answer says how far it is',
    params: byId,
    headers: z.object({
      'Idempotency-Key': idempotencyKey
        .meta({ description: 'the same key and body give the same refund, also after a lost answer' })
        .optional(),
    }),
    // Without an amount everything goes back: a misspelt one must not be passed over.
    body: newRefund.strict().optional(),
    success: { ...created(refundBody), location: '/v1/bookings/{bookingId}/refunds' },
    refusals: ['nothing_to_refund', 'amount_exceeds_remaining', 'payment_disputed', 'idempotency_key_reused'],
  }),
  listRefunds: route('get', '/v1/bookings/{id}/refunds', guestsAndOwners, {
    ...payments,
    summary: 'The refunds of a booking, newest first, each with how far it is',
    params: byId,
    success: answer(singlePage(refundBody)),
  }),
  listPayments: route('get', '/v1/establishments/{id}/payments', owners, {
    ...payments,
    summary: 'What was charged, refunded and disputed, oldest first, with its sums',
    params: byId,
    query: withRangeRule(ledgerQuery, 4_000),
    success: answer(ledgerPage.meta({ id: 'LedgerPage' })),
  }),
  exportPayments: route('get', '/v1/establishments/{id}/payments.csv', owners, {
    ...payments,
    summary: 'The same for a spreadsheet, at most 400 days',
    params: byId,
    query: withRangeRule(ledgerExportQuery, 400),
    success: { ...answer(z.string()), contentType: 'text/csv' },
  }),
  listDisputes: route('get', '/v1/establishments/{id}/disputes', owners, {
    ...payments,
    summary: 'Payments contested by a bank, newest first, with the date until which evidence can be sent',
    params: byId,
    query: disputeQuery,
    success: answer(pageOf(dispute.meta({ id: 'Dispute' }))),
  }),
};

const decisionBody = driftDecision.meta({ id: 'DriftDecision' });

const googleRoutes = {
  getGoogleOverview: route('get', '/v1/establishments/{id}/google', owners, {
    ...google,
    summary: 'The connection and the state of every calendar',
    params: byId,
    success: answer(googleOverview.meta({ id: 'GoogleOverview' })),
  }),
  connectGoogle: route('post', '/v1/establishments/{id}/google/connect', owners, {
    ...google,
    summary: 'Start to connect: send the owner to the address',
    params: byId,
    success: answer(z.object({ authorizationUrl: z.url() })),
  }),
  completeGoogleConnection: route('get', '/oauth/google/callback', everybody, {
    ...google,
    summary: 'Where the browser comes back from Google: a page for people',
    query: z.object({
      state: z.string().min(1).max(500),
      code: z.string().max(2_000).optional(),
      error: z.string().max(200).optional(),
    }),
    success: html,
  }),
  disconnectGoogle: route('delete', '/v1/establishments/{id}/google', owners, {
    ...google,
    summary: 'Revoke the access and forget the connection',
    params: byId,
    query: z.object({
      removeMirrors: z.enum(['true', 'false']).optional().meta({ description: 'first take our events out of Google' }),
    }),
    success: noContent,
  }),
  listGoogleCalendars: route('get', '/v1/establishments/{id}/google/calendars', owners, {
    ...google,
    summary: 'The calendars that can be chosen',
    params: byId,
    success: answer(singlePage(selectableCalendar)),
    refusals: ['google_not_connected'],
  }),
  chooseGoogleCalendar: route('put', '/v1/chalets/{id}/google-calendar', owners, {
    ...google,
    summary: "Choose a chalet's calendar; null takes it away",
    params: byId,
    body: calendarChoice,
    success: answer(chaletCalendar),
    refusals: ['google_not_connected', 'calendar_in_use'],
  }),
  listDriftDecisions: route('get', '/v1/establishments/{id}/google/decisions', owners, {
    ...google,
    summary: 'Events of bookings that were changed in Google and wait for a decision',
    params: byId,
    query: pageQuery,
    success: answer(pageOf(decisionBody)),
  }),
  decideDrift: route('post', '/v1/establishments/{id}/google/decisions/{decisionId}', owners, {
    ...google,
    summary: 'Decide: put the event back, or cancel the booking and refund it',
    params: z.object({ id, decisionId: id }),
    body: driftChoice,
    success: answer(decisionBody),
    refusals: ['already_decided'],
  }),
  syncGoogleCalendar: route('post', '/v1/chalets/{id}/google-calendar/sync', owners, {
    ...google,
    summary: 'Sync now; answers once the rows are in the database',
    params: byId,
    success: answer(syncReport.meta({ id: 'SyncReport' })),
    refusals: ['google_not_connected'],
  }),
};

export const httpRoutes = {
  ...establishmentRoutes,
  ...chaletRoutes,
  ...availabilityRoutes,
  ...bookingRoutes,
  ...paymentRoutes,
  ...googleRoutes,
  ...webhookRoutes,
  ...operationsRoutes,
};
