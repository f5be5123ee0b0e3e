import { join } from 'node:path';
import { parseConfig, runService } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import { startGoogleEmulator } from './google/google-emulator.ts';
import { startStripeEmulator } from './stripe/stripe-emulator.ts';

/** Runs the stand-ins as one process. Each starts only when its port is given; state lives in STATE_DIR. */
const port = z.coerce.number().int().min(1).max(65_535).optional();
const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  STATE_DIR: z.string().optional(),
  GOOGLE_EMULATOR_PORT: port,
  GOOGLE_EMULATOR_URL: z.url().optional(),
  /** Where the gateway is reached from here, when PUBLIC_URL is not that (between containers). */
  GOOGLE_EMULATOR_PUSH_ORIGIN: z.url().optional(),
  GOOGLE_CLIENT_ID: z.string().optional(),
  GOOGLE_CLIENT_SECRET: z.string().optional(),
  STRIPE_EMULATOR_PORT: port,
  STRIPE_EMULATOR_URL: z.url().optional(),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_WEBHOOK_URL: z.url().optional(),
});

/** Options that are given; the emulators tell "absent" from "undefined". */
const given = <T extends object>(options: T) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

await runService('emulators', async () => {
  const env = parseConfig(variables, process.env);
  const stateFile = (name: string) => (env.STATE_DIR ? join(env.STATE_DIR, name) : undefined);
  const running: { close(): Promise<void> }[] = [];
  return {
    async start() {
      if (env.GOOGLE_EMULATOR_PORT !== undefined) {
        const options = {
          port: env.GOOGLE_EMULATOR_PORT,
          host: env.HOST,
          publicUrl: env.GOOGLE_EMULATOR_URL ?? `http://localhost:${env.GOOGLE_EMULATOR_PORT}`,
          pushOrigin: env.GOOGLE_EMULATOR_PUSH_ORIGIN,
          clientId: env.GOOGLE_CLIENT_ID,
          clientSecret: env.GOOGLE_CLIENT_SECRET,
          stateFile: stateFile('google.json'),
        };
        running.push(await startGoogleEmulator(given(options)));
      }
      if (env.STRIPE_EMULATOR_PORT !== undefined) {
        const options = {
          port: env.STRIPE_EMULATOR_PORT,
          host: env.HOST,
          publicUrl: env.STRIPE_EMULATOR_URL ?? `http://localhost:${env.STRIPE_EMULATOR_PORT}`,
          secretKey: env.STRIPE_SECRET_KEY,
          webhookSecret: env.STRIPE_WEBHOOK_SECRET,
          webhookUrl: env.STRIPE_WEBHOOK_URL,
          stateFile: stateFile('stripe.json'),
        };
        running.push(await startStripeEmulator(given(options)));
      }
    },
    async drain() {
      await Promise.all(running.map(emulator => emulator.close()));
    },
  };
});
