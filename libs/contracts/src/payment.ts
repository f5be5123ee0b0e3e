import { z } from 'zod';
import { paymentStatus } from './booking.ts';
import { defineEvent, defineRequest } from './define.ts';
import { actor, currency, id, timestamp } from './values.ts';

/** Published and answered by the payment service. */

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
  /** A webhook as it arrived. Refused with `validation_failed` (HTTP 400) when the signature is wrong. */
  receiveWebhook: defineRequest({
    subject: 'svc.payment.receive_webhook',
    input: z.object({ rawBody: z.base64(), signature: z.string() }),
    output: z.object({ stored: z.boolean() }),
    deadlineMs: 5_000,
  }),
};
