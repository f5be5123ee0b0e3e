import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chooseInfrastructure, startNatsContainer, startPostgresContainer } from './containers.ts';
import { startNatsServer } from './nats-server.ts';
import { startPostgresServer } from './postgres-server.ts';

const folderPrefix = 'monde-sauvage-test-';

interface TestServers {
  stop(): Promise<void>;
}

/**
 * Starts the Postgres and NATS of a test run and exports TEST_DATABASE_URL_BASE (superuser, no database),
 * TEST_NATS_URL and, for `testNats`, TEST_INFRA_IN_USE and TEST_RUN_FOLDER.
 * TEST_INFRA=containers|embedded forces one kind; unset, containers are used when a Docker engine has the images.
 */
export async function startTestServers(): Promise<TestServers> {
  await removeLeftovers();
  const folder = mkdtempSync(path.join(tmpdir(), `${folderPrefix}${process.pid}-`));
  chmodSync(folder, 0o755); // Postgres may run under an account of its own
  process.env.TEST_RUN_FOLDER = folder;
  const infrastructure = await chooseInfrastructure(process.env.TEST_INFRA);
  process.env.TEST_INFRA_IN_USE = infrastructure;
  const started = await Promise.allSettled(
    infrastructure === 'containers'
      ? [startPostgresContainer(), startNatsContainer()]
      : [
          startPostgresServer({ dataDir: path.join(folder, 'postgres'), durable: false }),
          startNatsServer({ dataDir: path.join(folder, 'nats') }),
        ],
  );
  const stop = async () => {
    await Promise.all(started.map(result => result.status === 'fulfilled' && result.value.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const [postgres, nats] = started;
  if (postgres?.status !== 'fulfilled' || nats?.status !== 'fulfilled') {
    await stop();
    const reasons = started.flatMap(result => (result.status === 'rejected' ? [String(result.reason)] : []));
    throw new Error(`the test servers (${infrastructure}) did not start: ${reasons.join('; ')}`);
  }
  process.env.TEST_DATABASE_URL_BASE = postgres.value.url;
  process.env.TEST_NATS_URL = nats.value.url;
  return { stop };
}

/** Where the servers of this run keep their data. */
export function runFolder(): string {
  const folder = process.env.TEST_RUN_FOLDER;
  if (!folder) throw new Error('TEST_RUN_FOLDER is not set: run the tests through Jest, which starts the servers');
  return folder;
}

/** Data of runs that were killed; their servers died with them. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(name.startsWith(folderPrefix) && name.slice(folderPrefix.length).split('-')[0]);
    if (pid && !isAlive(pid)) await rm(path.join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
