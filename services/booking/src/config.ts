import { commonVariables, databaseVariables, parseConfig, positiveInteger } from '@monde-sauvage/service-kit';
import { z } from 'zod';

/** Stripe keeps a Checkout Session open for half an hour at least: opened at a hold's last minute, it has to fit. */
const shortestCheckout = 35;

const schema = z.object({
  ...commonVariables({ port: 3001 }),
  ...databaseVariables,
  HOLD_MINUTES: positiveInteger(30),
  HOLD_MAX_MINUTES: positiveInteger(120),
});

export type BookingConfig = z.output<typeof schema>;

/** @throws ConfigError naming the variables that are missing or wrong */
export function readConfig(env: NodeJS.ProcessEnv): BookingConfig {
  const config = parseConfig(schema, env);
  return { ...config, HOLD_MAX_MINUTES: Math.max(config.HOLD_MAX_MINUTES, config.HOLD_MINUTES + shortestCheckout) };
}
