import { z } from 'zod';
import { GoogleApiError } from './errors.ts';

export const faultInput = z.object({
  match: z
    .object({
      method: z.string().optional(),
      /** A regular expression over the path as it is called. */
      path: z.string().optional(),
      calendarId: z.string().optional(),
      eventId: z.string().optional(),
    })
    .default({}),
  /** How many calls it strikes; 0 means all until it is cleared. */
  times: z.number().int().min(0).default(1),
  /** How many matching calls it lets pass first. */
  skip: z.number().int().min(0).default(0),
  /** Answer with this status instead of doing the call; `reason` and `message` fill Google's error body. */
  status: z.number().int().min(400).max(599).optional(),
  /** With `status`: the call takes effect although an error is answered. */
  applied: z.boolean().default(false),
  reason: z.string().optional(),
  /** With `status`: in the shape of newer parts of Google's front, `error.status` and `error.details` (AIP-193). */
  newerShape: z.boolean().default(false),
  message: z.string().optional(),
  /** Sent as `Retry-After`: seconds, or an HTTP date. */
  retryAfter: z.union([z.number().int().min(0), z.string()]).optional(),
  latencyMs: z.number().int().min(0).max(120_000).optional(),
  /** The call takes effect at once, and is answered so much later. */
  answerLatencyMs: z.number().int().min(0).max(120_000).optional(),
  /** Destroy the connection before, or after, the call was applied. */
  loseResponse: z.enum(['before', 'after']).optional(),
});

export type FaultInput = z.input<typeof faultInput>;
export type Fault = z.output<typeof faultInput> & { id: string; struck: number };

interface Target {
  method: string;
  path: string;
  calendarId?: string | undefined;
  eventId?: string | undefined;
}

export interface FaultBox {
  /** @throws ZodError, or SyntaxError for a bad regular expression. */
  add(input: FaultInput): Fault;
  list(): Fault[];
  clear(): void;
  /** The first fault that strikes this call; it is used up by one. */
  take(target: Target): Fault | undefined;
  /** While down, every connection to the API is destroyed. */
  down: boolean;
}

export function createFaultBox(): FaultBox {
  let added = 0;
  let faults: { fault: Fault; path: RegExp | undefined; toSkip: number }[] = [];
  return {
    down: false,
    add: input => {
      const parsed = faultInput.parse(input);
      added += 1;
      const fault: Fault = { ...parsed, id: `fault-${added}`, struck: 0 };
      const path = parsed.match.path === undefined ? undefined : new RegExp(parsed.match.path);
      faults.push({ fault, path, toSkip: parsed.skip });
      return fault;
    },
    list: () => faults.map(each => each.fault),
    clear: () => {
      faults = [];
    },
    take: target => {
      const found = faults.find(({ fault: { match }, path }) => {
        return (
          (match.method === undefined || match.method.toUpperCase() === target.method) &&
          (path === undefined || path.test(target.path)) &&
          (match.calendarId === undefined || match.calendarId === target.calendarId) &&
          (match.eventId === undefined || match.eventId === target.eventId)
        );
      });
      if (!found) return undefined;
      if (found.toSkip > 0) {
        found.toSkip -= 1;
        return undefined;
      }
      found.fault.struck += 1;
      if (found.fault.struck === found.fault.times) faults = faults.filter(each => each !== found);
      return found.fault;
    },
  };
}

const usualReasons: Record<number, [reason: string, message: string, domain: string]> = {
  401: ['authError', 'Invalid Credentials', 'global'],
  403: ['rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
  404: ['notFound', 'Not Found', 'global'],
  409: ['duplicate', 'The requested identifier already exists.', 'global'],
  412: ['conditionNotMet', 'Precondition Failed', 'global'],
  429: ['rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
  500: ['backendError', 'Backend Error', 'global'],
  503: ['backendError', 'Service unavailable. Please try again', 'global'],
};

/** The error that a fault with a status answers, in the words Google uses for that status unless told otherwise. */
export function faultError(fault: Fault): GoogleApiError | undefined {
  if (fault.status === undefined) return undefined;
  const [reason, message, domain] = usualReasons[fault.status] ?? ['backendError', 'Backend Error', 'global'];
  return new GoogleApiError(fault.status, fault.reason ?? reason, fault.message ?? message, {
    domain: /rate|quota/i.test(fault.reason ?? reason) ? 'usageLimits' : domain,
    ...(fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter }),
    ...(fault.newerShape ? { newerShape: true } : {}),
  });
}
