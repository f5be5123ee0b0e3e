/**
 * Every call that the service makes to Stripe, by the name that stripe-http.ts gives it. Whatever it asks and whatever the
 * answer is, the process may end before anything of it is noted.
 */
export const stripeCalls = [
  'POST /v1/checkout/sessions',
  'POST /v1/checkout/sessions/:id/expire',
  'POST /v1/refunds',
  'GET /v1/checkout/sessions/:id',
  'GET /v1/payment_intents/:id',
  'GET /v1/charges/:id',
  'GET /v1/checkout/sessions',
  'GET /v1/charges',
  'GET /v1/refunds',
  'GET /v1/disputes',
  'GET /v1/events',
] as const;
type StripeCall = (typeof stripeCalls)[number];

const answered = (call: StripeCall) => `${call} answered, not noted` as const;

/** The crash point right after an answer of Stripe; undefined for a call that the list above lacks, which a test finds. */
export function pointAfter(operation: string): CrashPoint | undefined {
  const call = stripeCalls.find(known => known === operation);
  return call === undefined ? undefined : answered(call);
}

/**
 * Places where the process may end at its worst: between Stripe's answer and our note of it, or between two notes. Tests
 * name one and end the service there; in production passing one does nothing.
 */
export const crashPoints = [
  ...stripeCalls.map(answered),
  'attempt noted, no session at Stripe',
  'session stored, hold not extended',
  'payment applied, nobody woken',
  'event stored, not processed',
  'event applied, not marked',
  'refund about to be made',
  'refund request stored, nobody woken',
  'balance session closed, overdue not announced',
] as const;

export type CrashPoint = (typeof crashPoints)[number];
