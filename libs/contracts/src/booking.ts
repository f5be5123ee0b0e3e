import { z } from 'zod';
import { defineEvent, defineRequest } from './define.ts';
import { cancellationPolicy } from './establishment.ts';
import { price } from './price.ts';
import { depositTerms } from './rates.ts';
import {
  actor,
  civilDate,
  dateRange,
  email,
  id,
  line,
  locale,
  page,
  pageOf,
  phone,
  text,
  timestamp,
  withRangeRule,
} from './values.ts';

/** Bookings: the truth, kept by the booking service. */

export const bookingStatus = z.enum(['pending', 'confirmed', 'cancelled']);
export type BookingStatus = z.infer<typeof bookingStatus>;
export const bookingSource = z.enum(['website', 'google']);
export const cancelReason = z.enum([
  'guest',
  'owner',
  'hold_expired',
  'external_removed',
  'payment_refused',
  'conflict_resolved',
]);
export type CancelReason = z.infer<typeof cancelReason>;

export const paymentStatus = z.enum([
  'unpaid',
  'open',
  'succeeded',
  'partially_refunded',
  'refunded',
  'failed',
  'expired',
  'disputed',
]);

export const customer = z.object({
  name: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
});

/**
 * The money of a booking, all its payments (deposit and balance) together, in minor units. `status` is of the money that
 * came in, or of the newest attempt while none did.
 */
export const bookingPayment = z.object({
  status: paymentStatus,
  amountPaid: z.int().min(0),
  amountRefunded: z.int().min(0),
  amountDue: z.int().min(0).default(0).meta({
    description: 'of the price, still to be paid; a refund does not make it due again, a cancellation nothing',
  }),
  balanceStatus: z
    .enum(['none', 'due', 'overdue', 'paid'])
    .default('none')
    .meta({ description: 'none: all was or is paid at once, or it was cancelled' }),
  balanceDueDate: civilDate.nullable().default(null),
});
export type BookingPayment = z.infer<typeof bookingPayment>;

/** Of a booking that nobody paid and nobody has to pay. */
export const noPayment: BookingPayment = {
  status: 'unpaid',
  amountPaid: 0,
  amountRefunded: 0,
  amountDue: 0,
  balanceStatus: 'none',
  balanceDueDate: null,
};

/** What happens about a balance that is not paid, as it was when the booking was made. */
export const balanceTerms = depositTerms.pick({ reminderDays: true, unpaidBalance: true, graceDays: true });
export type BalanceTerms = z.infer<typeof balanceTerms>;

/** What the guest would get back by cancelling now, by the policy the booking was made on. */
export const cancellationTerms = z.object({
  policy: cancellationPolicy,
  percentage: z.int().min(0).max(100),
  amount: z.int().min(0).meta({ description: 'of what was paid so far, in minor units' }),
  until: civilDate.nullable().meta({ description: 'the last day on which it is that much; null when it stays so' }),
});

/** A booking as its guest and its owner see it. */
export const booking = z.object({
  id,
  reference: z.string().meta({ description: 'short, for people', example: 'MS-7K3QXD' }),
  chaletId: id,
  establishmentId: id,
  startDate: civilDate,
  endDate: civilDate,
  nights: z.int().positive(),
  guests: z.int().positive().nullable(),
  status: bookingStatus,
  source: bookingSource,
  customer,
  notes: z.string().nullable(),
  price: price.nullable().meta({ description: 'null for external bookings' }),
  holdExpiresAt: timestamp.nullable(),
  googleEventId: z.string().nullable(),
  payment: bookingPayment,
  conflict: z.boolean().meta({ description: 'an external event and a website booking want the same night' }),
  version: z.int().positive(),
  createdAt: timestamp,
  updatedAt: timestamp,
  cancelledAt: timestamp.nullable(),
  cancelReason: cancelReason.nullable(),
  cancellation: cancellationTerms
    .nullable()
    .optional()
    .meta({ description: 'only where one booking is read, and null when there is nothing to cancel' }),
});
export type Booking = z.infer<typeof booking>;

/**
 * A booking as `booking.*` events carry it: whole, with its version. A consumer keeps the newest version it has seen.
 * `refundPercentage` is decided when the booking is cancelled; null while it is not, or while a late payment may still
 * bring an expired hold back. It is of `refundBase`, what the booking knew to be paid when it was cancelled (minor units,
 * before anything went back); what comes on top of that goes back in full. Older versions do not say `refundBase`: then it is
 * what was paid up to `cancelledAt`.
 */
export const bookingSnapshot = booking.omit({ cancellation: true }).extend({
  locale: locale.nullable(),
  policy: cancellationPolicy.nullable(),
  confirmedAt: timestamp.nullable(),
  refundPercentage: z.int().min(0).max(100).nullable(),
  refundBase: z.int().min(0).nullable().default(null),
  balanceTerms: balanceTerms.nullable().default(null),
});
export type BookingSnapshot = z.infer<typeof bookingSnapshot>;

export const bookingEvents = {
  bookingCreated: defineEvent({ subject: 'booking.created', stream: 'BOOKING', body: bookingSnapshot }),
  bookingConfirmed: defineEvent({ subject: 'booking.confirmed', stream: 'BOOKING', body: bookingSnapshot }),
  bookingUpdated: defineEvent({ subject: 'booking.updated', stream: 'BOOKING', body: bookingSnapshot }),
  bookingCancelled: defineEvent({ subject: 'booking.cancelled', stream: 'BOOKING', body: bookingSnapshot }),
};

/** What a guest sends to book. */
export const newBooking = z.object({
  chaletId: id,
  startDate: civilDate,
  endDate: civilDate,
  customer: z.object({ name: line(120), email, phone: phone.optional() }),
  guests: z.int().min(1).max(100).optional(),
  notes: text(2_000).optional(),
  locale: locale.optional(),
});
export type NewBooking = z.infer<typeof newBooking>;
export const createdBooking = booking.extend({
  manageToken: z.string().meta({ description: 'lets its holder read, pay and cancel this booking; keep it secret' }),
});

/** One entry of the audit trail: what changed a booking to `version`, who did it and why. No personal data. */
export const historyEntry = z.object({
  version: z.int().positive(),
  at: timestamp,
  by: z.enum(['guest', 'owner', 'admin', 'payment', 'calendar', 'system']),
  action: z.string(),
  reason: z.string().nullable(),
  changes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
});

/** A stay that takes nights, without anything personal. */
export const occupancy = z.object({
  bookingId: id,
  startDate: civilDate,
  endDate: civilDate,
  source: bookingSource,
  status: bookingStatus,
  googleEventId: z.string().nullable(),
});
export type Occupancy = z.infer<typeof occupancy>;

const bookingFilter = {
  from: civilDate.optional(),
  to: civilDate.optional(),
  status: bookingStatus.optional(),
  source: bookingSource.optional(),
  chaletId: id.optional(),
  conflict: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'only those that are, or are not, in conflict with an event of the owner' }),
};
export const bookingListQuery = z.object({ ...bookingFilter, ...page });

export const externalEventChange = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('changed'),
    chaletId: id,
    establishmentId: id,
    calendarId: z.string(),
    googleEventId: z.string(),
    startDate: civilDate,
    endDate: civilDate,
    title: z.string().nullable().meta({ description: 'null when the event is private' }),
    etag: z.string(),
    revision: z.int().positive().meta({ description: 'grows with every change of this external event' }),
  }),
  z.object({
    kind: z.literal('removed'),
    chaletId: id,
    establishmentId: id,
    calendarId: z.string(),
    googleEventId: z.string(),
    reason: z.string(),
    revision: z.int().positive(),
  }),
]);
export type ExternalEventChange = z.infer<typeof externalEventChange>;

/** Which bookings a consumer keeps and compares: past ones are nobody's business any more. */
const digestScope = { endingFrom: civilDate, source: z.enum(['all', 'website']) };

const deadlineMs = 2_000;

export const bookingRequests = {
  create: defineRequest({
    subject: 'svc.booking.create',
    input: z.object({ booking: newBooking, idempotencyKey: z.string().min(1).max(255).optional() }),
    output: createdBooking,
    deadlineMs: 5_000,
  }),
  get: defineRequest({
    subject: 'svc.booking.get',
    input: z.object({ actor, bookingId: id }),
    output: booking,
    deadlineMs,
  }),
  cancel: defineRequest({
    subject: 'svc.booking.cancel',
    input: z.object({ actor, bookingId: id, reason: text(500).optional() }),
    output: booking,
    deadlineMs,
  }),
  list: defineRequest({
    subject: 'svc.booking.list',
    input: z.object({ actor, establishmentId: id, ...bookingListQuery.shape }),
    output: pageOf(booking),
    deadlineMs,
  }),
  /** Every booking of a chalet that touches the range, cancelled ones left out, by start date; at most 1 000. */
  schedule: defineRequest({
    subject: 'svc.booking.schedule',
    input: withRangeRule(z.object({ actor, chaletId: id, ...dateRange }), 400),
    output: z.object({ items: z.array(booking) }),
    deadlineMs,
  }),
  history: defineRequest({
    subject: 'svc.booking.history',
    input: z.object({ actor, bookingId: id, ...page }),
    output: pageOf(historyEntry),
    deadlineMs,
  }),
  /** For other services: a booking's newest snapshot. */
  getSnapshot: defineRequest({
    subject: 'svc.booking.get_snapshot',
    input: z.object({ bookingId: id }),
    output: bookingSnapshot,
    deadlineMs,
  }),
  /** The truth about a chalet's nights in a range; holds that are over do not count. At most 1 000 rows. */
  findOverlaps: defineRequest({
    subject: 'svc.booking.find_overlaps',
    input: withRangeRule(z.object({ chaletId: id, ...dateRange }), 400),
    output: z.object({ items: z.array(occupancy) }),
    deadlineMs: 500,
  }),
  /**
   * Payment `paymentId` opened a Checkout Session: the hold lasts at least until `until`, and the booking says that its
   * payment is `open`. Refused with `not_pending`, also when the nights have been held for as long as they ever are: the
   * session must be closed then, and its page not be given out.
   */
  extendHold: defineRequest({
    subject: 'svc.booking.extend_hold',
    input: z.object({ bookingId: id, until: timestamp, paymentId: id.optional() }),
    output: z.object({ holdExpiresAt: timestamp, version: z.int() }),
    deadlineMs,
  }),
  /**
   * Records external events at once, so that a sync can answer when the rows are there. The same changes also come as
   * `calendar.external_event_*` events; whichever is second finds its revision known and does nothing.
   */
  recordExternalEvents: defineRequest({
    subject: 'svc.booking.record_external_events',
    input: z.object({ changes: z.array(externalEventChange).max(200) }),
    output: z.object({ recorded: z.int(), known: z.int() }),
    deadlineMs: 5_000,
  }),
  /**
   * Anti-entropy: per chalet, how many bookings there are and a hash of their ids and versions (md5 of `id:version`
   * joined by `,` in order of id), of the bookings that end on `endingFrom` or later; `website` leaves external ones
   * out. Pages by chalet id. Whoever sends `withCalendar` is also told a hash of what booking has heard of the chalet's
   * calendar (md5 of the lines `bookingId:googleEventId` of website bookings that name an event and
   * `googleEventId:revision` of external events that take nights, joined by `,` in the order of their bytes).
   */
  digestChalets: defineRequest({
    subject: 'svc.booking.digest_chalets',
    input: z.object({
      ...digestScope,
      after: id.nullable(),
      limit: z.int().min(1).max(500),
      withCalendar: z.boolean().optional(),
    }),
    output: z.object({
      items: z.array(
        z.object({
          chaletId: id,
          chaletVersion: z.int(),
          count: z.int(),
          hash: z.string(),
          calendarHash: z.string().optional(),
        }),
      ),
      next: id.nullable(),
    }),
    deadlineMs: 5_000,
  }),
  /** Has the chalet, its establishment and its bookings in scope announced again, as `*.updated` with newest versions. */
  resendChalet: defineRequest({
    subject: 'svc.booking.resend_chalet',
    input: z.object({ ...digestScope, chaletId: id }),
    output: z.object({ queued: z.int() }),
    deadlineMs: 10_000,
  }),
};
