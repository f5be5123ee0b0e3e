import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { migrate } from '@monde-sauvage/persistence';
import pg from 'pg';

export interface TestDatabase {
  databaseUrl: string;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * An empty, migrated database of its own for a test file, on the server that the test run started. It is cloned
 * (some 20 ms) from a template, which is migrated once per content of `prismaDir`, whichever worker comes first.
 */
export async function createTestDatabase(o: { prismaDir: string }): Promise<TestDatabase> {
  const template = await nameTemplate(o.prismaDir);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(async admin => {
    await ensureTemplate(admin, template, o.prismaDir);
    await admin.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`);
  });
  return {
    databaseUrl: databaseUrl(name),
    drop: () =>
      asAdmin(async admin => {
        await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      }),
  };
}

async function ensureTemplate(admin: pg.Client, template: string, prismaDir: string): Promise<void> {
  await admin.query('SELECT pg_advisory_lock(hashtext($1))', [template]);
  try {
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (rowCount) return;
    const building = `${template}_building`; // renamed when whole: a run that was cut short leaves no half template
    await admin.query(`DROP DATABASE IF EXISTS "${building}" WITH (FORCE)`);
    await admin.query(`CREATE DATABASE "${building}"`);
    await migrate({ databaseUrl: databaseUrl(building), prismaDir });
    await admin.query(`ALTER DATABASE "${building}" RENAME TO "${template}"`);
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtext($1))', [template]);
  }
}

async function nameTemplate(prismaDir: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(prismaDir, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(path.relative(prismaDir, file)).update(await readFile(file));
  return `template_${hash.digest('hex').slice(0, 16)}`;
}

async function asAdmin<T>(use: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: databaseUrl('postgres') });
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.end();
  }
}

function databaseUrl(name: string): string {
  const base = process.env.TEST_DATABASE_URL_BASE;
  if (!base) throw new Error('TEST_DATABASE_URL_BASE is not set: run the tests through Jest, which starts the servers');
  return `${base}/${name}`;
}
