import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventually, startNatsServer, startPostgresServer } from '@monde-sauvage/testkit';
import { connect } from 'nats';
import pg from 'pg';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'servers-test-'));
  await chmod(dataDir, 0o755);
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: `${url}/postgres` });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('Postgres keeps what was committed through a crash', async () => {
  const server = await startPostgresServer({ dataDir, durable: true });
  try {
    await query(server.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    await server.kill();
    await server.restart();
    expect(await query(server.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  } finally {
    await server.stop();
  }
});

test('NATS keeps its streams through a crash', async () => {
  const server = await startNatsServer({ dataDir });
  try {
    const before = await connect({ servers: server.url, reconnect: false });
    await (await before.jetstreamManager()).streams.add({ name: 'KEPT', subjects: ['kept'] });
    await server.kill();
    await before.closed();
    await server.restart();
    const after = await connect({ servers: server.url });
    expect((await (await after.jetstreamManager()).streams.info('KEPT')).config.subjects).toEqual(['kept']);
    await after.close();
  } finally {
    await server.stop();
  }
});

test('names a port that is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await expect(startPostgresServer({ dataDir, durable: false, port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  });
  other.close();
});

test('no server outlives a parent that is killed', async () => {
  const script = `
    import { startNatsServer, startPostgresServer } from '@monde-sauvage/testkit';
    const postgres = await startPostgresServer({ dataDir: process.argv[1] + '/postgres', durable: false });
    const nats = await startNatsServer({ dataDir: process.argv[1] + '/nats' });
    console.log(JSON.stringify([postgres.pid, nats.pid]));
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const pids: number[] = JSON.parse(line);
  expect(pids.every(isAlive)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => !pids.some(isAlive), { describe: 'both servers are gone' });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
