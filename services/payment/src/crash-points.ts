/**
 * Places where the process may end at its worst: between Stripe's answer and our note of it, or between two notes. Tests
 * name one and end the service there; in production passing one does nothing.
 */
export const crashPoints = [
  'attempt noted, no session at Stripe',
  'session created at Stripe, not stored',
  'session stored, hold not extended',
  'session expired at Stripe, not noted',
  'session read from Stripe, not applied',
  'payment applied, nobody woken',
  'event stored, not processed',
  'event applied, not marked',
  'refund about to be made',
  'refund made at Stripe, not noted',
  'refund request stored, nobody woken',
  'page of events read, not stored',
  'balance session closed, overdue not announced',
] as const;

export type CrashPoint = (typeof crashPoints)[number];
