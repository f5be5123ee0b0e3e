import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '@monde-sauvage/service-kit';
import { z } from 'zod';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The services that keep rows, each with a database of its own. */
export const rowKeepers = ['booking', 'availability', 'calendar-sync', 'payment'] as const;
export const serviceNames = [...rowKeepers, 'gateway'] as const;
export type ServiceName = (typeof serviceNames)[number];

const port = (fallback: number) => z.coerce.number('must be a port number').int().min(1).max(65_535).default(fallback);

/** Variables the services read themselves, passed on to them as they were given. */
const behaviour = [
  'HOLD_MINUTES',
  'HOLD_MAX_MINUTES',
  'SYNC_INTERVAL_SECONDS',
  'AVAILABILITY_MAX_STALENESS_SECONDS',
  'GOOGLE_CONSULT_TIMEOUT_MS',
  'RECONCILE_INTERVAL_SECONDS',
  'SWEEP_INTERVAL_SECONDS',
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'NATS_CREDS',
  'NATS_STREAM_REPLICAS',
  'DATABASE_POOL_SIZE',
  'RATE_LIMIT_PER_MINUTE',
  'RATE_LIMIT_BOOKINGS_PER_MINUTE',
  'TRUST_PROXY',
];

/** Everybody on this machine shares one address, so a limit per address would only limit tests and benchmarks. */
const localDefaults = { RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_BOOKINGS_PER_MINUTE: '0' };

const variables = z.object({
  /** The gateway alone may be reached from other machines, when this says so. */
  HOST: z.string().default('127.0.0.1'),
  PORT: port(3000),
  BOOKING_PORT: port(3001),
  AVAILABILITY_PORT: port(3002),
  CALENDAR_SYNC_PORT: port(3003),
  PAYMENT_PORT: port(3004),
  GOOGLE_EMULATOR_PORT: port(4010),
  STRIPE_EMULATOR_PORT: port(4020),
  // All below 32768, where Linux begins to take the ports of outgoing connections from.
  POSTGRES_PORT: port(15_432),
  NATS_PORT: port(14_222),
  DATA_DIR: z.string().default(join(root, '.data')),
  PUBLIC_URL: z.url().optional(),
  DATABASE_URL_BASE: z.string().optional(),
  DATABASE_PREFIX: z
    .string()
    .regex(/^[a-z0-9_]*$/)
    .default(''),
  NATS_URL: z.string().optional(),
  ADMIN_API_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
  TOKEN_ENCRYPTION_KEY: z.string().optional(),
  GOOGLE_API_BASE_URL: z.url().optional(),
  GOOGLE_AUTH_BASE_URL: z.url().optional(),
  GOOGLE_TOKEN_BASE_URL: z.url().optional(),
  GOOGLE_CLIENT_ID: z.string().optional(),
  GOOGLE_CLIENT_SECRET: z.string().optional(),
  STRIPE_API_BASE_URL: z.url().optional(),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
});

const secretsSchema = z.object({
  ADMIN_API_KEY: z.string(),
  TOKEN_ENCRYPTION_KEY: z.string(),
  GOOGLE_CLIENT_ID: z.string(),
  GOOGLE_CLIENT_SECRET: z.string(),
  STRIPE_SECRET_KEY: z.string(),
  STRIPE_WEBHOOK_SECRET: z.string(),
});

export type Settings = z.output<typeof variables> & {
  secrets: z.output<typeof secretsSchema>;
  publicUrl: string;
  passedOn: Record<string, string>;
};

/**
 * Everything a local system is started with: variables as given, and secrets made once and kept in the data folder so
 * that what was encrypted with them can be read after a restart. Creates the data folder.
 * @throws ConfigError with one line naming the variable that is wrong
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = parseConfig(variables, env);
  mkdirSync(given.DATA_DIR, { recursive: true });
  const kept = readOrMakeSecrets(join(given.DATA_DIR, 'secrets.json'));
  const chosen = Object.entries(kept).map(([name, value]) => [name, env[name] || value]);
  return {
    ...given,
    secrets: secretsSchema.parse(Object.fromEntries(chosen)),
    publicUrl: given.PUBLIC_URL ?? `http://localhost:${given.PORT}`,
    passedOn: {
      ...localDefaults,
      ...Object.fromEntries(
        behaviour.flatMap(name => {
          const value = env[name];
          return value ? [[name, value]] : [];
        }),
      ),
    },
  };
}

/** Where `npm start` keeps what `npm run demo` needs. */
export const demoFile = (dataDir: string): string => join(dataDir, 'demo.json');

function readOrMakeSecrets(file: string): z.output<typeof secretsSchema> {
  if (existsSync(file)) return secretsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const random = () => randomBytes(24).toString('base64url');
  const made = {
    ADMIN_API_KEY: `admin_${random()}`,
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    GOOGLE_CLIENT_ID: 'monde-sauvage-demo.apps.googleusercontent.example',
    GOOGLE_CLIENT_SECRET: random(),
    STRIPE_SECRET_KEY: `sk_test_${random()}`,
    STRIPE_WEBHOOK_SECRET: `whsec_${random()}`,
  };
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}
