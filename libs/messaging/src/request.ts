import { type RequestContract, type Result, refusalCodes } from '@monde-sauvage/contracts';
import { newId, type Span, traced } from '@monde-sauvage/service-kit';
import { ErrorCode, headers, type Msg, type NatsConnection, NatsError } from 'nats';
import { z } from 'zod';
import { isConnected, waitUntilConnected } from './connection.ts';
import { describeError } from './streams.ts';
import { serviceOf, UnavailableError } from './unavailable-error.ts';

/** What spans of requests say: the transport, and how it ended (`ok` or the refusal's code). */
export const rpc = { 'rpc.system': 'nats' };
export const outcomeAttribute = 'monde_sauvage.outcome';

/** A reconnect to another node of the cluster takes less; waiting longer would only pile up callers. */
const reconnectPatienceMs = 1_000;

const envelope = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown().optional() }),
  z.object({
    ok: z.literal(false),
    refusal: z.object({
      // A newer service may know codes that we do not.
      code: z.enum(refusalCodes).catch('internal'),
      message: z.string(),
      errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
      unavailable: z.string().optional(),
    }),
  }),
]);

/** The called service failed while it worked on the request; its own log says why, under the same request id. */
export class RemoteError extends Error {
  override name = 'RemoteError';
}

/**
 * Asks another service and waits for its answer. At most once: after UnavailableError it is unknown whether the work
 * was done, so commands carry an idempotency key.
 * @param o.deadlineMs instead of the contract's own
 * @param o.traceparent the trace it belongs to, instead of the current one
 * @returns the answer as parsed by the contract, or the other side's refusal
 * @throws UnavailableError when nobody listens (at once), the deadline passes or there is no connection
 * @throws RemoteError when the other side failed, or answered something that the contract does not allow
 */
export function request<I extends z.ZodType, O extends z.ZodType>(
  nc: NatsConnection,
  contract: RequestContract<I, O>,
  input: z.input<I>,
  o: { deadlineMs?: number | undefined; requestId?: string | undefined; traceparent?: string | undefined } = {},
): Promise<Result<z.output<O>>> {
  return traced(contract.subject, { kind: 'client', parent: o.traceparent, attributes: rpc }, async span => {
    const answer = await ask(nc, contract, input, o, span);
    span.set({ [outcomeAttribute]: answer.ok ? 'ok' : answer.refusal.code });
    return answer;
  });
}

async function ask<I extends z.ZodType, O extends z.ZodType>(
  nc: NatsConnection,
  contract: RequestContract<I, O>,
  input: z.input<I>,
  o: { deadlineMs?: number | undefined; requestId?: string | undefined },
  { traceparent }: Span,
): Promise<Result<z.output<O>>> {
  const started = performance.now();
  const deadlineMs = o.deadlineMs ?? contract.deadlineMs;
  const service = serviceOf(contract.subject);
  if (!isConnected(nc) && !(await waitUntilConnected(nc, Math.min(deadlineMs, reconnectPatienceMs)))) {
    throw new UnavailableError(service, 'not connected to NATS');
  }
  const remainingMs = Math.max(1, Math.ceil(deadlineMs - (performance.now() - started)));
  const h = headers();
  h.set('x-request-id', o.requestId ?? newId());
  h.set('x-deadline-ms', String(remainingMs));
  if (traceparent !== undefined) h.set('traceparent', traceparent);
  let answer: Msg;
  try {
    answer = await nc.request(contract.subject, JSON.stringify(input), { timeout: remainingMs, headers: h });
  } catch (error) {
    throw asUnavailable(service, error, deadlineMs);
  }
  return readAnswer(contract, service, answer);
}

function readAnswer<I extends z.ZodType, O extends z.ZodType>(
  contract: RequestContract<I, O>,
  service: string,
  answer: Msg,
): Result<z.output<O>> {
  const parsed = envelope.safeParse(parseJson(answer.string()));
  if (!parsed.success) throw new RemoteError(`${contract.subject} answered in an unknown form`);
  if (!parsed.data.ok) {
    const { code, message, errors, unavailable } = parsed.data.refusal;
    if (code === 'unavailable') {
      const said = errors?.[0]?.message;
      throw new UnavailableError(unavailable ?? service, message, said === undefined ? {} : { said });
    }
    if (code === 'internal') throw new RemoteError(`${contract.subject} failed: ${message}`);
    return parsed.data;
  }
  const value = contract.output.safeParse(parsed.data.value);
  if (!value.success) {
    throw new RemoteError(`${contract.subject} answered against its contract: ${z.prettifyError(value.error)}`);
  }
  return { ok: true, value: value.data };
}

function asUnavailable(service: string, error: unknown, deadlineMs: number): Error {
  if (!(error instanceof NatsError)) return error instanceof Error ? error : new Error(String(error));
  switch (error.code) {
    case ErrorCode.NoResponders:
      return new UnavailableError(service, 'nobody listens', { cause: error });
    case ErrorCode.Timeout:
      return new UnavailableError(service, `no answer in ${deadlineMs} ms`, { cause: error });
    case ErrorCode.ConnectionClosed:
    case ErrorCode.ConnectionDraining:
    case ErrorCode.Disconnect:
    case ErrorCode.Cancelled:
      return new UnavailableError(service, 'the connection to NATS is gone', { cause: error });
    default:
      return new Error(`${service} could not be asked: ${describeError(error)}`, { cause: error });
  }
}

/** undefined for what is not JSON: no contract accepts that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
