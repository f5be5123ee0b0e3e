import type Stripe from 'stripe';
import { z } from 'zod';

/** Amounts with decimals are strings on the wire; the SDK turns them into its Decimal. */
export type WirePrice = Omit<Stripe.Price, 'unit_amount_decimal'> & { unit_amount_decimal: string | null };
export type WireLineItem = Omit<Stripe.LineItem, 'price'> & { price: WirePrice };

/** The objects carried by the events that are emitted, by type, taken from the SDK's own event types. */
export type EmittedObjects = Pick<
  { [E in Stripe.Event as E['type']]: E['data']['object'] },
  | 'charge.dispute.closed'
  | 'charge.dispute.created'
  | 'charge.dispute.funds_reinstated'
  | 'charge.dispute.funds_withdrawn'
  | 'charge.dispute.updated'
  | 'charge.failed'
  | 'charge.pending'
  | 'charge.refund.updated'
  | 'charge.refunded'
  | 'charge.succeeded'
  | 'charge.updated'
  | 'checkout.session.async_payment_failed'
  | 'checkout.session.async_payment_succeeded'
  | 'checkout.session.completed'
  | 'checkout.session.expired'
  | 'payment_intent.canceled'
  | 'payment_intent.created'
  | 'payment_intent.payment_failed'
  | 'payment_intent.processing'
  | 'payment_intent.succeeded'
  | 'refund.created'
  | 'refund.failed'
  | 'refund.updated'
>;
export type EmittedType = keyof EmittedObjects;
export type WireEvent = Omit<Stripe.EventBase, 'data'> & {
  type: EmittedType;
  data: { object: EmittedObjects[EmittedType]; previous_attributes?: Partial<EmittedObjects[EmittedType]> };
};

/** pending: to be delivered or retried · delivered: a 2xx came · failed: given up, dropped, or nowhere to go. */
export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

export interface StoredSession {
  session: Stripe.Checkout.Session;
  lineItems: WireLineItem[];
  /** `payment_intent_data`: session metadata does not reach the PaymentIntent, this does. */
  intent: { metadata: Record<string, string>; description: string | null; receiptEmail: string | null };
}

export interface StoredEvent {
  event: WireEvent;
  status: DeliveryStatus;
  attempts: number;
}

/** What a key answered; `at` in seconds. Stripe forgets keys after 24 hours. */
export interface StoredAnswer {
  fingerprint: string;
  status: number;
  body: string;
  requestId: string;
  at: number;
}

/** Everything the emulator knows, by id, oldest first; plain JSON, so that it can be saved. */
export interface StripeState {
  version: 1;
  sessions: Record<string, StoredSession>;
  paymentIntents: Record<string, Stripe.PaymentIntent>;
  charges: Record<string, Stripe.Charge>;
  refunds: Record<string, Stripe.Refund>;
  disputes: Record<string, Stripe.Dispute>;
  balanceTransactions: Record<string, Stripe.BalanceTransaction>;
  events: Record<string, StoredEvent>;
  idempotency: Record<string, StoredAnswer>;
}

export const emptyState = (): StripeState => ({
  version: 1,
  sessions: {},
  paymentIntents: {},
  charges: {},
  refunds: {},
  disputes: {},
  balanceTransactions: {},
  events: {},
  idempotency: {},
});

const byId = <T>() =>
  z.record(
    z.string(),
    z.custom<T>(value => typeof value === 'object' && value !== null),
  );

/** A saved state. Only its outline is checked: the emulator wrote it itself. */
export const stateSchema = z.object({
  version: z.literal(1),
  sessions: byId<StoredSession>(),
  paymentIntents: byId<Stripe.PaymentIntent>(),
  charges: byId<Stripe.Charge>(),
  refunds: byId<Stripe.Refund>(),
  disputes: byId<Stripe.Dispute>(),
  balanceTransactions: byId<Stripe.BalanceTransaction>().default({}),
  events: byId<StoredEvent>(),
  idempotency: byId<StoredAnswer>(),
});

/** What the parts of the emulator share. */
export interface World {
  state: StripeState;
  /** Seconds since the epoch, by the emulator's clock. */
  now(): number;
  newId(prefix: string): string;
  /** Where the emulator is reached, without a slash at the end. */
  url(): string;
  /** Records an event with a copy of the object as it is now, and has it delivered. */
  emit<T extends EmittedType>(type: T, object: EmittedObjects[T], previous?: Partial<EmittedObjects[T]>): void;
  /** How many of the next refunds stay pending until they are settled. */
  pendingRefunds: number;
  /** How many levels of a property answers expand; what is deeper stays an id. */
  expandedLevels: number;
}
