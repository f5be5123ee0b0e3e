import { z } from 'zod';
import { paymentStatus } from './booking.ts';
import { defineEvent, defineRequest } from './define.ts';
import { nineDigits } from './payable.ts';
import { actor, civilDate, currency, dateRange, id, page, pageOf, text, timestamp, withRangeRule } from './values.ts';

/** Published and answered by the payment service. */

/** What a payment pays of its booking: all of it, the deposit, or what remains after the deposit. */
export const paymentPurpose = z.enum(['full', 'deposit', 'balance']);
export type PaymentPurpose = z.infer<typeof paymentPurpose>;

/** A payment that the cardholder's bank contests. `status` and `reason` are Stripe's words. */
export const disputeSummary = z.object({
  id: z.string().meta({ description: "Stripe's id", example: 'dp_1PgafmB7WZ01zgkW6dKueIc5' }),
  amount: z.int().min(0),
  currency,
  reason: z.string().meta({ example: 'fraudulent' }),
  status: z.string().meta({ example: 'needs_response' }),
  dueBy: timestamp
    .nullable()
    .meta({ description: 'until when evidence can be sent; null when there is nothing to send' }),
});

/** One payment of a booking, whole, with its version; amounts in minor units. */
export const paymentSnapshot = z.object({
  paymentId: id,
  bookingId: id,
  establishmentId: id,
  status: paymentStatus.exclude(['unpaid']),
  amount: z.int().min(0),
  amountPaid: z.int().min(0),
  amountRefunded: z.int().min(0),
  currency,
  stripe: z.object({
    checkoutSessionId: z.string(),
    paymentIntentId: z.string().nullable(),
    chargeId: z.string().nullable(),
  }),
  paidAt: timestamp.nullable(),
  reason: z.string().nullable().meta({ description: 'why it failed, expired or needs a person' }),
  version: z.int().positive(),
  occurredAt: timestamp,
  /** Absent from older publishers, who know no deposits: `full`. */
  purpose: paymentPurpose.optional(),
  /** The newest dispute about it. */
  dispute: disputeSummary.nullable().optional(),
  /**
   * The sums over all payments of the booking after this change (deposit and balance are two payments). `version` grows
   * with every announcement about the booking's money, whichever payment it is about: keep the newest.
   */
  bookingMoney: z
    .object({ amountPaid: z.int().min(0), amountRefunded: z.int().min(0), version: z.int().positive() })
    .optional(),
});
export type PaymentSnapshot = z.infer<typeof paymentSnapshot>;

export const paymentEvents = {
  paymentSucceeded: defineEvent({ subject: 'payment.succeeded', stream: 'PAYMENT', body: paymentSnapshot }),
  paymentFailed: defineEvent({ subject: 'payment.failed', stream: 'PAYMENT', body: paymentSnapshot }),
  paymentExpired: defineEvent({ subject: 'payment.expired', stream: 'PAYMENT', body: paymentSnapshot }),
  paymentRefunded: defineEvent({ subject: 'payment.refunded', stream: 'PAYMENT', body: paymentSnapshot }),
  paymentDisputed: defineEvent({ subject: 'payment.disputed', stream: 'PAYMENT', body: paymentSnapshot }),
  /** Something about its money needs a person; `reason` says what. Its state is told by the other events. */
  paymentNeedsReview: defineEvent({ subject: 'payment.needs_review', stream: 'PAYMENT', body: paymentSnapshot }),
};

/** What remains to be paid of a confirmed booking; the amount in minor units. */
const balanceNotice = z.object({
  bookingId: id,
  establishmentId: id,
  amount: z.int().positive(),
  currency,
  dueOn: civilDate,
  occurredAt: timestamp,
});

/** Told once each, whatever restarts: reminders for whoever writes to guests. Only what booking is to cancel and has not is told again. */
export const balanceEvents = {
  /** `upcoming` some days before the balance is due, `due` on the day or, when that was missed, as soon as it can be told. */
  balanceDue: defineEvent({
    subject: 'payment.balance_due',
    stream: 'PAYMENT',
    body: balanceNotice.extend({ stage: z.enum(['upcoming', 'due']) }),
  }),
  /** The time to pay it is over. With `cancel` its Checkout is closed and booking cancels; otherwise it stays owed. */
  balanceOverdue: defineEvent({
    subject: 'payment.balance_overdue',
    stream: 'PAYMENT',
    body: balanceNotice.extend({ cancel: z.boolean() }),
  }),
};
export type BalanceDue = z.infer<typeof balanceEvents.balanceDue.body>;
export type BalanceOverdue = z.infer<typeof balanceEvents.balanceOverdue.body>;

export const ledgerKind = z.enum(['charge', 'refund', 'refund_failed', 'dispute', 'dispute_reversed']);

/** One movement of money at Stripe, as the owner sees it. Nothing personal beyond the booking's reference. */
export const ledgerEntry = z.object({
  id,
  occurredAt: timestamp,
  kind: ledgerKind.meta({ description: 'refund_failed and dispute_reversed bring money back' }),
  amount: z.int().meta({ description: 'minor units; negative when it leaves' }),
  currency,
  bookingId: id,
  bookingReference: z.string(),
  paymentId: id,
  purpose: paymentPurpose,
  stripe: z.object({
    id: z.string().meta({ description: 'the charge, refund or dispute' }),
    chargeId: z.string(),
    paymentIntentId: z.string().nullable(),
  }),
  payment: z
    .object({ status: paymentStatus.exclude(['unpaid']), needsReview: z.boolean(), reason: z.string().nullable() })
    .meta({ description: 'the payment it belongs to, as it is now' }),
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

/** Sums of a range in one currency, in minor units; `refunded` and `disputed` are negative or zero. */
export const ledgerTotals = z.object({
  currency,
  charged: z.int(),
  refunded: z.int(),
  disputed: z.int(),
  net: z.int(),
});

/** `from` and `to` are days on the establishment's calendar; `to` is not included. */
const ledgerFilter = {
  from: civilDate.optional(),
  to: civilDate.optional(),
  needsReview: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'only of payments that a person must look at' }),
};
export const ledgerQuery = z.object({ ...ledgerFilter, ...page });
export const ledgerExportQuery = z.object(dateRange);
export const ledgerPage = pageOf(ledgerEntry).extend({
  totals: z.array(ledgerTotals).meta({ description: 'of the whole range, one for each currency' }),
});

/** A dispute with what it is about. Evidence is sent in Stripe's dashboard. */
export const dispute = disputeSummary.extend({
  open: z.boolean().meta({ description: 'not decided yet: nothing of the payment can be refunded' }),
  paymentId: id,
  bookingId: id,
  bookingReference: z.string(),
  openedAt: timestamp,
  updatedAt: timestamp,
});
export const disputeQuery = z.object({ open: z.enum(['true', 'false']).optional(), ...page });

/** What an owner asks to have given back; everything that is left without an amount. */
export const newRefund = z.object({
  amount: z.int().min(1).max(nineDigits).optional().meta({ description: 'minor units; without it all that is left' }),
  reason: text(500).optional().meta({ description: 'for the records of the owner; the guest does not see it' }),
});

const refundStatus = z.enum(['requested', 'pending', 'succeeded', 'failed']);

/** Money that goes back. Of several payments (deposit and balance) it has several parts, each followed to its end. */
export const refund = z.object({
  id,
  bookingId: id,
  purpose: z.enum(['owner', 'cancellation', 'duplicate', 'external']).meta({
    description: "external: made in Stripe's dashboard",
  }),
  amount: z.int().positive(),
  currency,
  status: refundStatus.meta({
    description: 'requested: we are about to make it; pending: Stripe is; failed: at least a part of it needs a person',
  }),
  reason: z.string().nullable(),
  failureReason: z.string().nullable(),
  parts: z.array(
    z.object({
      paymentId: id,
      amount: z.int().positive(),
      status: refundStatus,
      stripeRefundId: z.string().nullable(),
    }),
  ),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type BookingRefund = z.infer<typeof refund>;

export const checkout = z.object({ checkoutUrl: z.url(), expiresAt: timestamp });

export const paymentRequests = {
  /** Opens a Checkout Session for a pending booking, or gives the open one. `actor` must be its guest or manage it. */
  openCheckout: defineRequest({
    subject: 'svc.payment.open_checkout',
    input: z.object({ actor, bookingId: id }),
    output: checkout,
    deadlineMs: 15_000,
  }),
  /**
   * Before a hold is released: closes the booking's session at Stripe. `released` means nobody can pay any more,
   * `paid` that somebody did (the booking is confirmed instead), `processing` that a slow payment is under way.
   */
  settleHold: defineRequest({
    subject: 'svc.payment.settle_hold',
    input: z.object({ bookingId: id }),
    output: z.object({ outcome: z.enum(['released', 'paid', 'processing']) }),
    deadlineMs: 5_000,
  }),
  /** The movements of an establishment's money, oldest first. `limit` up to 500: an export reads large pages. */
  listLedger: defineRequest({
    subject: 'svc.payment.list_ledger',
    input: withRangeRule(
      z.object({
        actor,
        establishmentId: id,
        ...ledgerQuery.shape,
        limit: z.int().min(1).max(500).default(50),
        totals: z.boolean().default(true),
      }),
      4_000,
    ),
    output: ledgerPage.extend({ timezone: z.string() }),
    deadlineMs: 5_000,
  }),
  /**
   * Gives money of a booking back for who manages it; never more in sum than was paid, whoever asks at the same time. With the same
   * key the same refund is answered. Refused with `nothing_to_refund`, `amount_exceeds_remaining` (the message says how much
   * is left), `payment_disputed`.
   */
  createRefund: defineRequest({
    subject: 'svc.payment.create_refund',
    input: z.object({
      actor,
      bookingId: id,
      refund: newRefund,
      idempotencyKey: z.string().min(1).max(255).optional(),
    }),
    output: refund,
    deadlineMs: 10_000,
  }),
  /** Every refund of a booking, newest first; at most 200. A guest sees no reasons. */
  listRefunds: defineRequest({
    subject: 'svc.payment.list_refunds',
    input: z.object({ actor, bookingId: id }),
    output: z.object({ items: z.array(refund), nextCursor: z.null() }),
    deadlineMs: 2_000,
  }),
  /** Newest first. */
  listDisputes: defineRequest({
    subject: 'svc.payment.list_disputes',
    input: z.object({ actor, establishmentId: id, ...disputeQuery.shape }),
    output: pageOf(dispute),
    deadlineMs: 2_000,
  }),
  /** For operators: fetches undelivered events, compares everything since with Stripe, sets our rows right. */
  reconcile: defineRequest({
    subject: 'svc.payment.reconcile',
    input: z.object({ actor, days: z.int().min(1).max(90).default(7) }),
    output: z.object({
      since: timestamp,
      undeliveredEvents: z.int(),
      looked: z.object({ sessions: z.int(), charges: z.int(), refunds: z.int(), disputes: z.int() }),
      differences: z.array(
        z.object({
          kind: z.string(),
          stripeId: z.string(),
          paymentId: id.nullable(),
          bookingId: id.nullable(),
          problem: z.string(),
          before: z.string().nullable(),
          after: z.string(),
        }),
      ),
      complete: z.boolean(),
    }),
    deadlineMs: 120_000,
  }),
  /** For operators: what waits for a person, oldest first, at most 200 of each. */
  listReviews: defineRequest({
    subject: 'svc.payment.list_reviews',
    input: z.object({ actor }),
    output: z.object({
      payments: z.array(
        z.object({
          paymentId: id,
          bookingId: id,
          bookingReference: z.string(),
          establishmentId: id,
          status: z.string(),
          reason: z.string(),
          amountPaid: z.int(),
          currency,
          since: timestamp,
        }),
      ),
      events: z.array(
        z.object({ id: z.string(), type: z.string(), objectId: z.string(), reason: z.string(), since: timestamp }),
      ),
      total: z.int(),
    }),
    deadlineMs: 5_000,
  }),
  /** For operators: somebody has dealt with a payment (its id) or an event (Stripe's id). */
  resolveReview: defineRequest({
    subject: 'svc.payment.resolve_review',
    input: z.object({ actor, id: z.string().min(1).max(255), note: text(500) }),
    output: z.object({ resolved: z.string() }),
    deadlineMs: 5_000,
  }),
  /** A webhook as it arrived. Refused with `validation_failed` (HTTP 400) when the signature is wrong. */
  receiveWebhook: defineRequest({
    subject: 'svc.payment.receive_webhook',
    input: z.object({ rawBody: z.base64(), signature: z.string() }),
    output: z.object({ stored: z.boolean() }),
    deadlineMs: 5_000,
  }),
};
