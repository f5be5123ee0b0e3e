import { commonVariables, databaseVariables, parseConfig, sweepVariables } from '@monde-sauvage/service-kit';
import { z } from 'zod';

const variables = z.object({ ...commonVariables({ port: 3002 }), ...databaseVariables, ...sweepVariables });

export type AvailabilityConfig = z.output<typeof variables>;

/** @throws ConfigError with one line naming the variable that is missing or wrong */
export const readConfig = (env: NodeJS.ProcessEnv): AvailabilityConfig => parseConfig(variables, env);
