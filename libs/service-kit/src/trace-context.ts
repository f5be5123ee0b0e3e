import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/**
 * Which trace the code that runs now belongs to, as a W3C `traceparent`. It is known with and without a collector, so
 * that a request can be followed through logs and events alone.
 */

/** https://www.w3.org/TR/trace-context/#traceparent-header-field-values: version ff and ids of zeros are not valid. */
const valid = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

const current = new AsyncLocalStorage<string | undefined>();

/** A `traceparent` as it came from outside; undefined when there is none, or none that is valid. */
export const readTraceparent = (text: string | undefined): string | undefined =>
  text !== undefined && valid.test(text) ? text : undefined;

/** The beginning of a trace. It is marked as sampled: whoever records spans further on should. */
export const newTraceparent = (): string =>
  `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;

/** The trace's id, 32 hexadecimal digits, for logs. */
export const traceIdOf = (traceparent: string | undefined): string | undefined => traceparent?.slice(3, 35);

/** The `traceparent` to hand on from here. */
export const currentTraceparent = (): string | undefined => current.getStore();

/** Runs `run`, and all it calls and awaits, as part of that trace; of none when it is undefined. */
export const inTrace = <T>(traceparent: string | undefined, run: () => T): T => current.run(traceparent, run);
