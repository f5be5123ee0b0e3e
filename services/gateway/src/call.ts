import { newId, readTraceparent } from '@monde-sauvage/service-kit';
import type { Request, RequestHandler, Response } from 'express';

/** What names one HTTP request wherever it goes: in answers, logs and requests to other services. */
export interface Call {
  requestId: string;
  /** W3C Trace Context: as the client sent it, then that of the request's own span. */
  traceparent?: string;
}

const calls = new WeakMap<Response, Call>();
const saneRequestId = /^[\x21-\x7e]{1,100}$/;

/** Names the call; keeps the caller's `x-request-id` when it is sane. */
export const nameCall: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id');
  const traceparent = readTraceparent(req.get('traceparent'));
  const requestId = given !== undefined && saneRequestId.test(given) ? given : newId();
  calls.set(res, { requestId, ...(traceparent === undefined ? {} : { traceparent }) });
  res.setHeader('x-request-id', requestId);
  next();
};

export function callOf(res: Response): Call {
  const call = calls.get(res);
  if (!call) throw new Error('nameCall has not run');
  return call;
}

/** From now on the call hands on this trace. */
export const setTrace = (res: Response, traceparent: string): void =>
  void calls.set(res, { ...callOf(res), traceparent });

/** The route's path with its parameters in braces, for logs and metrics; set by the router. */
const routes = new WeakMap<Request, string>();
export const setRoute = (req: Request, path: string): void => void routes.set(req, path);
export const routeOf = (req: Request): string => routes.get(req) ?? 'unknown';
