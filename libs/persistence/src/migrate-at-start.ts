import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { describeDatabase } from './database-url.ts';
import type { MigrateOptions } from './migrate.ts';
import { connectToMigrate, MigrationError, readHistory } from './migration-history.ts';
import { readPrismaFolder } from './migrations-folder.ts';

const run = promisify(execFile);

/**
 * `migrate` for a service that goes on running: where something is to be applied, a process of its own does it, so that
 * the memory of Prisma's engine (some 30 MB, which WebAssembly never gives back) ends with that process. Says what was
 * applied in the service's log.
 * @throws MigrationError, DatabaseUnavailableError as `migrate` does
 */
export async function migrateAtStart(
  options: Omit<MigrateOptions, 'lockWaitMs'> & { logger: { info(fields: object, message: string): void } },
): Promise<void> {
  const folder = await readPrismaFolder(options.prismaDir);
  const client = await connectToMigrate(options.databaseUrl);
  const { pending } = await readHistory(client, folder).finally(() => client.end());
  if (pending.length === 0) return;
  const { applied } = await migrateApart(options);
  // None: another replica has done it meanwhile.
  if (applied.length === 0) return;
  options.logger.info({ database: describeDatabase(options.databaseUrl), applied }, 'database migrated');
}

const report = z.object({ applied: z.array(z.string()) });
const failure = z.object({ stderr: z.string() });

async function migrateApart(o: { databaseUrl: string; prismaDir: string }): Promise<z.output<typeof report>> {
  const env = { ...process.env, DATABASE_URL: o.databaseUrl };
  try {
    const { stdout } = await run(process.execPath, [findEntry(), o.prismaDir], { env });
    return report.parse(JSON.parse(stdout));
  } catch (cause) {
    const said = failure.safeParse(cause).data?.stderr.trim().split('\n').at(-1);
    throw new MigrationError(said || `the migration process ended: ${cause}`, { cause });
  }
}

/** Beside the running file in a bundled service, else the source. */
function findEntry(): string {
  const bundled = fileURLToPath(new URL('./migrate.mjs', import.meta.url));
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('./migrate-main.ts', import.meta.url));
}
