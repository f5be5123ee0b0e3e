import { type Actor, type HttpRoute, nothing, type Result, refuse } from '@monde-sauvage/contracts';
import { type NatsConnection, request } from '@monde-sauvage/messaging';
import type { Logger } from '@monde-sauvage/service-kit';
import express, { type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { type Ask, type Authenticate, admit } from './auth.ts';
import { callOf } from './call.ts';
import { sendProblem, sendRefusal, unknownKey, validationErrors } from './problems.ts';
import type { BookingStreams } from './sse.ts';
import { findUnknownKeys } from './unknown-keys.ts';

/** What routes work with. */
export interface Gateway {
  nc: NatsConnection;
  authenticate: Authenticate;
  bookingStreams: BookingStreams;
  logger: Logger;
}

/** A row of the contract's table with the code that serves it. */
export interface ServedRoute {
  route: HttpRoute;
  serve(gateway: Gateway): RequestHandler;
}

export interface RouteInput<P, Q, H, B> {
  params: P;
  query: Q;
  headers: H;
  body: B;
  ask: Ask;
}

type Handler<P, Q, H, B, S extends z.ZodType, Extra = unknown> = (
  input: RouteInput<P, Q, H, B> & Extra,
) => Promise<Result<z.input<S>>>;

const bodyLimit = '100kb';
const jsonParser = express.json({ limit: bodyLimit, strict: false, type: () => true });

/** A JSON route that looks at no credential. */
export const open = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
  S extends z.ZodType,
>(
  route: HttpRoute<P, Q, H, B, S>,
  handler: Handler<z.output<P>, z.output<Q>, z.output<H>, z.output<B>, S>,
): ServedRoute => ({
  route,
  serve: gateway => async (req, res) => answer(gateway, route, req, res, handler),
});

/** A JSON route for holders of a credential: authentication comes before anything else is read. */
export const guarded = <
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
  S extends z.ZodType,
>(
  route: HttpRoute<P, Q, H, B, S>,
  handler: Handler<z.output<P>, z.output<Q>, z.output<H>, z.output<B>, S, { actor: Actor }>,
): ServedRoute => ({
  route,
  serve: gateway => async (req, res) => {
    const who = await authorize(gateway, route, req, res);
    if (!who.ok) return sendRefusal(res, who.refusal);
    return answer(gateway, route, req, res, input => handler({ ...input, actor: who.value }));
  },
});

/** A route that answers in its own way: pages, streams, webhooks. */
export const custom = (route: HttpRoute, serve: ServedRoute['serve']): ServedRoute => ({ route, serve });

/** Asks other services under the call's request id and trace. */
export const askFor =
  (gateway: Gateway, res: Response): Ask =>
  (contract, input, o = {}) =>
    request(gateway.nc, contract, input, { ...callOf(res), ...o });

export async function authorize(
  gateway: Gateway,
  route: HttpRoute,
  req: Request,
  res: Response,
): Promise<Result<Actor>> {
  const who = await gateway.authenticate(req.get('authorization'), askFor(gateway, res));
  return who.ok ? admit(who.value, route) : who;
}

async function answer<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
  S extends z.ZodType,
>(
  gateway: Gateway,
  route: HttpRoute<P, Q, H, B, S>,
  req: Request,
  res: Response,
  handler: Handler<z.output<P>, z.output<Q>, z.output<H>, z.output<B>, S>,
): Promise<void> {
  const parsed = await readInput(route, req, res);
  if (!parsed.ok) return sendRefusal(res, parsed.refusal);
  const result = await handler({ ...parsed.value, ask: askFor(gateway, res) });
  if (!result.ok) return sendRefusal(res, result.refusal);
  sendSuccess(gateway, route, res, result.value);
}

/** Parses what the route takes. An id that cannot be one names nothing: 404. */
async function readInput<P extends z.ZodObject, Q extends z.ZodObject, H extends z.ZodObject, B extends z.ZodType>(
  route: HttpRoute<P, Q, H, B>,
  req: Request,
  res: Response,
): Promise<Result<{ params: z.output<P>; query: z.output<Q>; headers: z.output<H>; body: z.output<B> }>> {
  const params = route.params.safeParse(req.params);
  if (!params.success) return refuse('not_found', 'It does not exist, or is not yours.');
  let given: unknown;
  if (takesBody(route) && hasBody(req)) {
    if (!req.is(['json', '+json'])) return refuse('unsupported_media_type', 'Send Content-Type: application/json.');
    given = await readJson(req, res);
  }
  const query = route.query.safeParse(req.query);
  const headers = parseHeaders(route, req);
  const body = route.body.safeParse(given);
  const unknown = body.success ? findUnknownKeys(given, body.data) : [];
  if (query.success && headers.success && body.success && unknown.length === 0) {
    return { ok: true, value: { params: params.data, query: query.data, headers: headers.data, body: body.data } };
  }
  const errors = [query, headers, body].flatMap(part => (part.success ? [] : validationErrors(part.error)));
  const misspelt = unknown.map(path => ({ path, message: unknownKey }));
  return refuse('validation_failed', 'The request is not valid; errors says where.', [...errors, ...misspelt]);
}

/** The headers a route names, found whatever their case. */
export const parseHeaders = <H extends z.ZodObject>(route: { headers: H }, req: Request) =>
  route.headers.safeParse(Object.fromEntries(Object.keys(route.headers.shape).map(name => [name, req.get(name)])));

const takesBody = (route: HttpRoute) => route.body !== nothing;
const hasBody = (req: Request) =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/** @throws body-parser's errors, which `answerErrors` knows */
const readJson = (req: Request, res: Response): Promise<unknown> =>
  new Promise((resolve, reject) => {
    jsonParser(req, res, (error: unknown) => (error ? reject(error) : resolve(req.body)));
  });

/** Only what the contract names leaves the house: its schema strips everything else. */
function sendSuccess(gateway: Gateway, route: HttpRoute, res: Response, value: unknown): void {
  const { status, schema, location } = route.success;
  if (status === 204) {
    res.status(204).end();
    return;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const { requestId } = callOf(res);
    gateway.logger.error({ requestId, path: route.path, issues: parsed.error.issues }, 'an answer breaks its contract');
    sendProblem(res, { code: 'internal', detail: `Tell us the request id ${requestId} if it persists.` });
    return;
  }
  if (location !== undefined) res.location(fill(location, parsed.data));
  res.status(status).json(parsed.data);
}

function fill(template: string, value: unknown): string {
  const values = new Map(Object.entries(value ?? {}));
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))));
}
