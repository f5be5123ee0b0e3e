import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type GuardedProcess, startGuarded } from './guarded-process.ts';
import { reservePort, waitUntil } from './ports.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';
import type { Server } from './server.ts';
import { dropRoot, type Unprivileged } from './unprivileged.ts';

const run = promisify(execFile);

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // their paths are limited to 107 bytes
  max_connections: '300',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};
/** Survives no power cut, is twice as fast, and costs a test nothing. */
const forTestsOnly = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '10min',
  max_wal_size: '2GB',
};

export interface PostgresOptions {
  /** Made at the first start; holds the cluster, its password and its log. */
  dataDir: string;
  port?: number | undefined;
  /** Commits survive a power cut. False only for tests. */
  durable: boolean;
}

/**
 * A PostgreSQL 18 server on 127.0.0.1 whose superuser `postgres` has a password of its own. The url has no database:
 * append `/name`; the database `postgres` exists.
 * @throws Error with one clear line when it does not start; EADDRINUSE when the port is taken.
 */
export async function startPostgresServer(o: PostgresOptions): Promise<Server> {
  const dataDir = path.resolve(o.dataDir);
  const cluster = path.join(dataDir, 'cluster');
  mkdirSync(dataDir, { recursive: true });
  const binaries = findPostgres();
  const as = dropRoot({ dataDir: cluster, reach: [binaries.postgres, dataDir] });
  if (!existsSync(path.join(cluster, 'PG_VERSION'))) await createCluster({ dataDir, cluster, binaries, as });
  await waitForPredecessor(cluster);
  const port = await reservePort(o.port);
  const url = `postgresql://postgres:${readFileSync(passwordFile(dataDir), 'utf8').trim()}@127.0.0.1:${port}`;
  const flags = Object.entries({ ...settings, ...(!o.durable && forTestsOnly), port: String(port) });
  const startOnce = async () => {
    const server = await startGuarded({
      command: [
        ...as.prefix,
        binaries.postgres,
        '-D',
        cluster,
        ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      logFile: path.join(dataDir, 'postgres.log'),
      stopSignal: 'INT', // "fast": ends sessions, then shuts down cleanly
      ids: as.ids,
    });
    await waitUntilReady(server, `${url}/postgres`, port);
    return server;
  };
  let running = await startOnce();
  return {
    url,
    port,
    get pid() {
      return running.pid;
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
    restart: async () => {
      await running.stop();
      running = await startOnce();
    },
  };
}

const passwordFile = (dataDir: string) => path.join(dataDir, 'password');

async function createCluster(o: {
  dataDir: string;
  cluster: string;
  binaries: PostgresBinaries;
  as: Unprivileged;
}): Promise<void> {
  const building = `${o.cluster}.building`; // moved into place when whole: a start that was cut short is begun anew
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { mode: 0o700 });
  writeFileSync(passwordFile(o.dataDir), randomBytes(18).toString('hex'), { mode: 0o600 });
  const { account } = o.as;
  if (account) for (const made of [building, passwordFile(o.dataDir)]) chownSync(made, account.uid, account.gid);
  const command = [
    ...[...o.as.prefix, o.binaries.initdb, '--pgdata', building, '--username=postgres', '--auth=scram-sha-256'],
    ...['--pwfile', passwordFile(o.dataDir), '--encoding=UTF8', '--locale=C', '--locale-provider=builtin'],
    ...['--builtin-locale=C.UTF-8', '--no-instructions', '--no-sync', '--set', 'max_connections=300'],
    ...['--set', 'shared_buffers=128MB', '--set', 'scram_iterations=1'], // a random password needs no stretching
  ];
  const [file = '', ...args] = command;
  try {
    await run(file, args, { cwd: '/', ...o.as.ids });
  } catch (cause) {
    throw new Error(`initdb failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  renameSync(building, o.cluster);
}

/**
 * A server of a parent that was killed just now needs a moment to go: two on one cluster would destroy it. A pid file
 * left by a crash of the machine is removed when its number now belongs to another program, which Postgres cannot know.
 */
async function waitForPredecessor(cluster: string): Promise<void> {
  const pidFile = path.join(cluster, 'postmaster.pid');
  await waitUntil(async () => !isServerOf(cluster, readPid(pidFile)), {
    timeoutMs: 10_000,
    explain: () => `another Postgres (process ${readPid(pidFile)}) is running on ${cluster}: stop it first`,
  });
  rmSync(pidFile, { force: true });
}

function readPid(pidFile: string): number | undefined {
  return existsSync(pidFile) ? Number.parseInt(readFileSync(pidFile, 'utf8'), 10) : undefined;
}

function isServerOf(cluster: string, pid: number | undefined): boolean {
  if (pid === undefined) return false;
  return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(cluster);
}

async function waitUntilReady(server: GuardedProcess, url: string, port: number): Promise<void> {
  await waitUntil(() => answers(url), {
    timeoutMs: 30_000,
    gaveUp: server.hasExited,
    explain: () => `Postgres did not start on port ${port}: ${server.lastLog()}`,
  });
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false; // not listening yet, or still recovering from a crash
  } finally {
    await client.end().catch(() => undefined);
  }
}
