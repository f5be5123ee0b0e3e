import { z } from 'zod';

/** Events of Stripe, as far as we read them: which object to look up. */

const reference = z
  .union([z.string(), z.object({ id: z.string() }).transform(object => object.id)])
  .nullable()
  .catch(null);

/** Stripe's names and ids are visible ASCII; PostgreSQL refuses NUL. */
const printable = z
  .string()
  .regex(/^[\x21-\x7e]*$/)
  .max(255);

/**
 * What to look up, and nothing else, must be there: an API version, a proxy or a tool that sends less is understood. What
 * it says of the object is not trusted anyway.
 */
export const stripeEvent = z
  .object({
    id: printable.min(1),
    type: printable,
    livemode: z.boolean().catch(false),
    api_version: z.string().nullable().catch(null),
    created: z.int().nonnegative().nullable().catch(null),
    data: z.object({
      object: z.looseObject({
        id: printable.catch(''),
        object: z.string().catch(''),
        payment_intent: reference.optional(),
        metadata: z.record(z.string(), z.unknown()).nullish().catch(null),
      }),
    }),
  })
  .transform(event => {
    const { object } = event.data;
    return {
      id: event.id,
      type: event.type,
      livemode: event.livemode,
      apiVersion: event.api_version,
      /** Null when the event does not say. */
      createdAt: event.created === null ? null : new Date(event.created * 1000),
      objectId: object.id,
      paymentIntentId: object.object === 'payment_intent' ? object.id : (object.payment_intent ?? null),
      paymentId: z
        .uuid()
        .nullable()
        .catch(null)
        .parse(object.metadata?.paymentId ?? null),
    };
  });
export type StripeEventHint = z.output<typeof stripeEvent>;

/** The events that may mean something for a payment. Stripe's list takes at most 20 types. */
export const relevantTypes = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.payment_failed',
  'charge.refunded',
  'charge.refund.updated',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'refund.created',
  'refund.updated',
  'refund.failed',
] as const;

export const isRelevant = (type: string): boolean => relevantTypes.some(known => known === type);

/** Somebody's money moved: when it cannot be told whose, a person must look. */
export const movesMoney = (type: string): boolean =>
  ['checkout.session.completed', 'checkout.session.async_payment_succeeded', 'charge.dispute.created'].includes(type);
