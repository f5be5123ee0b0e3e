import type { PaymentPurpose, Price } from '@monde-sauvage/contracts';
import type Stripe from 'stripe';
import { z } from 'zod';

/** What a Checkout Session is created with, pure. The amount comes from the booking, never from a client. */

/** What a session is for; the amount in minor units. */
export interface Owed {
  purpose: PaymentPurpose;
  amount: number;
}

interface CheckoutSubject {
  bookingId: string;
  paymentId: string;
  reference: string;
  chaletName: string | null;
  price: Price;
  /** The payment of the price's schedule that is asked for. */
  owed: Owed;
  customerEmail: string | null;
  locale: string | null;
  expiresAt: Date;
  publicUrl: string;
}

/** Kept as JSON until the session exists, so that a repeat sends the very same under the same idempotency key. */
export const checkoutParams = z.object({
  mode: z.literal('payment'),
  client_reference_id: z.string(),
  metadata: z.record(z.string(), z.string()),
  payment_intent_data: z.object({ description: z.string(), metadata: z.record(z.string(), z.string()) }),
  line_items: z.array(
    z.object({
      quantity: z.int(),
      price_data: z.object({
        currency: z.string(),
        unit_amount: z.int(),
        product_data: z.object({ name: z.string() }),
      }),
    }),
  ),
  customer_email: z.string().exactOptional(),
  locale: z.string(),
  expires_at: z.int(),
  success_url: z.string(),
  cancel_url: z.string(),
});
export type CheckoutParams = z.output<typeof checkoutParams>;

export function buildCheckoutParams(o: CheckoutSubject): CheckoutParams {
  const metadata = { bookingId: o.bookingId, paymentId: o.paymentId };
  const page = (name: string) => `${o.publicUrl.replace(/\/+$/, '')}/checkout/${name}?booking=${o.bookingId}`;
  return {
    mode: 'payment',
    client_reference_id: o.bookingId,
    metadata,
    // Session metadata does not reach the PaymentIntent and its charge; this does.
    payment_intent_data: { description: o.reference, metadata },
    line_items: lineItems(o),
    ...(o.customerEmail === null ? {} : { customer_email: o.customerEmail }),
    locale: stripeLocale(o.locale),
    expires_at: Math.floor(o.expiresAt.getTime() / 1000),
    success_url: page('success'),
    cancel_url: page('cancelled'),
  };
}

const partNames = {
  fr: { deposit: 'Acompte', balance: 'Solde' },
  en: { deposit: 'Deposit', balance: 'Balance' },
};

function lineItems({ price, owed, chaletName, reference, locale }: CheckoutSubject): CheckoutParams['line_items'] {
  const item = (label: string, amount: number) => ({
    quantity: 1,
    price_data: {
      currency: price.currency.toLowerCase(),
      unit_amount: amount,
      product_data: { name: `${chaletName ?? reference} – ${label}`.slice(0, 250) },
    },
  });
  if (owed.purpose !== 'full') {
    const names = locale?.toLowerCase().startsWith('en') ? partNames.en : partNames.fr;
    return [item(`${reference}, ${names[owed.purpose]}`, owed.amount)];
  }
  const lines = price.lines.filter(line => line.amount !== 0);
  const sum = lines.reduce((total, line) => total + line.amount, 0);
  // Stripe knows no negative line (a discount); and the sum is what counts.
  const showLines = sum === price.total && lines.every(line => line.amount > 0);
  return showLines ? lines.map(line => item(line.label, line.amount)) : [item(reference, price.total)];
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * When the session ends: with the hold, but Stripe wants 30 minutes to 24 hours by its own clock, so a minute of
 * difference between the clocks is kept at both ends. Whole seconds.
 */
export function sessionExpiry(now: Date, holdExpiresAt: Date | null): Date {
  const earliest = now.getTime() + 31 * minuteMs;
  const latest = now.getTime() + dayMs - minuteMs;
  const wanted = Math.min(Math.max(holdExpiresAt?.getTime() ?? earliest, earliest), latest);
  return new Date(Math.floor(wanted / 1000) * 1000);
}

/** The hold outlives the session a little, so that whoever pays at the last second is still in time. */
export const holdUntil = (sessionExpiresAt: Date): Date => new Date(sessionExpiresAt.getTime() + 2 * minuteMs);

const stripeLocales = [
  ...['bg', 'cs', 'da', 'de', 'el', 'en', 'en-GB', 'es', 'es-419', 'et', 'fi', 'fil', 'fr', 'fr-CA', 'hr', 'hu', 'id'],
  ...['it', 'ja', 'ko', 'lt', 'lv', 'ms', 'mt', 'nb', 'nl', 'pl', 'pt', 'pt-BR', 'ro', 'ru', 'sk', 'sl', 'sv', 'th'],
  ...['tr', 'vi', 'zh', 'zh-HK', 'zh-TW'],
] as const satisfies Stripe.Checkout.SessionCreateParams.Locale[];

/** A BCP 47 tag as the nearest language of Stripe's pages; `auto` lets the browser decide. */
export function stripeLocale(tag: string | null): Stripe.Checkout.SessionCreateParams.Locale {
  if (tag === null) return 'auto';
  const wanted = tag.toLowerCase();
  const language = wanted.split('-')[0];
  return (
    stripeLocales.find(known => known.toLowerCase() === wanted) ??
    stripeLocales.find(known => known === language) ??
    (language === 'no' || language === 'nn' ? 'nb' : 'auto')
  );
}
