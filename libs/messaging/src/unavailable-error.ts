/**
 * The other service cannot answer now: nobody listens, the deadline passed, or there is no connection. Whether it did
 * the work is unknown, so a command must be safe to repeat. Becomes 503 with `Retry-After` at the gateway.
 */
export class UnavailableError extends Error {
  override name = 'UnavailableError';
  /** The service that did not answer, e.g. `booking`. */
  readonly service: string;
  readonly retryAfterSeconds: number;
  /** What the service said to whoever asked, when it did answer; safe to show to anybody. */
  readonly said: string | undefined;

  constructor(service: string, reason: string, o: { retryAfterSeconds?: number; said?: string; cause?: unknown } = {}) {
    super(`${service} is unavailable: ${reason}`, o.cause === undefined ? undefined : { cause: o.cause });
    this.service = service;
    this.said = o.said;
    this.retryAfterSeconds = o.retryAfterSeconds ?? 2;
  }
}

/** The owning service of a request subject: `svc.booking.create` → `booking`. */
export const serviceOf = (subject: string): string => subject.split('.')[1] ?? subject;
