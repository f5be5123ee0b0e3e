import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createPool, migrateAtStart } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import type pg from 'pg';

const prismaDir = path.join(import.meta.dirname, 'prisma');
const names = ['20260101000000_init', '20260102000000_overlap'];

let databaseUrl: string;
let pool: pg.Pool;
let dispose: () => Promise<void>;

beforeEach(async () => {
  const database = await createTestDatabase({ prismaDir });
  databaseUrl = database.databaseUrl;
  pool = createPool({ databaseUrl, applicationName: 'migrate-test' });
  dispose = async () => {
    await pool.end();
    await database.drop();
  };
  await pool.query('DROP SCHEMA public CASCADE');
  await pool.query('CREATE SCHEMA public');
});

afterEach(() => dispose());

/** What a service's log gets. */
function recordingLogger() {
  const entries: object[] = [];
  return { entries, info: (fields: object, message: string) => void entries.push({ ...fields, message }) };
}

/** Ends with the code and the output of `node migrate-main.ts`, as an init container would. */
async function runEntry(env: Record<string, string>, ...args: string[]) {
  const entry = path.join(import.meta.dirname, '..', 'src', 'migrate-main.ts');
  return promisify(execFile)(process.execPath, [entry, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

test('a service that starts on an empty database migrates it and logs what was applied', async () => {
  const logger = recordingLogger();
  await migrateAtStart({ databaseUrl, prismaDir, logger });
  const { rows } = await pool.query('SELECT migration_name FROM _prisma_migrations ORDER BY started_at');
  expect(rows.map(row => row.migration_name)).toEqual(names);
  expect(logger.entries).toEqual([expect.objectContaining({ applied: names, message: 'database migrated' })]);
});

test('says nothing when nothing is to be migrated', async () => {
  await migrateAtStart({ databaseUrl, prismaDir, logger: recordingLogger() });
  const logger = recordingLogger();
  await migrateAtStart({ databaseUrl, prismaDir, logger });
  expect(logger.entries).toEqual([]);
});

test('three replicas that start at once apply each migration once', async () => {
  const logger = recordingLogger();
  await Promise.all([1, 2, 3].map(() => migrateAtStart({ databaseUrl, prismaDir, logger })));
  expect(logger.entries).toEqual([expect.objectContaining({ applied: names })]);
});

test('passes on the one line that says which migration failed and why', async () => {
  const broken = path.join(path.dirname(prismaDir), `.broken-${process.pid}`);
  try {
    await mkdir(path.join(broken, 'migrations', '20260103000000_broken'), { recursive: true });
    await writeFile(path.join(broken, 'schema.prisma'), 'datasource db {\n  provider = "postgresql"\n}\n');
    await writeFile(path.join(broken, 'migrations', 'migration_lock.toml'), 'provider = "postgresql"\n');
    const script = path.join(broken, 'migrations', '20260103000000_broken', 'migration.sql');
    await writeFile(script, 'SELECT * FROM "nowhere";');
    await expect(migrateAtStart({ databaseUrl, prismaDir: broken, logger: recordingLogger() })).rejects.toThrow(
      /^migration 20260103000000_broken failed on [^@]+: relation "nowhere" does not exist \(42P01\)$/,
    );
  } finally {
    await rm(broken, { recursive: true });
  }
});

test('by itself, the entry needs DATABASE_URL alone, says what it applied, and has nothing to do the second time', async () => {
  const first = await runEntry({ DATABASE_URL: databaseUrl }, prismaDir);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(first.stdout)).toMatchObject({ level: 'info', msg: 'database migrated', applied: names });
  const second = await runEntry({ DATABASE_URL: databaseUrl }, prismaDir);
  expect(JSON.parse(second.stdout)).toMatchObject({ msg: 'nothing to migrate', applied: [] });
});

test('by itself, the entry ends with code 1 and one line without the password when it cannot do its work', async () => {
  const away = await runEntry({ DATABASE_URL: 'postgresql://someone:s3cret@127.0.0.1:1/booking' }, prismaDir);
  expect(away.code).toBe(1);
  expect(away.stdout).toBe('');
  expect(away.stderr).toBe('cannot use Postgres at 127.0.0.1:1/booking: connect ECONNREFUSED 127.0.0.1:1\n');
  const unset = await runEntry({}, prismaDir);
  expect(unset.code).toBe(1);
  expect(unset.stderr).toMatch(/^DATABASE_URL is missing.*\n$/);
});
