import { setTimeout } from 'node:timers/promises';
import type { Fault } from '../shared/faults.ts';
import { type ErrorBody, StripeFault } from './errors.ts';
import { parseForm } from './form.ts';
import { fingerprintOf, type IdempotencyKeys } from './idempotency.ts';
import { runRoute } from './routes.ts';
import type { World } from './store.ts';

export interface ApiRequest {
  method: string;
  path: string;
  query: string;
  body: string;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
}

/** Undefined instead of an answer: the connection is to be broken. */
export interface ApiAnswer {
  status: number;
  body: string;
  headers: Record<string, string>;
}

export interface ApiContext {
  world: World;
  keys: IdempotencyKeys;
  secretKey: string | undefined;
  /** The version used for callers who name none. */
  apiVersion: string;
  /** Runs `work` with what events say about the request that caused them. */
  during<T>(request: { id: string; idempotency_key: string | null }, work: () => T): T;
}

interface Outcome {
  status: number;
  body: string;
  stored: boolean;
}

/**
 * One call of `/v1/…`: key check, idempotency, the injected fault, the route. Resolves with undefined when the answer is to
 * be lost.
 */
export async function answerApiCall(
  context: ApiContext,
  request: ApiRequest,
  fault: Fault | undefined,
): Promise<ApiAnswer | undefined> {
  const requestId = context.world.newId('req');
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'request-id': requestId,
    'stripe-version': request.headers['stripe-version'] ?? context.apiVersion,
  };
  const finish = (outcome: { status: number; body: string }): ApiAnswer => ({
    status: outcome.status,
    body: outcome.body,
    headers,
  });
  const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined;
  if (key !== undefined) headers['idempotency-key'] = key;

  if (fault && !reachesEndpoint(fault)) {
    await sleep(fault.latencyMs);
    if (fault.loseResponse === 'before') return undefined;
    Object.assign(headers, fault.headers);
    return finish(faultOutcome(fault));
  }
  try {
    checkSecretKey(context.secretKey, request.headers.authorization);
    checkContentType(request);
    if (key !== undefined && key.length > 255) {
      throw new StripeFault(400, {
        type: 'invalid_request_error',
        message: 'The idempotency key may be at most 255 characters long.',
      });
    }
  } catch (error) {
    return finish(errorOutcome(error, requestId));
  }
  let replay: { status: number; body: string; requestId: string } | undefined;
  const fingerprint = fingerprintOf(request.method, request.path, request.body);
  try {
    replay = key === undefined ? undefined : context.keys.begin(key, fingerprint);
  } catch (error) {
    return finish(errorOutcome(error, requestId));
  }
  if (replay) {
    await sleep(fault?.latencyMs ?? 0);
    if (fault?.loseResponse) return undefined;
    Object.assign(headers, { 'idempotent-replayed': 'true', 'original-request': replay.requestId });
    // Trying again would only bring the same answer.
    if (replay.status >= 500) headers['stripe-should-retry'] = 'false';
    return finish(replay);
  }
  const outcome = await execute(context, request, { requestId, key, fault }).catch((error: unknown) => {
    if (key !== undefined) context.keys.end(key, undefined);
    throw error;
  });
  if (key !== undefined) {
    const { status, body } = outcome;
    context.keys.end(
      key,
      outcome.stored ? { fingerprint, status, body, requestId, at: context.world.now() } : undefined,
    );
    if (outcome.stored && status >= 500) headers['stripe-should-retry'] = 'false';
  }
  if (fault) Object.assign(headers, fault.headers);
  return fault?.loseResponse === 'after' ? undefined : finish(outcome);
}

async function execute(
  context: ApiContext,
  request: ApiRequest,
  o: { requestId: string; key: string | undefined; fault: Fault | undefined },
): Promise<Outcome> {
  const { fault } = o;
  await sleep(fault?.latencyMs ?? 0);
  if (fault?.status !== undefined && !fault.applied) return faultOutcome(fault);
  const outcome = context.during({ id: o.requestId, idempotency_key: o.key ?? null }, () =>
    run(context, request, o.requestId),
  );
  return fault?.status === undefined ? outcome : faultOutcome(fault);
}

function run(context: ApiContext, request: ApiRequest, requestId: string): Outcome {
  try {
    const params = parseForm(request.method === 'POST' ? request.body : request.query);
    const apiVersion = request.headers['stripe-version'] ?? context.apiVersion;
    const answer = runRoute(context.world, { method: request.method, path: request.path, params, apiVersion });
    return { status: 200, body: JSON.stringify(answer, null, 2), stored: true };
  } catch (error) {
    return errorOutcome(error, requestId);
  }
}

/** Overload, gateways and broken lines are met before an endpoint runs; a 500 comes from the endpoint and is remembered. */
function reachesEndpoint(fault: Fault): boolean {
  if (fault.loseResponse === 'before') return false;
  return fault.status === undefined || fault.applied || fault.status === 500;
}

function faultOutcome(fault: Fault): Outcome {
  const status = fault.status ?? 500;
  const error = {
    type: fault.type ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
    ...(fault.code ? { code: fault.code } : status === 429 ? { code: 'rate_limit' } : {}),
    message: fault.message ?? `An injected fault with status ${status}.`,
  };
  return { status, body: JSON.stringify({ error }, null, 2), stored: true };
}

function errorOutcome(error: unknown, requestId: string): Outcome {
  if (!(error instanceof StripeFault)) throw error;
  const body: { error: ErrorBody } = {
    error: { ...error.error, request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}` },
  };
  return { status: error.status, body: JSON.stringify(body, null, 2), stored: error.stored };
}

// Version 1 of the API takes forms only.
function checkContentType(request: ApiRequest): void {
  const type = request.headers['content-type'] ?? '';
  if (request.body !== '' && !type.startsWith('application/x-www-form-urlencoded')) {
    const message = `Invalid request (check that your POST content type is application/x-www-form-urlencoded). Got: ${type}`;
    throw new StripeFault(400, { type: 'invalid_request_error', message });
  }
}

function checkSecretKey(expected: string | undefined, authorization: string | undefined): void {
  const [scheme = '', value = ''] = (authorization ?? '').split(' ');
  const key = scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString().split(':')[0] : value;
  if (!key) {
    const message =
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
    throw new StripeFault(401, { type: 'invalid_request_error', message });
  }
  if (expected !== undefined && key !== expected) {
    const hidden = `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`;
    throw new StripeFault(401, { type: 'invalid_request_error', message: `Invalid API Key provided: ${hidden}` });
  }
}

const sleep = async (ms: number): Promise<void> => {
  if (ms > 0) await setTimeout(ms);
};
