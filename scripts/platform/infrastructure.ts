import { join } from 'node:path';
import { closeNats, connectNats } from '@monde-sauvage/messaging';
import { createLogger } from '@monde-sauvage/service-kit';
import { isListening, type Server, startNatsServer, startPostgresServer } from '@monde-sauvage/testkit';
import pg from 'pg';
import { rowKeepers, type Settings } from './settings.ts';

export interface Infrastructure {
  natsUrl: string;
  databaseUrl: (service: (typeof rowKeepers)[number]) => string;
  stop(): Promise<void>;
}

/** Starts Postgres and NATS unless the settings name some that run already, and makes each service's database. */
export async function startInfrastructure(settings: Settings, say: (line: string) => void): Promise<Infrastructure> {
  if (settings.NATS_URL) await checkNats(settings.NATS_URL);
  const [postgres, nats] = await Promise.all([
    settings.DATABASE_URL_BASE
      ? undefined
      : startPostgresServer({
          dataDir: join(settings.DATA_DIR, 'postgres'),
          port: settings.POSTGRES_PORT,
          durable: true,
        }),
    settings.NATS_URL
      ? undefined
      : startNatsServer({ dataDir: join(settings.DATA_DIR, 'nats'), port: settings.NATS_PORT }),
  ]);
  const base = settings.DATABASE_URL_BASE ?? postgres?.url ?? '';
  const databaseUrl = (service: string) =>
    onDatabase(base, `${settings.DATABASE_PREFIX}${service.replaceAll('-', '_')}`);
  const watches = [postgres && keepRunning('Postgres', postgres, say), nats && keepRunning('NATS', nats, say)];
  const stop = async () => {
    for (const unwatch of watches) unwatch?.();
    await Promise.all([postgres?.stop(), nats?.stop()]);
  };
  try {
    await createDatabases(onDatabase(base, 'postgres'), rowKeepers.map(databaseUrl));
  } catch (error) {
    await stop();
    throw error;
  }
  return { natsUrl: settings.NATS_URL ?? nats?.url ?? '', databaseUrl, stop };
}

/** Starts a server again that has ended although nobody stopped it, as an orchestrator would. */
function keepRunning(name: string, server: Server, say: (line: string) => void): () => void {
  let restarting = false;
  const watch = setInterval(async () => {
    if (restarting || (await isListening(server.port))) return;
    restarting = true;
    say(`${name} ended unexpectedly; starting it again`);
    await server.restart().catch(error => say(`${name} could not be started again: ${error}`));
    restarting = false;
  }, 1_000);
  return () => clearInterval(watch);
}

/** @throws Error with one line naming NATS_URL when nobody answers there */
async function checkNats(servers: string): Promise<void> {
  const logger = createLogger({ service: 'start', level: 'silent' });
  await closeNats(await connectNats({ servers, service: 'start', logger, connectTimeoutMs: 15_000 }));
}

/** The same server, another database; query parameters such as sslmode stay. */
function onDatabase(base: string, name: string): string {
  const url = new URL(base);
  url.pathname = `/${name}`;
  return url.toString();
}

async function createDatabases(maintenanceUrl: string, urls: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: maintenanceUrl, connectionTimeoutMillis: 15_000 });
  try {
    await client.connect();
  } catch (error) {
    const { host } = new URL(maintenanceUrl);
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`no database server at ${host} (${why}): check DATABASE_URL_BASE, or unset it to have one started`);
  }
  try {
    const known = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    const names = new Set(known.rows.map(row => row.datname));
    for (const url of urls) {
      const name = new URL(url).pathname.slice(1);
      if (!names.has(name)) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    }
  } finally {
    await client.end();
  }
}
