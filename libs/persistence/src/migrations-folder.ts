import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

interface Migration {
  /** Folder name, `<timestamp>_<name>`; migrations run in the order of their names. */
  name: string;
  sql: string;
  /** SHA-256 of the script in hex, as in `_prisma_migrations.checksum`. */
  checksum: string;
}

export interface PrismaFolder {
  migrationsDir: string;
  /** migration_lock.toml, if there is one. */
  lockfile: string | null;
  migrations: Migration[];
  schemaPath: string;
  schema: string;
}

/**
 * Reads `schema.prisma` and `migrations/<name>/migration.sql`.
 * @throws Error naming what is missing.
 */
export async function readPrismaFolder(prismaDir: string): Promise<PrismaFolder> {
  const migrationsDir = path.resolve(prismaDir, 'migrations');
  const schemaPath = path.resolve(prismaDir, 'schema.prisma');
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter(entry => entry.isDirectory()).map(entry => entry.name);
  const migrations = await Promise.all(names.sort().map(name => readMigration(migrationsDir, name)));
  const lockfile = entries.some(entry => entry.name === 'migration_lock.toml')
    ? await readFile(path.join(migrationsDir, 'migration_lock.toml'), 'utf8')
    : null;
  return { migrationsDir, lockfile, migrations, schemaPath, schema: await readFile(schemaPath, 'utf8') };
}

async function readMigration(migrationsDir: string, name: string): Promise<Migration> {
  const sql = await readFile(path.join(migrationsDir, name, 'migration.sql'), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}
