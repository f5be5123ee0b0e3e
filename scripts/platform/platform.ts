import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Infrastructure, startInfrastructure } from './infrastructure.ts';
import { rowKeepers, type ServiceName, type Settings } from './settings.ts';
import { type Supervised, supervise } from './supervisor.ts';

/** The whole system on this machine: infrastructure, stand-ins for Google and Stripe where none are given, services. */
export interface Platform {
  gatewayUrl: string;
  googleUrl: string;
  stripeUrl: string;
  services: Record<ServiceName, Supervised>;
  emulators: Supervised | undefined;
  infrastructure: Infrastructure;
  stop(): Promise<void>;
}

/** Starts everything and resolves when every service is ready. What was started is stopped again when a part fails. */
export async function startPlatform(
  settings: Settings,
  say: (line: string) => void = () => undefined,
): Promise<Platform> {
  await refusePortsInUse(settings);
  say('Starting Postgres and NATS …');
  const infrastructure = await startInfrastructure(settings, say);
  const emulators = emulatorProcess(settings, say);
  const services = serviceProcesses(settings, infrastructure, say);
  const stop = async () => {
    await services.gateway.stop();
    await Promise.all(rowKeepers.map(name => services[name].stop()));
    await emulators?.stop();
    await infrastructure.stop();
  };
  try {
    say('Starting the services …');
    const all = [...(emulators ? [emulators] : []), ...Object.values(services)];
    await Promise.all(all.map(process => process.start()));
    await Promise.all(all.map(process => process.ready()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    gatewayUrl: `http://localhost:${settings.PORT}`,
    ...remotesOf(settings),
    services,
    emulators,
    infrastructure,
    stop,
  };
}

/** Where Google and Stripe are: as given, else the stand-ins. */
const remotesOf = (settings: Settings) => ({
  googleUrl: settings.GOOGLE_API_BASE_URL ?? `http://localhost:${settings.GOOGLE_EMULATOR_PORT}`,
  stripeUrl: settings.STRIPE_API_BASE_URL ?? `http://localhost:${settings.STRIPE_EMULATOR_PORT}`,
});

/** Google and Stripe stand-ins run in one process; each only where no other address is given. */
function emulatorProcess(settings: Settings, say: (line: string) => void): Supervised | undefined {
  const google = settings.GOOGLE_API_BASE_URL === undefined;
  const stripe = settings.STRIPE_API_BASE_URL === undefined;
  if (!google && !stripe) return undefined;
  const { secrets } = settings;
  return supervise({
    name: 'emulators',
    entry: 'libs/emulators/src/main.ts',
    // The second to start: when it answers, both do.
    healthUrl: stripe
      ? `http://127.0.0.1:${settings.STRIPE_EMULATOR_PORT}/_emulator/clock`
      : `http://127.0.0.1:${settings.GOOGLE_EMULATOR_PORT}/_emulator/accounts`,
    logFile: join(settings.DATA_DIR, 'logs', 'emulators.log'),
    say,
    env: {
      STATE_DIR: join(settings.DATA_DIR, 'emulators'),
      ...(google && {
        GOOGLE_EMULATOR_PORT: String(settings.GOOGLE_EMULATOR_PORT),
        GOOGLE_CLIENT_ID: secrets.GOOGLE_CLIENT_ID,
        GOOGLE_CLIENT_SECRET: secrets.GOOGLE_CLIENT_SECRET,
      }),
      ...(stripe && {
        STRIPE_EMULATOR_PORT: String(settings.STRIPE_EMULATOR_PORT),
        STRIPE_SECRET_KEY: secrets.STRIPE_SECRET_KEY,
        STRIPE_WEBHOOK_SECRET: secrets.STRIPE_WEBHOOK_SECRET,
        STRIPE_WEBHOOK_URL: `http://127.0.0.1:${settings.PORT}/webhooks/stripe`,
      }),
    },
  });
}

function serviceProcesses(
  settings: Settings,
  infrastructure: Infrastructure,
  say: (line: string) => void,
): Record<ServiceName, Supervised> {
  const { secrets } = settings;
  const { googleUrl, stripeUrl } = remotesOf(settings);
  const service = (name: ServiceName, port: number, env: Record<string, string>) =>
    supervise({
      name,
      entry: `services/${name}/src/main.ts`,
      healthUrl: `http://127.0.0.1:${port}/readyz`,
      logFile: join(settings.DATA_DIR, 'logs', `${name}.log`),
      say,
      env: { ...settings.passedOn, PORT: String(port), HOST: '127.0.0.1', NATS_URL: infrastructure.natsUrl, ...env },
    });
  const database = (name: (typeof rowKeepers)[number]) => ({ DATABASE_URL: infrastructure.databaseUrl(name) });
  return {
    booking: service('booking', settings.BOOKING_PORT, database('booking')),
    availability: service('availability', settings.AVAILABILITY_PORT, database('availability')),
    'calendar-sync': service('calendar-sync', settings.CALENDAR_SYNC_PORT, {
      ...database('calendar-sync'),
      PUBLIC_URL: settings.publicUrl,
      TOKEN_ENCRYPTION_KEY: secrets.TOKEN_ENCRYPTION_KEY,
      GOOGLE_CLIENT_ID: secrets.GOOGLE_CLIENT_ID,
      GOOGLE_CLIENT_SECRET: secrets.GOOGLE_CLIENT_SECRET,
      GOOGLE_API_BASE_URL: googleUrl,
      // The emulator is all three; with another Google, what is not given is the service's own default.
      ...(settings.GOOGLE_API_BASE_URL === undefined
        ? { GOOGLE_AUTH_BASE_URL: googleUrl, GOOGLE_TOKEN_BASE_URL: googleUrl }
        : {
            GOOGLE_AUTH_BASE_URL: settings.GOOGLE_AUTH_BASE_URL ?? '',
            GOOGLE_TOKEN_BASE_URL: settings.GOOGLE_TOKEN_BASE_URL ?? '',
          }),
    }),
    payment: service('payment', settings.PAYMENT_PORT, {
      ...database('payment'),
      PUBLIC_URL: settings.publicUrl,
      STRIPE_API_BASE_URL: stripeUrl,
      STRIPE_SECRET_KEY: secrets.STRIPE_SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: secrets.STRIPE_WEBHOOK_SECRET,
    }),
    gateway: service('gateway', settings.PORT, {
      HOST: settings.HOST,
      PUBLIC_URL: settings.publicUrl,
      ADMIN_API_KEY: secrets.ADMIN_API_KEY,
    }),
  };
}

/** @throws Error with one line a port that is taken, naming the variable that moves it */
async function refusePortsInUse(settings: Settings): Promise<void> {
  const needed: [variable: keyof Settings, wanted: boolean][] = [
    ['PORT', true],
    ['BOOKING_PORT', true],
    ['AVAILABILITY_PORT', true],
    ['CALENDAR_SYNC_PORT', true],
    ['PAYMENT_PORT', true],
    ['GOOGLE_EMULATOR_PORT', !settings.GOOGLE_API_BASE_URL],
    ['STRIPE_EMULATOR_PORT', !settings.STRIPE_API_BASE_URL],
    ['POSTGRES_PORT', !settings.DATABASE_URL_BASE],
    ['NATS_PORT', !settings.NATS_URL],
  ];
  const taken = await Promise.all(
    needed
      .filter(([, wanted]) => wanted)
      .map(async ([variable]) => ((await isFree(Number(settings[variable]))) ? [] : [variable])),
  );
  const lines = taken
    .flat()
    .map(name => `port ${settings[name]} is already in use: stop what uses it, or set ${name} to a free port`);
  if (lines.length > 0) throw new Error(lines.join('\n'));
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
