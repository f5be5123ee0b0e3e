import pg from 'pg';
import { describeDatabase, explainConnectionError } from './database-url.ts';
import type { PrismaFolder } from './migrations-folder.ts';

/** The database cannot be brought to this version's schema. The message is one line naming the migration. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * The one connection that reads the history and holds the lock.
 * @throws DatabaseUnavailableError with one line naming host, port and database
 */
export async function connectToMigrate(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'migrate',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => undefined); // a lost connection shows in the next query
  await client.connect().catch(error => {
    throw explainConnectionError(error, describeDatabase(databaseUrl));
  });
  return client;
}

export interface FailedMigration {
  name: string;
  logs: string;
}

export interface History {
  /** Names of the folder's migrations that the database does not have, in order. */
  pending: string[];
  /** Begun, but neither finished nor rolled back: running in another replica, unless we hold the lock. */
  failed: FailedMigration | undefined;
}

/**
 * What the database has of the folder's migrations.
 * @throws MigrationError when one was edited after it had been applied
 */
export async function readHistory(client: pg.Client, folder: PrismaFolder): Promise<History> {
  const names = folder.migrations.map(migration => migration.name);
  const table = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  if (!table.rows[0]?.exists) return { pending: names, failed: undefined };
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean; logs: string | null }>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, logs
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  const finished = new Map(rows.filter(row => row.finished).map(row => [row.name, row.checksum]));
  for (const { name, checksum } of folder.migrations) {
    if ((finished.get(name) ?? checksum) === checksum) continue;
    throw new MigrationError(
      `migration ${name} was changed after it had been applied: undo the change, write a new one`,
    );
  }
  const failed = rows.find(row => !row.finished && !finished.has(row.name));
  return {
    pending: names.filter(name => !finished.has(name)),
    failed: failed && { name: failed.name, logs: failed.logs ?? '' },
  };
}
