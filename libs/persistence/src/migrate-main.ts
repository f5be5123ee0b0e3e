import { fileURLToPath } from 'node:url';
import { describeDatabase, firstLine } from './database-url.ts';
import { migrate } from './migrate.ts';

/**
 * Migrates one database and ends: `node dist/migrate.mjs` in a service's image (as an init container, or by hand), or
 * `node libs/persistence/src/migrate-main.ts services/booking/prisma`. Reads DATABASE_URL and nothing else. Says what
 * it applied in one line of JSON, as the services log, and exits with 0; or says in one line why not, and exits with 1.
 */
const [, , prismaDir = fileURLToPath(new URL('../prisma', import.meta.url))] = process.argv;
const databaseUrl = process.env.DATABASE_URL;

try {
  if (!databaseUrl) throw new Error('DATABASE_URL is missing: postgres://user:password@host:5432/database');
  const { applied } = await migrate({ databaseUrl, prismaDir });
  const database = describeDatabase(databaseUrl);
  const msg = applied.length > 0 ? 'database migrated' : 'nothing to migrate';
  const entry = { level: 'info', time: new Date().toISOString(), service: 'migrate', database, applied, msg };
  process.stdout.write(`${JSON.stringify(entry)}\n`);
} catch (error) {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
}
