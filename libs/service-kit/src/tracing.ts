import { atMost } from './at-most.ts';
import type { Logger } from './logger.ts';
import { currentTraceparent, inTrace, readTraceparent } from './trace-context.ts';

/** Names and values of what happened: ids, counts and outcomes; never bodies, credentials or personal data. */
export type SpanAttributes = Record<string, string | number | boolean>;

export type SpanKind = 'internal' | 'server' | 'client' | 'consumer';

export interface SpanOptions {
  /** `internal` when nothing else is said. */
  kind?: SpanKind;
  /**
   * The `traceparent` this belongs under. What begins here (internal, client) belongs under the current trace when
   * nothing is given; what came from outside (server, consumer) only under what came with it.
   */
  parent?: string | undefined;
  attributes?: SpanAttributes;
}

/** A piece of work with a beginning and an end, as a collector gets to see it. */
export interface Span {
  /** To hand on: this span's own, or what it was given when nothing records spans. */
  readonly traceparent: string | undefined;
  setName(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed. Of an error only the name is kept: messages may quote what they are about. */
  fail(reason: unknown): void;
  end(): void;
}

/** Makes spans that are recorded. */
export type SpanRecorder = (
  name: string,
  o: { kind: SpanKind; parent: string | undefined; attributes: SpanAttributes },
) => Span;

/** How long the end of a process may wait for its last spans to be delivered. */
const flushLimitMs = 1_000;

/** undefined: nobody listens, and spans are nothing but the trace they belong to. */
let recorder: SpanRecorder | undefined;

/**
 * Sends this process's spans to an OpenTelemetry collector (OTLP over HTTP) from now on. Without an endpoint nothing is
 * loaded and nothing recorded. A collector that is away is logged once and costs spans, nothing else.
 * @param o.endpoint base address of the collector, for example http://localhost:4318
 * @param o.logger made only when there is an endpoint
 * @returns stop(): delivers what is still held, for at most a second
 */
export async function startTracing(o: {
  service: string;
  endpoint: string | undefined;
  logger: () => Logger;
}): Promise<{ stop(): Promise<void> }> {
  if (o.endpoint === undefined || o.endpoint === '') return { stop: async () => undefined };
  const { createRecorder } = await import('./span-recorder.ts');
  const sdk = await createRecorder({ service: o.service, endpoint: o.endpoint, logger: o.logger() });
  recorder = sdk.record;
  return {
    async stop() {
      if (recorder === sdk.record) recorder = undefined;
      await atMost(flushLimitMs, sdk.stop());
    },
  };
}

/** A span for what does not fit into one function; whoever starts it ends it. See `traced`. */
export function startSpan(name: string, o: SpanOptions = {}): Span {
  const kind = o.kind ?? 'internal';
  const fromOutside = kind === 'server' || kind === 'consumer';
  const parent = readTraceparent(o.parent) ?? (fromOutside ? undefined : currentTraceparent());
  return recorder ? recorder(name, { kind, parent, attributes: o.attributes ?? {} }) : unrecorded(parent);
}

/**
 * Runs `run` as a span of the trace, which everything it calls and awaits belongs to; what it throws marks the span as
 * failed. Without a collector it only keeps the trace.
 * @param name few different ones: 'google events.insert', not the id of an event
 */
export function traced<T>(name: string, o: SpanOptions, run: (span: Span) => Promise<T>): Promise<T> {
  const span = startSpan(name, o);
  return inTrace(span.traceparent, async () => {
    try {
      return await run(span);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  });
}

const nothing = () => undefined;
const unrecorded = (traceparent: string | undefined): Span => ({
  traceparent,
  setName: nothing,
  set: nothing,
  fail: nothing,
  end: nothing,
});
