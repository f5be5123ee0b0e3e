import { giveBackMemory } from './give-back-memory.ts';
import { createLogger } from './logger.ts';
import { startTracing } from './tracing.ts';

/** What a service's wiring gives to its entry point. */
export interface Service {
  start(): Promise<void>;
  /** Takes no new work, finishes what it holds, closes its connections. */
  drain(): Promise<void>;
}

const drainLimitMs = 10_000;

/**
 * The life of a service process: build, start, wait for SIGTERM or SIGINT, drain within 10 s, exit 0. A problem at
 * start is printed as one line on standard error and ends the process with code 1. Spans go to the collector at
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, if it is set.
 */
export async function runService(name: string, create: () => Promise<Service>): Promise<void> {
  let service: Service | undefined;
  let tracing: { stop(): Promise<void> } | undefined;
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    const limit = setTimeout(() => {
      process.stderr.write(`${name}: still busy ${drainLimitMs / 1000} s after ${signal}; exiting\n`);
      process.exit(1);
    }, drainLimitMs);
    limit.unref();
    try {
      await service?.drain();
      clearTimeout(limit);
      await tracing?.stop();
      process.exit(0);
    } catch (error) {
      process.stderr.write(`${name}: could not drain: ${oneLine(error)}\n`);
      process.exit(1);
    }
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    service = await create();
    // Of the whole process, and after create(), which has refused a wrong address.
    tracing = await startTracing({
      service: name,
      endpoint: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
      logger: () => createLogger({ service: name, level: process.env.LOG_LEVEL }),
    });
    await service.start();
    giveBackMemory();
  } catch (error) {
    if (stopping) return;
    process.stderr.write(`${name}: ${oneLine(error)}\n`);
    process.exit(1);
  }
}

/** The way out of what can go wrong at start, by the error's name. */
const hints: Record<string, string> = { DatabaseUnavailableError: 'check DATABASE_URL and that the server runs' };

function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = hints[error.name];
  return `${error.message.replaceAll(/\s*\n\s*/g, ' ')}${hint ? `; ${hint}` : ''}`;
}
