import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { currentTraceparent, traceIdOf } from './trace-context.ts';

export type { Logger };

/**
 * Names of fields that never reach a log, wherever they stand up to three levels deep: secrets, and personal data of
 * guests. Ids, references, dates and states are enough to follow a booking.
 */
const confidential = [
  'authorization',
  'key',
  'token',
  'manageToken',
  'refreshToken',
  'accessToken',
  'password',
  'secret',
  'code',
  'codeVerifier',
  'customer',
  'email',
  'phone',
  'notes',
  'customerName',
  'customerEmail',
];

/** What Postgres adds to an error can hold a row's values (`Failing row contains …`); its code and message do not. */
const rowValues = ['detail', 'where', 'parameters'];

/**
 * A structured JSON logger on standard output (or to `destination`), one line an entry; `traceId` says which trace it
 * belongs to, if any.
 */
export function createLogger(o: {
  service: string;
  version?: string | undefined;
  level?: string | undefined;
  destination?: DestinationStream | undefined;
}): Logger {
  const options: LoggerOptions = {
    name: o.service,
    level: o.level ?? 'info',
    base: { service: o.service, ...(o.version === undefined ? {} : { version: o.version }) },
    mixin: withTrace,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    redact: {
      paths: [
        ...confidential.flatMap(name => [name, `*.${name}`, `*.*.${name}`]),
        ...rowValues.flatMap(name => [`err.${name}`, `err.*.${name}`, `err.*.*.${name}`]),
      ],
      censor: (value, path) => (isErrorCode(path) ? value : '[redacted]'),
    },
  };
  return o.destination === undefined ? pino(options) : pino(options, o.destination);
}

/** What kind of error it is (`23505`, `ECONNREFUSED`), not what somebody was given to sign in with. */
const isErrorCode = (path: string[]): boolean => path[0] === 'err' && path.at(-1) === 'code';

/** A new object each time: pino writes the entry into it. */
function withTrace(): object {
  const traceId = traceIdOf(currentTraceparent());
  return traceId === undefined ? {} : { traceId };
}
