import type { z } from 'zod';

/** Stable machine-readable codes of refusals; they reach HTTP clients as the `code` of a problem answer. */
export const refusalCodes = [
  'validation_failed',
  'malformed_json',
  'unauthorized',
  'forbidden',
  'not_found',
  'dates_unavailable',
  'not_pending',
  'read_only_source',
  'nothing_to_refund',
  'amount_exceeds_remaining',
  'payment_disputed',
  'idempotency_key_reused',
  'google_not_connected',
  'calendar_in_use',
  'already_decided',
  'payload_too_large',
  'unsupported_media_type',
  'rate_limited',
  'unavailable',
  'internal',
] as const;

export type RefusalCode = (typeof refusalCodes)[number];

/** A request that was understood and not granted. `message` says what to do about it and is safe to show to anybody. */
export interface Refusal {
  code: RefusalCode;
  message: string;
  errors?: { path: string; message: string }[] | undefined;
  /** With `unavailable`: who does not answer, when it is somebody behind the service that was asked (`stripe`, `google`). */
  unavailable?: string | undefined;
}

/** The outcome of a request: expected refusals are values, only broken rules are thrown. */
export type Result<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export const refuse = (code: RefusalCode, message: string, errors?: Refusal['errors']): Result<never> => ({
  ok: false,
  refusal: errors ? { code, message, errors } : { code, message },
});

/** Not now, for a reason that whoever asked should hear: without one, they are told that the service does not answer. */
export const refuseForNow = (message: string): Result<never> => refuse('unavailable', message, [{ path: '', message }]);

/** JetStream streams; each belongs to one publishing service, the only one that creates and changes it. */
export const streams = {
  BOOKING: { subjects: ['booking.*', 'chalet.*', 'establishment.*'] },
  PAYMENT: { subjects: ['payment.*'] },
  CALENDAR: { subjects: ['calendar.*'] },
} as const satisfies Record<string, { subjects: readonly string[] }>;

export type StreamName = keyof typeof streams;

/** A question or command another service answers: `svc.<service>.<verb_object>`. */
export interface RequestContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  subject: `svc.${string}.${string}`;
  input: I;
  output: O;
  /** How long the caller waits before it takes the service for unavailable, in milliseconds. */
  deadlineMs: number;
}

/** A fact the publisher announces to whoever keeps a copy; the subject is also the CloudEvents type. */
export interface EventContract<S extends z.ZodType = z.ZodType> {
  subject: string;
  stream: StreamName;
  body: S;
}

export const defineRequest = <I extends z.ZodType, O extends z.ZodType>(
  contract: RequestContract<I, O>,
): RequestContract<I, O> => contract;

export const defineEvent = <S extends z.ZodType>(contract: EventContract<S>): EventContract<S> => contract;
