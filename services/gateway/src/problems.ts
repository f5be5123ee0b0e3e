import { type Problem, type ProblemCode, problemKinds, type Refusal } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { Logger } from '@monde-sauvage/service-kit';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { callOf } from './call.ts';

export interface ProblemDetails {
  code: ProblemCode;
  detail: string;
  errors?: Refusal['errors'];
  /** Instead of the code's own status. */
  status?: number;
  retryAfterSeconds?: number;
}

/** RFC 9457: `application/problem+json`. */
export function makeProblem(o: ProblemDetails, at: { instance: string; requestId: string }): Problem {
  const kind = problemKinds[o.code];
  // A refusal about the request as a whole names no field.
  const errors = o.errors ?? (o.code === 'validation_failed' ? [{ path: '', message: o.detail }] : undefined);
  return {
    type: `urn:monde-sauvage:problem:${o.code}`,
    title: kind.title,
    status: o.status ?? kind.status,
    detail: o.detail,
    code: o.code,
    ...(errors ? { errors } : {}),
    ...at,
  };
}

const bearer = 'Bearer realm="monde-sauvage"';

/** Answers with a problem; 401 asks for a bearer credential, 503 says when to come back. */
export function sendProblem(res: Response, o: ProblemDetails): void {
  const problem = makeProblem(o, { instance: res.req.path, requestId: callOf(res).requestId });
  if (o.code === 'unauthorized') res.setHeader('www-authenticate', bearer);
  if (o.code === 'unavailable') res.setHeader('retry-after', String(o.retryAfterSeconds ?? 2));
  res.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** A refusal of a service, or the gateway's own, as a problem. */
export const sendRefusal = (res: Response, refusal: Refusal, o: { status?: number } = {}): void =>
  sendProblem(res, { code: refusal.code, detail: refusal.message, errors: refusal.errors, ...o });

export const unknownKey = 'is not known here';

/** What zod found wrong, one entry per place; unknown keys are named one by one. */
export const validationErrors = (error: z.ZodError): { path: string; message: string }[] =>
  error.issues.flatMap(issue =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(key => ({ path: [...issue.path, key].join('.'), message: unknownKey }))
      : [{ path: issue.path.join('.'), message: issue.message }],
  );

export const notFound: RequestHandler = (_, res) =>
  sendProblem(res, { code: 'not_found', detail: 'There is nothing at this address. See /docs for what there is.' });

/** body-parser and Express mark what the client did wrong with a status, body-parser also with a type. */
const clientError = z.object({
  status: z.int().min(400).max(499),
  type: z.string().optional(),
  name: z.string().optional(),
});

function describeClientError(error: unknown): ProblemDetails | undefined {
  const known = clientError.safeParse(error);
  if (!known.success) return undefined;
  switch (known.data.status) {
    case 413:
      return { code: 'payload_too_large', detail: 'The body is larger than this route takes.' };
    case 415:
      return {
        code: 'unsupported_media_type',
        detail: 'The charset or content encoding of the body is not supported.',
      };
    default:
      // Express could not decode the path.
      return known.data.name === 'URIError'
        ? { code: 'not_found', detail: 'There is nothing at this address.' }
        : { code: 'malformed_json', detail: 'The body could not be read as JSON.' };
  }
}

/** Others' systems, by the names our services give them. */
const remotes: Record<string, string> = { stripe: 'Stripe', google: 'Google Calendar' };

/** The one place where thrown errors become answers. Stacks go to the log, never to a client. */
export const answerErrors =
  (logger: Logger): ErrorRequestHandler =>
  (error: unknown, req, res, next) => {
    const { requestId } = callOf(res);
    const unavailable = error instanceof UnavailableError;
    const mistake = unavailable ? undefined : describeClientError(error);
    if (unavailable)
      logger.warn({ requestId, unavailable: error.service, reason: error.message }, 'a service is unavailable');
    else if (!mistake) logger.error({ err: error, requestId, method: req.method, path: req.path }, 'a request failed');
    if (res.headersSent) return next(error);
    if (unavailable) {
      const who = remotes[error.service] ?? `The ${error.service} service`;
      const detail = error.said ?? `${who} does not answer at the moment. Try again shortly.`;
      return sendProblem(res, { code: 'unavailable', detail, retryAfterSeconds: error.retryAfterSeconds });
    }
    return sendProblem(
      res,
      mistake ?? { code: 'internal', detail: `Tell us the request id ${requestId} if it persists.` },
    );
  };
