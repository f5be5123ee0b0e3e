import {
  commonVariables,
  databaseVariables,
  parseConfig,
  positiveInteger,
  sweepVariables,
} from '@monde-sauvage/service-kit';
import { z } from 'zod';

const baseUrl = (fallback: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(fallback)
    .transform(url => url.replace(/\/+$/, ''));

const encryptionKeys = z
  .string({ error: '32 random bytes in base64, for example from: openssl rand -base64 32' })
  .transform((text, context) => {
    const keys = text.split(',').map(key => Buffer.from(key.trim(), 'base64'));
    if (keys.every(key => key.length === 32)) return keys;
    context.addIssue({ code: 'custom', message: 'every key must be 32 bytes in base64, separated by commas' });
    return z.NEVER;
  });

const variables = z.object({
  ...commonVariables({ port: 3003 }),
  ...databaseVariables,
  ...sweepVariables,
  PUBLIC_URL: baseUrl('http://localhost:3000'),
  GOOGLE_CLIENT_ID: z.string({ error: 'the OAuth client of the Google Cloud project' }),
  GOOGLE_CLIENT_SECRET: z.string({ error: 'the OAuth client of the Google Cloud project' }),
  GOOGLE_API_BASE_URL: baseUrl('https://www.googleapis.com'),
  GOOGLE_AUTH_BASE_URL: baseUrl('https://accounts.google.com'),
  GOOGLE_TOKEN_BASE_URL: baseUrl('https://oauth2.googleapis.com'),
  TOKEN_ENCRYPTION_KEY: encryptionKeys,
  SYNC_INTERVAL_SECONDS: positiveInteger(300),
  /** 0: every availability check reads the calendar. */
  AVAILABILITY_MAX_STALENESS_SECONDS: z.coerce.number().int().min(0).default(60),
  /** How long an availability check waits for Google. Who asks waits 1,500 ms for the whole answer. */
  GOOGLE_CONSULT_TIMEOUT_MS: z.coerce.number().int().min(1).max(1_200).default(800),
});

export type CalendarSyncConfig = z.output<typeof variables>;

/** @throws ConfigError naming every variable that is missing or wrong */
export const readConfig = (env: NodeJS.ProcessEnv): CalendarSyncConfig => parseConfig(variables, env);

/** Google pushes to https only; a stand-in for Google takes any address. */
export const canBePushedTo = (config: CalendarSyncConfig): boolean =>
  config.PUBLIC_URL.startsWith('https://') || config.GOOGLE_API_BASE_URL !== 'https://www.googleapis.com';
