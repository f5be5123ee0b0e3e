import { commonVariables, parseConfig } from '@monde-sauvage/service-kit';
import { z } from 'zod';

/** Requests a minute; 0 turns the limit off. */
const perMinute = (fallback: number) => z.coerce.number().int().min(0).default(fallback);

/** Express: `trust proxy`. `false`, `true`, how many proxies stand in front, or their addresses. */
const trustProxy = z
  .string()
  .default('false')
  .transform(value => {
    if (value === 'true' || value === 'false') return value === 'true';
    return /^\d+$/.test(value) ? Number(value) : value;
  });

const variables = z.object({
  ...commonVariables({ port: 3000 }),
  ADMIN_API_KEY: z
    .string({ error: "the platform administrator's key, at least 16 characters" })
    .min(16, 'must have at least 16 characters')
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces'),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be the http(s) address clients reach' }).optional(),
  RATE_LIMIT_PER_MINUTE: perMinute(1_200),
  RATE_LIMIT_BOOKINGS_PER_MINUTE: perMinute(300),
  TRUST_PROXY: trustProxy,
});

export type GatewayConfig = z.output<typeof variables>;

/**
 * Reads the gateway's configuration.
 * @throws ConfigError naming every variable that is missing or wrong
 */
export const readConfig = (env: NodeJS.ProcessEnv): GatewayConfig => parseConfig(variables, env);

/** Where clients reach the gateway, without a slash at the end. */
export const publicUrl = (config: GatewayConfig): string =>
  (config.PUBLIC_URL ?? `http://localhost:${config.PORT}`).replace(/\/+$/, '');
