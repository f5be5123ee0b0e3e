import { inTrace, type Logger, type Metrics, newTraceparent, startSpan, traceIdOf } from '@monde-sauvage/service-kit';
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { callOf, routeOf, setTrace } from './call.ts';
import { sendProblem } from './problems.ts';

/** What every request passes on its way in. */

/** Answers are data: nothing in them may be run, framed or guessed at. Pages bring their own, wider policy. */
export const secureHeaders = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"], 'base-uri': ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    xFrameOptions: { action: 'deny' },
  });

const corsHeaders = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers':
    'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, Traceparent',
  'access-control-max-age': '7200',
};

/** Browsers of any site may call: credentials are bearer tokens a page holds itself, there are no cookies to abuse. */
export const allowBrowsers: RequestHandler = (req, res, next) => {
  res.setHeader('access-control-allow-origin', '*');
  res.setHeader('access-control-expose-headers', 'Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id');
  if (req.method !== 'OPTIONS' || req.get('access-control-request-method') === undefined) return next();
  res.set(corsHeaders).status(204).end();
};

/**
 * Counts requests per client address and minute, in this replica's memory: with several replicas behind a balancer the
 * limit of the whole is that many times higher. 0 turns it off.
 */
export function limitRate(o: {
  name: string;
  perMinute: number;
  metrics: Metrics;
  skip?: (method: string) => boolean;
}): RequestHandler {
  if (o.perMinute === 0) return (_req, _res, next) => next();
  const refused = o.metrics.counter('http_rate_limited_total', 'Requests refused by a rate limit', ['limit']);
  return rateLimit({
    windowMs: 60_000,
    limit: o.perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: o.name,
    skip: req => o.skip?.(req.method) ?? false,
    // TRUST_PROXY decides whose X-Forwarded-For counts; a forged one is ignored, not a mistake of ours.
    validate: { xForwardedForHeader: false, trustProxy: false, forwardedHeader: false },
    handler: (_req, res) => {
      refused.inc({ limit: o.name });
      sendProblem(res, { code: 'rate_limited', detail: `At most ${o.perMinute} ${o.name} a minute. Slow down.` });
    },
  });
}

/**
 * One line, one measurement and one span an answer, in the client's trace or one that begins here. Paths are logged as patterns, without queries: those may
 * hold secrets.
 */
export function observe(o: { logger: Logger; metrics: Metrics }): RequestHandler {
  const seconds = o.metrics.histogram('http_request_seconds', 'Time to answer a request', [
    'method',
    'route',
    'status',
  ]);
  return (req, res, next) => {
    const started = performance.now();
    const call = callOf(res);
    const { method } = req;
    const span = startSpan(method, {
      kind: 'server',
      parent: call.traceparent,
      attributes: { 'http.request.method': method, 'monde_sauvage.request_id': call.requestId },
    });
    const traceparent = span.traceparent ?? newTraceparent();
    setTrace(res, traceparent);
    res.once('close', () => {
      const route = routeOf(req);
      const status = res.writableFinished ? res.statusCode : 499;
      const ms = performance.now() - started;
      seconds.observe({ method, route, status }, ms / 1_000);
      const { requestId } = call;
      const traceId = traceIdOf(traceparent);
      o.logger.info({ requestId, traceId, method, route, status, ms: Math.round(ms * 10) / 10 }, 'answered');
      span.setName(`${method} ${route}`);
      span.set({ 'http.route': route, 'http.response.status_code': status });
      if (status >= 500) span.fail(String(status));
      span.end();
    });
    inTrace(traceparent, next);
  };
}
