import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createPool, describeDrift, migrate } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import type pg from 'pg';

const names = ['20260101000000_init', '20260102000000_overlap'];

let prismaDir: string;
let databaseUrl: string;
let pool: pg.Pool;
let dispose: () => Promise<void>;

beforeEach(async () => {
  prismaDir = await mkdtemp(path.join(tmpdir(), 'migrate-test-'));
  await cp(path.join(import.meta.dirname, 'prisma'), prismaDir, { recursive: true });
  const database = await createTestDatabase({ prismaDir });
  databaseUrl = database.databaseUrl;
  pool = createPool({ databaseUrl, applicationName: 'migrate-test' });
  dispose = async () => {
    await pool.end();
    await database.drop();
    await rm(prismaDir, { recursive: true });
  };
});

afterEach(() => dispose());

async function emptyDatabase(): Promise<void> {
  await pool.query('DROP SCHEMA public CASCADE');
  await pool.query('CREATE SCHEMA public');
}

async function addMigration(name: string, sql: string): Promise<void> {
  await cp(path.join(prismaDir, 'migrations', '20260101000000_init'), path.join(prismaDir, 'migrations', name), {
    recursive: true,
  });
  await writeFile(path.join(prismaDir, 'migrations', name, 'migration.sql'), sql);
}

test('applies every migration in order, with function bodies and exclusion constraints, and records them', async () => {
  await emptyDatabase();
  expect(await migrate({ databaseUrl, prismaDir })).toEqual({ applied: names });
  const { rows } = await pool.query(
    'SELECT migration_name, finished_at IS NOT NULL AS finished FROM _prisma_migrations ORDER BY started_at',
  );
  expect(rows).toEqual(names.map(name => ({ migration_name: name, finished: true })));
  const { rows: functions } = await pool.query(`SELECT prosrc FROM pg_proc WHERE proname = 'nights'`);
  expect(functions[0].prosrc).toContain('must not cut the script');
});

test('applies each migration once when ten replicas start at once', async () => {
  await emptyDatabase();
  const results = await Promise.all(
    Array.from({ length: 10 }, () => migrate({ databaseUrl, prismaDir, lockWaitMs: 60_000 })),
  );
  expect(results.flatMap(result => result.applied)).toEqual(names);
});

test('has nothing to do the second time', async () => {
  expect(await migrate({ databaseUrl, prismaDir })).toEqual({ applied: [] });
});

test('starts an older version on a database that a newer one has migrated', async () => {
  await rm(path.join(prismaDir, 'migrations', '20260102000000_overlap'), { recursive: true });
  expect(await migrate({ databaseUrl, prismaDir })).toEqual({ applied: [] });
});

test('names the migration and what Postgres said when one fails, leaves nothing of it, and refuses to go on', async () => {
  await addMigration('20260103000000_broken', 'CREATE TABLE "half" ("id" INT); SELECT * FROM "nowhere";');
  const failure = /^migration 20260103000000_broken failed on [^@]+: relation "nowhere" does not exist \(42P01\)$/;
  await expect(migrate({ databaseUrl, prismaDir })).rejects.toThrow(failure);
  const { rows } = await pool.query(`SELECT to_regclass('half') AS half`);
  expect(rows).toEqual([{ half: null }]);
  const again = /^migration 20260103000000_broken failed earlier on .*nowhere.*prisma migrate resolve --rolled-back/;
  await expect(migrate({ databaseUrl, prismaDir })).rejects.toThrow(again);
});

test('refuses a migration that was changed after it had been applied', async () => {
  await addMigration('20260102000000_overlap', 'SELECT 1;');
  await expect(migrate({ databaseUrl, prismaDir })).rejects.toThrow(
    'migration 20260102000000_overlap was changed after it had been applied',
  );
});

test('sees what the database has beyond the schema, but not what only SQL can say', async () => {
  expect(await describeDrift({ databaseUrl, prismaDir })).toBe('');
  await pool.query('ALTER TABLE stays ADD COLUMN extra INT');
  expect(await describeDrift({ databaseUrl, prismaDir })).toContain('extra');
});

test('says in one line, without the password, which database does not answer', async () => {
  const unreachable = 'postgresql://someone:s3cret@127.0.0.1:1/booking';
  await expect(migrate({ databaseUrl: unreachable, prismaDir })).rejects.toThrow(
    /^cannot use Postgres at 127\.0\.0\.1:1\/booking: connect ECONNREFUSED 127\.0\.0\.1:1$/,
  );
});
