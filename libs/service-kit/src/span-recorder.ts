import { readFile } from 'node:fs/promises';
import {
  SpanKind as ApiSpanKind,
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, resourceAttributesEnvDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { z } from 'zod';
import type { Logger } from './logger.ts';
import type { SpanKind, SpanRecorder } from './tracing.ts';

/**
 * The only file that knows OpenTelemetry's SDK; tracing.ts loads it when there is a collector to send to. Nothing is
 * registered globally: parents are handed over as `traceparent`, in the process as between processes.
 */

/** A collector that is away costs this much memory and no more: what comes on top is dropped. */
const queue = {
  maxQueueSize: 2_048,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 2_000,
  exportTimeoutMillis: 7_000,
};
const deliveryTimeoutMs = 5_000;

const kinds: Record<SpanKind, ApiSpanKind> = {
  internal: ApiSpanKind.INTERNAL,
  server: ApiSpanKind.SERVER,
  client: ApiSpanKind.CLIENT,
  consumer: ApiSpanKind.CONSUMER,
};

/**
 * Records spans and sends them in batches to `<endpoint>/v1/traces`. A parent that was not sampled is respected.
 * `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_EXPORTER_OTLP_HEADERS` are understood as the specification has them.
 */
export async function createRecorder(o: {
  service: string;
  endpoint: string;
  logger: Logger;
}): Promise<{ record: SpanRecorder; stop(): Promise<void> }> {
  const version = await readVersion();
  const exporter = new OTLPTraceExporter({
    url: `${o.endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: deliveryTimeoutMs,
  });
  const provider = new TracerProvider({
    resource: detectResources({ detectors: [resourceAttributesEnvDetector] }).merge(
      resourceFromAttributes({
        'service.name': o.service,
        'service.namespace': 'monde-sauvage',
        'service.version': version,
      }),
    ),
    spanProcessors: [new BatchSpanProcessor({ exporter: tellOnce(exporter, o.logger), ...queue })],
  });
  const tracer = provider.getTracer('monde-sauvage', version);
  return {
    record(name, { kind, parent, attributes }) {
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, contextOf(parent));
      return {
        traceparent: toTraceparent(span.spanContext()),
        setName: given => void span.updateName(given),
        set: given => void span.setAttributes(given),
        fail(reason) {
          span.setAttribute('error.type', typeof reason === 'string' ? reason : nameOf(reason));
          span.setStatus({ code: SpanStatusCode.ERROR });
        },
        end: () => span.end(),
      };
    },
    stop: () => provider.shutdown().catch(() => undefined),
  };
}

/** The first failed delivery of an outage is news; that it is over is, too. */
export function tellOnce(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, result => {
        if (result.error && !failing) {
          const reason = result.error.message || nameOf(result.error);
          logger.warn({ reason }, 'traces cannot be delivered; everything else goes on');
        } else if (!result.error && failing) {
          logger.info('traces are being delivered again');
        }
        failing = result.error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

function contextOf(traceparent: string | undefined): Context {
  if (traceparent === undefined) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext) =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error);

/** All packages of the repository have one version. */
async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
