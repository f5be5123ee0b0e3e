import { UnavailableError } from '@monde-sauvage/messaging';
import type { Metrics } from '@monde-sauvage/service-kit';
import Stripe from 'stripe';
import type { CheckoutParams } from './checkout-session.ts';
import { watchCalls } from './stripe-http.ts';

/** The only place that knows how Stripe is reached. */

export type { Stripe };

/** The version the SDK's types describe; events of other versions do no harm, since only ids are taken from them. */
const apiVersion = Stripe.API_VERSION;

/** How long a call may take: a guest or the booking service waits for an answer, background work has time. */
export interface Patience {
  timeout?: number;
  maxNetworkRetries?: number;
}
export const whileGuestWaits: Patience = { timeout: 6_000, maxNetworkRetries: 1 };
export const whileHoldWaits: Patience = { timeout: 2_000, maxNetworkRetries: 0 };

/** @param o.answered told of each answer, by the name of its call, before anybody sees it */
export function createStripe(o: {
  apiBaseUrl: string;
  secretKey: string;
  metrics: Metrics;
  answered?: (operation: string) => Promise<void>;
}): Stripe {
  const url = new URL(o.apiBaseUrl);
  const https = url.protocol === 'https:';
  return new Stripe(o.secretKey, {
    apiVersion,
    host: url.hostname,
    port: url.port === '' ? (https ? 443 : 80) : Number(url.port),
    protocol: https ? 'https' : 'http',
    maxNetworkRetries: 2,
    timeout: 10_000,
    httpClient: watchCalls(Stripe.createNodeHttpClient(), o.metrics, o.answered),
    telemetry: false,
    appInfo: { name: 'monde-sauvage' },
  });
}

export const createSession = (stripe: Stripe, params: CheckoutParams, idempotencyKey: string) =>
  stripe.checkout.sessions.create(params, { ...whileGuestWaits, idempotencyKey });

/**
 * Closes a session so that nobody can pay any more. Whether it was still open does not matter to the caller, who
 * reads the outcome from its state. Idempotent by nature, so the SDK's own key for each call is right: one of ours
 * would have Stripe repeat an old error for a day.
 */
export async function expireSession(stripe: Stripe, sessionId: string, patience: Patience = {}): Promise<void> {
  try {
    await stripe.checkout.sessions.expire(sessionId, {}, patience);
  } catch (error) {
    if (classify(error) !== 'refused') throw error;
  }
}

/**
 * What an error of the SDK means for a repeat under the same idempotency key.
 * - `refused`: nothing happened, and it never will with these parameters;
 * - `kept`: Stripe failed and keeps this answer under the key, so a repeat needs another;
 * - `unknown`: it may have happened; repeat with the same key.
 */
export function classify(error: unknown): 'refused' | 'kept' | 'unknown' {
  if (!(error instanceof Stripe.errors.StripeError)) return 'unknown';
  const status = error.statusCode;
  if (status === undefined || status === 409 || status === 429 || status === 401 || status === 403) return 'unknown';
  if (error instanceof Stripe.errors.StripeIdempotencyError) return 'kept';
  return status >= 500 ? 'kept' : 'refused';
}

/** Stripe has no such object: it belongs to another account, or to the other mode, or cannot be read yet. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError && error.code === 'resource_missing';

/** One line for logs and `last_error` columns: Stripe's words, request id and code, never parameters. */
export function describeStripeError(error: unknown): string {
  if (!(error instanceof Stripe.errors.StripeError)) return error instanceof Error ? error.message : String(error);
  // Stripe repeats a refused address, which is nobody's business in a log.
  const message = isAboutEmail(error) ? undefined : error.message;
  return [error.type, error.code, message, error.requestId].filter(Boolean).join(' · ').slice(0, 1_000);
}

/** Runs a call that somebody waits for; Stripe out of reach, or not there yet, becomes `unavailable` for the caller. */
export async function orUnavailable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && (classify(error) !== 'refused' || isMissing(error))) {
      throw new UnavailableError('stripe', describeStripeError(error), { cause: error });
    }
    throw error;
  }
}

/** What a delivery turned out to be; `unreadable`: well signed, but no event that holds its object (a thin one, say). */
export type Delivery = { kind: 'event'; event: unknown } | { kind: 'unreadable' } | { kind: 'forged' };

/**
 * The event in a webhook delivery, if one of the secrets signed these very bytes less than five minutes ago
 * (Stripe: verify webhook signatures).
 */
export function verifyWebhook(stripe: Stripe, rawBody: Buffer, signature: string, secrets: string[]): Delivery {
  const toleranceSeconds = 300;
  for (const secret of secrets) {
    try {
      const event: unknown = stripe.webhooks.constructEvent(rawBody, signature, secret, toleranceSeconds);
      return { kind: 'event', event };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) return { kind: 'unreadable' };
      // Perhaps the next secret.
    }
  }
  return { kind: 'forged' };
}

/** When money moved at Stripe, in seconds since the epoch. */
export const fromUnix = (seconds: number): Date => new Date(seconds * 1000);
export const toUnix = (date: Date): number => Math.floor(date.getTime() / 1000);

/** The amount is below the least that Stripe takes in its currency. */
export const isTooSmall = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError && error.code === 'amount_too_small';

/** The guest's e-mail address was refused. */
export const isAboutEmail = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError && error.param === 'customer_email';
