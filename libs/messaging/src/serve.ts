import { type RequestContract, type Result, refuse } from '@monde-sauvage/contracts';
import { type Logger, type Metrics, newId, type Span, traced } from '@monde-sauvage/service-kit';
import type { NatsConnection, ServiceMsg } from 'nats';
import type { z } from 'zod';
import { announceSubscriptions } from './connection.ts';
import { outcomeAttribute, parseJson, rpc } from './request.ts';
import { UnavailableError } from './unavailable-error.ts';

export interface RequestContext {
  requestId: string;
  traceparent?: string;
}

/** One entry of a service's table of requests, made by `handle`. */
export interface RequestHandler {
  subject: string;
  deadlineMs: number;
  answer(input: unknown, context: RequestContext): Promise<Result<unknown>>;
}

/** Requests worked on at once by one replica; more wait their turn, in order of arrival. */
const defaultConcurrency = 64;

/** Outcomes that are ours to look into; every other refusal is the caller's answer. */
const failures = new Set(['internal', 'unavailable', 'overloaded', 'late']);

/** Requests that may wait; beyond it a replica that cannot keep up says so at once instead of letting callers time out. */
const maxWaiting = 1_024;

/**
 * Ties a contract to the function that answers it. Input that the contract refuses is answered with
 * `validation_failed` and the offending paths; the function only sees parsed input.
 */
export const handle = <I extends z.ZodType, O extends z.ZodType>(
  contract: RequestContract<I, O>,
  handler: (input: z.output<I>, context: RequestContext) => Promise<Result<z.input<O>>>,
): RequestHandler => ({
  subject: contract.subject,
  deadlineMs: contract.deadlineMs,
  async answer(raw, context) {
    const input = contract.input.safeParse(raw);
    if (input.success) return handler(input.data, context);
    const errors = input.error.issues.map(issue => ({ path: issue.path.join('.'), message: issue.message }));
    return refuse('validation_failed', 'The request is not valid.', errors);
  },
});

/**
 * Answers requests as one NATS service (visible to `nats micro ls`): replicas share the work through a queue group
 * named after the service. A handler that throws is logged and answered as `internal`, or `unavailable` when it threw
 * UnavailableError or something that `isOutage` knows to pass; never with its message or stack.
 *
 * NATS permissions it needs: subscribe to `svc.<service>.>` and `$SRV.>`, and to publish replies.
 * @returns once requests can arrive; drain(): takes no new requests and resolves when those it holds are answered
 */
export async function serveRequests(o: {
  nc: NatsConnection;
  service: string;
  version?: string | undefined;
  handlers: RequestHandler[];
  logger: Logger;
  metrics: Metrics;
  concurrency?: number | undefined;
  /** Whether what a handler threw says that something it needs, such as its database, is away for now. */
  isOutage?: ((error: unknown) => boolean) | undefined;
}): Promise<{ drain(): Promise<void> }> {
  const concurrency = o.concurrency ?? defaultConcurrency;
  const seconds = o.metrics.histogram('request_seconds', 'Time to answer a request, waiting included', ['subject']);
  const answered = o.metrics.counter('requests_total', 'Requests answered, by outcome', ['subject', 'outcome']);
  const inFlight = o.metrics.gauge('requests_in_flight', 'Requests being worked on');
  const waiting: (() => void)[] = [];
  const held = new Set<Promise<void>>();
  let working = 0;

  const turn = async () => {
    if (working < concurrency) working += 1;
    else await new Promise<void>(resolve => waiting.push(resolve));
    inFlight.set(working);
  };
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else working -= 1;
    inFlight.set(working);
  };

  const serve = async (handler: RequestHandler, message: ServiceMsg, span: Span): Promise<void> => {
    const { subject } = handler;
    const received = performance.now();
    const respond = (outcome: string, result: Result<unknown>) => {
      answered.inc({ subject, outcome });
      span.set({ [outcomeAttribute]: outcome });
      if (failures.has(outcome)) span.fail(outcome);
      seconds.observe({ subject }, (performance.now() - received) / 1_000);
      message.respond(JSON.stringify(result));
    };
    if (waiting.length >= maxWaiting) return respond('overloaded', refuse('unavailable', 'too many requests waiting'));
    await turn();
    try {
      const waitedMs = performance.now() - received;
      const deadlineMs = Number(message.headers?.get('x-deadline-ms')) || handler.deadlineMs;
      // Its caller has given up: doing the work now would only make the others wait longer.
      if (waitedMs > deadlineMs) return respond('late', refuse('unavailable', 'no answer in time'));
      const result = await answerSafely(o, handler, message, span);
      respond(result.ok ? 'ok' : result.refusal.code, result);
    } finally {
      release();
    }
  };

  const micro = await o.nc.services.add({
    name: o.service,
    version: o.version ?? '0.1.0',
    description: `Requests answered by ${o.service}`,
    queue: o.service,
  });
  for (const handler of o.handlers) {
    micro.addEndpoint(handler.subject.split('.').slice(2).join('-'), {
      subject: handler.subject,
      handler: (error, message) => {
        if (error) {
          o.logger.error({ err: error, subject: handler.subject }, 'cannot receive requests');
          return;
        }
        const parent = message.headers?.get('traceparent');
        const work = traced(handler.subject, { kind: 'server', parent, attributes: rpc }, span =>
          serve(handler, message, span),
        )
          .catch(failure => {
            // Most likely the answer is larger than NATS takes; the caller should not have to wait for its deadline.
            o.logger.error({ err: failure, subject: handler.subject }, 'could not send an answer');
            message.respond(JSON.stringify(refuse('internal', 'the answer could not be sent')));
          })
          .catch(failure => o.logger.error({ err: failure, subject: handler.subject }, 'could not send any answer'))
          .finally(() => held.delete(work));
        held.add(work);
      },
    });
  }
  let draining = false;
  micro.stopped.then(error => {
    if (!draining && !o.nc.isClosed()) o.logger.fatal({ err: error }, 'stopped answering requests');
  });
  await announceSubscriptions(o.nc);

  return {
    async drain() {
      draining = true;
      await micro.stop();
      while (held.size > 0) await Promise.all(held);
    },
  };
}

async function answerSafely(
  o: { service: string; logger: Logger; isOutage?: ((error: unknown) => boolean) | undefined },
  handler: RequestHandler,
  message: ServiceMsg,
  { traceparent }: Span,
): Promise<Result<unknown>> {
  const requestId = message.headers?.get('x-request-id') || newId();
  try {
    return await handler.answer(parseJson(message.string()), { requestId, ...(traceparent ? { traceparent } : {}) });
  } catch (error) {
    o.logger.error({ err: error, subject: handler.subject, requestId }, 'a request handler failed');
    if (error instanceof UnavailableError) {
      const { service } = error;
      return {
        ok: false,
        refusal: { code: 'unavailable', message: `${service} is unavailable`, unavailable: service },
      };
    }
    return o.isOutage?.(error)
      ? refuse('unavailable', `${o.service} is unavailable`)
      : refuse('internal', 'something went wrong; the log has the details');
  }
}
