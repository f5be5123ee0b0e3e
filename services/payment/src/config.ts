import {
  commonVariables,
  databaseVariables,
  parseConfig,
  positiveInteger,
  sweepVariables,
} from '@monde-sauvage/service-kit';
import { z } from 'zod';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https address' });

const variables = z.object({
  ...commonVariables({ port: 3004 }),
  ...databaseVariables,
  ...sweepVariables,
  PUBLIC_URL: httpUrl.default('http://localhost:3000'),
  STRIPE_API_BASE_URL: httpUrl.default('https://api.stripe.com'),
  STRIPE_SECRET_KEY: z.string({ error: 'the secret key of the Stripe account' }).min(1),
  /** Several, separated by commas, while a secret is being rotated. */
  STRIPE_WEBHOOK_SECRET: z
    .string({ error: 'the signing secret of the webhook endpoint, several separated by commas' })
    .transform(list =>
      list
        .split(',')
        .map(secret => secret.trim())
        .filter(secret => secret !== ''),
    )
    .refine(secrets => secrets.length > 0, 'must hold at least one secret'),
  RECONCILE_INTERVAL_SECONDS: positiveInteger(300),
});

export type PaymentConfig = z.output<typeof variables>;

/** @throws ConfigError with one line naming the variable that is missing or wrong */
export const readConfig = (env: NodeJS.ProcessEnv): PaymentConfig => parseConfig(variables, env);
