import { z } from 'zod';

/** A variable is missing or wrong. The message is one line that names it and the way out. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads a service's configuration, once, at start. Empty variables count as missing.
 * @throws ConfigError naming every variable that is missing or wrong, on one line
 */
export function parseConfig<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(issue => {
    const name = issue.path.join('.');
    return given[name] === undefined ? `${name} is missing (${issue.message})` : `${name}: ${issue.message}`;
  });
  throw new ConfigError(`configuration: ${problems.join('; ')}`);
}

const port = (fallback: number) => z.coerce.number('must be a port number').int().min(0).max(65_535).default(fallback);

/** Variables every service reads; a service's own schema spreads these and adds its own. */
export const commonVariables = (defaults: { port: number }) => ({
  PORT: port(defaults.port),
  HOST: z.string().default('0.0.0.0'),
  NATS_URL: z.string({ error: 'comma-separated NATS servers, for example nats://localhost:4222' }).min(1),
  NATS_CREDS: z.string().optional(),
  NATS_STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  /** The commit an image was built from; set by the image itself. */
  SERVICE_COMMIT: z.string().default('unknown'),
});

/** Variables of a service that keeps rows. */
export const databaseVariables = {
  DATABASE_URL: z
    .string({ error: "this service's database, for example postgres://user:password@localhost:5432/booking" })
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(100).default(10),
};

/** Variables of a service that keeps a copy of what booking announces: how often the two are compared. */
export const sweepVariables = { SWEEP_INTERVAL_SECONDS: z.coerce.number().int().positive().default(60) };

/** A positive whole number with a default, for variables such as HOLD_MINUTES. */
export const positiveInteger = (fallback: number) =>
  z.coerce.number('must be a positive whole number').int().positive().default(fallback);
