import { commonVariables, databaseVariables, parseConfig, positiveInteger } from '@monde-sauvage/service-kit';
import { z } from 'zod';

const schema = z.object({
  ...commonVariables({ port: 3001 }),
  ...databaseVariables,
  HOLD_MINUTES: positiveInteger(30),
});

export type BookingConfig = z.output<typeof schema>;

/** @throws ConfigError naming the variables that are missing or wrong */
export const readConfig = (env: NodeJS.ProcessEnv): BookingConfig => parseConfig(schema, env);
