import { z } from 'zod';

/** What a failed call to Google means for what we do next. */
export type GoogleFailure =
  /** It will pass: try again later, not before `retryAfterMs` where Google said so. */
  | { kind: 'retry'; reason: string; retryAfterMs?: number }
  /** Too many calls for this account or project: nobody should call before `retryAfterMs`. */
  | { kind: 'quota'; reason: string; retryAfterMs?: number }
  /** The refresh token is dead for ever; only the owner can connect again. */
  | { kind: 'revoked'; reason: string }
  /** The access token is not accepted: refresh it, once. */
  | { kind: 'unauthorized'; reason: string }
  /** The owner has to change something in Google: no permission, calendar gone. */
  | { kind: 'forbidden'; reason: string }
  /** The owner did not give, or took back, a permission that every call of this kind needs: only connecting again helps. */
  | { kind: 'scope'; reason: string }
  /** Our own project at Google is not set up for this: an operator has to act, no owner can. */
  | { kind: 'project'; reason: string }
  | { kind: 'not_found'; reason: string }
  /** 410. `full_sync`: the sync token is spent; `deleted`: the event is gone already. */
  | { kind: 'gone'; reason: string; what: 'full_sync' | 'deleted' }
  /** 409 on insert: the id was used before, perhaps by an event that was deleted since. */
  | { kind: 'duplicate'; reason: string }
  /** 412: the event changed since its etag was read. */
  | { kind: 'changed_meanwhile'; reason: string }
  /** Google does not understand us; trying again will not help. */
  | { kind: 'invalid'; reason: string };

/** How long Google asked to be left alone, in milliseconds; undefined when it did not. */
export const askedWaitMs = (failure: GoogleFailure | undefined): number | undefined =>
  failure !== undefined && 'retryAfterMs' in failure ? failure.retryAfterMs : undefined;

/** What the client libraries put on the errors they throw, whichever of them it was. */
const thrown = z.object({
  message: z.string().catch(''),
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
  status: z.number().optional().catch(undefined),
  response: z
    .object({
      status: z.number(),
      headers: z.unknown(),
      data: z.unknown(),
    })
    .partial()
    .optional()
    .catch(undefined),
});

const apiError = z.object({
  error: z.object({
    message: z.string().catch(''),
    errors: z.array(z.object({ reason: z.string().catch(''), message: z.string().catch('') })).catch([]),
    /** Where newer parts of Google's front give the reason: `google.rpc.ErrorInfo`, as in `RATE_LIMIT_EXCEEDED`. */
    details: z.array(z.object({ reason: z.string().catch('') })).catch([]),
  }),
});
const oauthError = z.object({ error: z.string(), error_description: z.string().optional() });

const quotaReasons = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded', 'dailyLimitExceeded']);

const scopeReasons = new Set(['insufficientPermissions', 'accessTokenScopeInsufficient']);
/** The API is not switched on in our project, or the project is suspended or not paid for; in the older and the newer words. */
const projectReasons = new Set([
  'accessNotConfigured',
  'serviceDisabled',
  'billingDisabled',
  'billingNotEnabled',
  'consumerSuspended',
  'consumerInvalid',
]);

/** What the client libraries throw of a request that was made, or tried, names it. Anything else failed on our side. */
export const isOfGoogle = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && ('config' in error || 'response' in error);

/**
 * Reads the error of a call to the Calendar API or to the token endpoint. Whatever has no answer (refused, reset, timed
 * out) may have taken effect or not, and is `retry`.
 * Google: Calendar API, "Handle API errors".
 */
export function classifyGoogleError(error: unknown): GoogleFailure {
  const parsed = thrown.safeParse(error);
  if (!parsed.success) return { kind: 'retry', reason: String(error) };
  const { message, code, response } = parsed.data;
  const status = response?.status ?? parsed.data.status;
  if (status === undefined) return { kind: 'retry', reason: `Google does not answer (${code ?? firstLine(message)})` };

  const oauth = oauthError.safeParse(response?.data);
  if (oauth.success) return classifyTokenError(status, oauth.data);

  const body = apiError.safeParse(response?.data);
  const reasons = body.success ? reasonsOf(body.data.error) : [];
  const reason = reasons[0] ?? '';
  const isFor = (known: ReadonlySet<string>) => reasons.some(one => known.has(one));
  const said = `Google answered ${status}${reason && ` ${reason}`}: ${firstLine(
    (body.success && body.data.error.message) || message,
  )}`;
  const retryAfterMs = retryAfter(response?.headers);
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };

  if (status === 429 || (status === 403 && isFor(quotaReasons))) return { kind: 'quota', reason: said, ...wait };
  if (status === 401) return { kind: 'unauthorized', reason: said };
  if (status === 403 && isFor(scopeReasons)) return { kind: 'scope', reason: said };
  if (status === 403 && isFor(projectReasons)) return { kind: 'project', reason: said };
  if (status === 403) return { kind: 'forbidden', reason: said };
  if (status === 404) return { kind: 'not_found', reason: said };
  if (status === 409) return { kind: 'duplicate', reason: said };
  if (status === 410) return { kind: 'gone', reason: said, what: reason === 'deleted' ? 'deleted' : 'full_sync' };
  if (status === 412) return { kind: 'changed_meanwhile', reason: said };
  if (status >= 500 || status === 408) return { kind: 'retry', reason: said, ...wait };
  return { kind: 'invalid', reason: said };
}

/** Google: Calendar API, "Handle API errors"; AIP-193 for the newer shape, whose reasons are brought into the older form. */
function reasonsOf({ errors, details }: z.infer<typeof apiError>['error']): string[] {
  const newer = details.map(({ reason }) =>
    reason.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
  return [...errors.map(({ reason }) => reason), ...newer].filter(reason => reason !== '');
}

/** Not the grant is refused, but we are (RFC 6749, section 5.2; `deleted_client` is Google's own). */
const clientErrors = new Set(['invalid_client', 'unauthorized_client', 'deleted_client']);

function classifyTokenError(status: number, error: z.infer<typeof oauthError>): GoogleFailure {
  const said = `${error.error}${error.error_description ? ` (${firstLine(error.error_description)})` : ''}`;
  if (error.error === 'invalid_grant') return { kind: 'revoked', reason: `Google withdrew the access: ${said}` };
  if (status === 429) return { kind: 'quota', reason: `Google answered ${said}` };
  // A wrong client secret, say: an operator's mistake that is mended without the owner, so the grant stays.
  const refused = `Google refused to give an access token: ${said}`;
  if (clientErrors.has(error.error)) return { kind: 'project', reason: refused };
  return { kind: 'retry', reason: refused };
}

/** A pause for longer than this is asked for again. */
const longestPauseMs = 3_600_000;

/** Milliseconds that `Retry-After` asks for: seconds or an HTTP date; undefined when it says nothing useful. */
function retryAfter(headers: unknown): number | undefined {
  const value = readHeader(headers, 'retry-after');
  if (value === undefined || value === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return pauseOf(seconds * 1_000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : pauseOf(at - Date.now());
}

const pauseOf = (ms: number): number => Math.min(Math.max(0, ms), longestPauseMs);

/** The client libraries bring classes of their own for headers, which are not instances of Node's. */
function readHeader(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const value: unknown =
    'get' in headers && typeof headers.get === 'function' ? headers.get(name) : Reflect.get(headers, name);
  return typeof value === 'string' ? value : undefined;
}

/** Without addresses: those of some calls contain a token. */
const firstLine = (text: string): string =>
  (text.split('\n')[0] ?? '').replaceAll(/https?:\/\/\S+/g, '…').slice(0, 300);

/** A call to Google failed; `failure` says what that means. */
export class GoogleCallError extends Error {
  override name = 'GoogleCallError';
  readonly failure: GoogleFailure;

  constructor(failure: GoogleFailure, cause?: unknown) {
    super(failure.reason, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
