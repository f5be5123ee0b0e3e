import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type Actor,
  establishmentRequests,
  type HttpRoute,
  ok,
  type RequestContract,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';

/** A question to another service on behalf of one call. */
export type Ask = <I extends z.ZodType, O extends z.ZodType>(
  contract: RequestContract<I, O>,
  input: z.input<I>,
  o?: { deadlineMs?: number },
) => Promise<Result<z.output<O>>>;

export type Authenticate = (authorization: string | undefined, ask: Ask) => Promise<Result<Actor>>;

const maxTokenLength = 200;
const hash = (text: string) => createHash('sha256').update(text).digest();

/**
 * Finds out whom an `Authorization: Bearer` header stands for: the administrator by the configured key (compared in
 * constant time), owners and guests by asking the booking service. Nothing is cached: a revoked key is refused at once.
 */
export function createAuthenticate(adminApiKey: string): Authenticate {
  const adminHash = hash(adminApiKey);
  return async (authorization, ask) => {
    if (authorization === undefined) {
      return refuse('unauthorized', 'Send Authorization: Bearer with an admin key, an owner key or a manageToken.');
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
    const unknown = refuse('unauthorized', 'This credential is not known, or was revoked.');
    if (token === undefined) return unknown;
    if (timingSafeEqual(hash(token), adminHash)) return ok({ kind: 'admin' });
    if (token.length > maxTokenLength) return unknown;
    const found = await ask(establishmentRequests.authenticate, { token });
    return found.ok ? found : unknown;
  };
}

/**
 * Whether this kind of actor may use a route at all; what it may do to which rows is decided by the service that owns
 * them. A route of somebody's resource does not exist for those it is not for (404); one of the platform's own refuses.
 */
export function admit(actor: Actor, route: HttpRoute): Result<Actor> {
  if (route.who.includes(actor.kind)) return ok(actor);
  return Object.keys(route.params.shape).length > 0
    ? refuse('not_found', 'It does not exist, or is not yours.')
    : refuse('forbidden', `Only ${route.who.join(' or ')} may do this.`);
}
