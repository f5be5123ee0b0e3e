import { z } from 'zod';
import { refusalCodes } from './define.ts';

/** What a route of the gateway is, and how it refuses. The routes themselves are in `http.ts`. */

export const problemCodes = [...refusalCodes, 'method_not_allowed'] as const;
export type ProblemCode = (typeof problemCodes)[number];

/** Status and title of every problem answer. */
export const problemKinds = {
  validation_failed: { status: 422, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'A valid credential is needed' },
  forbidden: { status: 403, title: 'This credential does not allow it' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'This method is not available here' },
  dates_unavailable: { status: 409, title: 'The dates are not available' },
  not_pending: { status: 409, title: 'The booking is not pending' },
  read_only_source: { status: 409, title: 'The booking belongs to an external calendar' },
  nothing_to_refund: { status: 409, title: 'There is nothing to give back' },
  amount_exceeds_remaining: { status: 409, title: 'The amount is more than can be given back' },
  payment_disputed: { status: 409, title: 'The payment is disputed' },
  idempotency_key_reused: { status: 409, title: 'The Idempotency-Key was used with another body' },
  google_not_connected: { status: 409, title: 'Google Calendar is not connected' },
  calendar_in_use: { status: 409, title: 'The calendar serves another chalet' },
  already_decided: { status: 409, title: 'It was decided already' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const satisfies Record<ProblemCode, { status: number; title: string }>;

/** RFC 9457, with a stable `code` to program against. */
export const problem = z
  .object({
    type: z.string().meta({ example: 'urn:monde-sauvage:problem:not_found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(problemCodes),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    instance: z.string().meta({ description: 'path of the request' }),
    requestId: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
export type Problem = z.infer<typeof problem>;

/** Who may call a route; holders of a bearer credential are `admin`, `owner` and `guest`. */
export type Caller = 'public' | 'guest' | 'owner' | 'admin' | 'stripe' | 'google' | 'operator';

export interface HttpRoute<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  H extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  S extends z.ZodType = z.ZodType,
> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With parameters in braces: `/v1/bookings/{id}`. */
  path: `/${string}`;
  tag:
    | 'Establishments'
    | 'Chalets'
    | 'Availability'
    | 'Bookings'
    | 'Payments'
    | 'Google Calendar'
    | 'Webhooks'
    | 'Operations';
  who: readonly Caller[];
  summary: string;
  params: P;
  query: Q;
  headers: H;
  /** `nothing` when the route takes no JSON body. */
  body: B;
  success: {
    status: 200 | 201 | 204;
    /** `nothing` when the answer has no body. */
    schema: S;
    /** application/json unless said otherwise. */
    contentType?: string;
    /** Template of the Location header, filled from the answer. */
    location?: string;
  };
  /** Codes beyond those that every route of its kind can answer; see `problemCodesOf`. */
  refusals: readonly ProblemCode[];
}

export const nothing = z.undefined();
const none = z.object({});

/** What a route has unless it says otherwise. */
export const base = { params: none, query: none, headers: none, body: nothing, refusals: [] } as const;
type Rest<R extends HttpRoute> = Omit<R, 'method' | 'path' | 'who'>;

/** One row of the table of routes; its operation id is the name it has there. */
export const route = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
  S extends z.ZodType,
>(
  method: HttpRoute['method'],
  path: HttpRoute['path'],
  who: HttpRoute['who'],
  rest: Rest<HttpRoute<P, Q, H, B, S>>,
): HttpRoute<P, Q, H, B, S> => ({ method, path, who, ...rest });

export const everybody = ['public'] as const;

/** What a route answers when it grants: a body, a new thing, nothing, a page. */
export const answer = <S extends z.ZodType>(schema: S) => ({ status: 200 as const, schema });
export const created = <S extends z.ZodType>(schema: S) => ({ status: 201 as const, schema });
export const noContent = { status: 204 as const, schema: nothing };
export const html = { ...answer(z.string()), contentType: 'text/html' };

/** Whether a route asks for a bearer credential. */
export const needsCredential = (r: HttpRoute): boolean =>
  r.who.some(caller => caller === 'admin' || caller === 'owner' || caller === 'guest');

/** Every code a route can answer with: its own, and those that follow from what it takes. */
export function problemCodesOf(r: HttpRoute): ProblemCode[] {
  if (r.tag === 'Operations') return ['internal'];
  const has = (schema: z.ZodObject) => Object.keys(schema.shape).length > 0;
  const takesBody = r.body !== nothing;
  const codes: [boolean, ...ProblemCode[]][] = [
    [takesBody, 'malformed_json', 'payload_too_large', 'unsupported_media_type'],
    [takesBody || has(r.query) || has(r.headers), 'validation_failed'],
    [needsCredential(r), 'unauthorized'],
    [needsCredential(r) && !r.who.includes('owner'), 'forbidden'],
    [has(r.params), 'not_found'],
    [r.tag !== 'Webhooks', 'rate_limited'],
  ];
  const implied = codes.flatMap(([applies, ...some]) => (applies ? some : []));
  return [...new Set<ProblemCode>([...implied, ...r.refusals, 'unavailable', 'internal'])];
}

/** The status a route answers a code with. Webhooks say 400 to what they cannot accept, as their senders expect. */
export const problemStatus = (r: HttpRoute, code: ProblemCode): number =>
  r.tag === 'Webhooks' && code === 'validation_failed' ? 400 : problemKinds[code].status;
