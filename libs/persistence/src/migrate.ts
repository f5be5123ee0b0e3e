import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { describeDatabase, firstLine } from './database-url.ts';
import { connectToMigrate, type FailedMigration, MigrationError, readHistory } from './migration-history.ts';
import { type PrismaFolder, readPrismaFolder } from './migrations-folder.ts';
import { postgresErrorCode } from './postgres-error.ts';
import { toMigrationList, withSchemaEngine } from './schema-engine.ts';

/** Key of the advisory lock (per database). Not Prisma's own 72707369: the engine takes that one itself meanwhile. */
const MIGRATION_LOCK = 7_205_759_403;
const noFilters = { externalTables: [], externalEnums: [] };

export interface MigrateOptions {
  databaseUrl: string;
  /** Folder with schema.prisma and migrations/. */
  prismaDir: string;
  /** How long to wait for another replica that is migrating. Default 5 minutes. */
  lockWaitMs?: number | undefined;
}

/**
 * Brings the database to the newest migration, with Prisma's own engine and its `_prisma_migrations` table, so that
 * `prisma migrate` can be used on the same database. Safe when many replicas start at once. When nothing is to be
 * done the engine is not even loaded. Migrations unknown to this version are left alone: an older version may be
 * started on a newer schema.
 * @returns the names of the migrations this call applied, in order.
 * @throws MigrationError for a failed or edited migration, DatabaseUnavailableError when Postgres does not answer.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const folder = await readPrismaFolder(options.prismaDir);
  const where = describeDatabase(options.databaseUrl);
  const client = await connectToMigrate(options.databaseUrl);
  try {
    if ((await readHistory(client, folder)).pending.length === 0) return { applied: [] };
    await takeLock(client, where, options.lockWaitMs ?? 300_000);
    const { pending, failed } = await readHistory(client, folder); // another replica may have done it meanwhile
    if (failed) throw new MigrationError(explainEarlierFailure(failed, where));
    if (pending.length === 0) return { applied: [] };
    return { applied: await applyPending(client, options.databaseUrl, folder, where) };
  } finally {
    await client.end(); // releases the lock
  }
}

/**
 * How the database differs from what schema.prisma describes, as Prisma words it; '' when it does not. Right after
 * `migrate` this says whether the migrations and the schema tell the same. What only SQL can say (exclusion
 * constraints, functions, partial indexes) is no difference.
 */
export async function describeDrift(options: { databaseUrl: string; prismaDir: string }): Promise<string> {
  const folder = await readPrismaFolder(options.prismaDir);
  const files = [{ path: folder.schemaPath, content: folder.schema }];
  return withSchemaEngine(options.databaseUrl, folder, async engine => {
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatamodel', files },
      to: { tag: 'schemaDatasource', files, configDir: options.prismaDir },
      script: false,
      exitCode: true,
      filters: noFilters,
    });
    return exitCode === 0 ? '' : (stdout ?? '').trim();
  });
}

/**
 * Polls rather than waits in `pg_advisory_lock`: a statement that waits holds a snapshot, and CREATE INDEX
 * CONCURRENTLY in the migration waits for every snapshot.
 */
async function takeLock(client: pg.Client, where: string, lockWaitMs: number): Promise<void> {
  const deadline = performance.now() + lockWaitMs;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.taken) return;
    if (performance.now() > deadline) {
      throw new MigrationError(`another process has been migrating ${where} for over ${lockWaitMs / 1000} s`);
    }
    await wait(100);
  }
}

async function applyPending(
  client: pg.Client,
  databaseUrl: string,
  folder: PrismaFolder,
  where: string,
): Promise<string[]> {
  try {
    return await withSchemaEngine(databaseUrl, folder, async engine => {
      const input = { migrationsList: toMigrationList(folder), filters: noFilters };
      return (await engine.applyMigrations(input)).appliedMigrationNames;
    });
  } catch (error) {
    const code = postgresErrorCode(error);
    const cause = `${firstLine(error)}${code ? ` (${code})` : ''}`;
    const { failed } = await readHistory(client, folder);
    const what = failed ? `migration ${failed.name} failed` : 'the migrations failed';
    throw new MigrationError(`${what} on ${where}: ${cause}`, { cause: error });
  }
}

function explainEarlierFailure({ name, logs }: FailedMigration, where: string): string {
  const cause = readCause(logs);
  const hint = `mend it, then mark it rolled back: prisma migrate resolve --rolled-back ${name}`;
  return `migration ${name} failed earlier on ${where}${cause && ` (${cause})`}; ${hint}`;
}

/** The line of the engine's report (a page) that says what was wrong. */
function readCause(report: string): string {
  const lines = report.split('\n').map(line => line.trim());
  const said =
    lines.find(line => line.startsWith('ERROR: ')) ?? lines.find(line => line && line !== 'external connector error');
  return said ?? '';
}
