import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPool, DatabaseUnavailableError, pingDatabase } from '@monde-sauvage/persistence';
import { parseConfig } from '@monde-sauvage/service-kit';
import type pg from 'pg';
import { z } from 'zod';

/** The services that keep rows. */
const rowKeepers = ['booking', 'availability', 'calendar-sync', 'payment'] as const;
type RowKeeper = (typeof rowKeepers)[number];

/** One service's database, to be looked at only. */
export interface ReadOnlyDatabase {
  /** @throws Error naming the service when the statement fails or takes too long */
  rows<S extends z.ZodObject>(row: S, sql: string, values?: unknown[]): Promise<z.output<S>[]>;
}

export type Databases = Record<RowKeeper, ReadOnlyDatabase>;

export const variableOf = (service: RowKeeper): string => `${service.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`;

const variables = z.object({
  DATABASE_URL_BASE: z.string().optional(),
  DATABASE_PREFIX: z.string().default(''),
  DATA_DIR: z.string().default(fileURLToPath(new URL('../../.data', import.meta.url))),
  POSTGRES_PORT: z.coerce.number().int().default(15_432),
});

/**
 * Where each service's database is: as its own variable says (`BOOKING_DATABASE_URL` …), else on the server of
 * `DATABASE_URL_BASE`, else on the one that `npm start` keeps in its data folder.
 * @throws DatabaseUnavailableError with one line naming the variables when there is no address
 */
export function findDatabaseUrls(env: NodeJS.ProcessEnv): Record<RowKeeper, string> {
  const settings = parseConfig(variables, env);
  const urlOf = (service: RowKeeper): string => {
    const given = env[variableOf(service)];
    if (given) return given;
    const url = new URL(settings.DATABASE_URL_BASE ?? embeddedServer(settings, service));
    url.pathname = `/${settings.DATABASE_PREFIX}${service.replaceAll('-', '_')}`;
    return url.toString();
  };
  return {
    booking: urlOf('booking'),
    availability: urlOf('availability'),
    'calendar-sync': urlOf('calendar-sync'),
    payment: urlOf('payment'),
  };
}

function embeddedServer(o: { DATA_DIR: string; POSTGRES_PORT: number }, service: RowKeeper): string {
  try {
    const password = readFileSync(join(o.DATA_DIR, 'postgres', 'password'), 'utf8').trim();
    return `postgresql://postgres:${password}@127.0.0.1:${o.POSTGRES_PORT}`;
  } catch {
    throw new DatabaseUnavailableError(
      `no address for the database of ${service}: set ${variableOf(service)} or DATABASE_URL_BASE, or DATA_DIR to the folder of a system that npm start runs`,
    );
  }
}

/**
 * Connects to all four, once each, with sessions that cannot write whatever the role may do.
 * @throws DatabaseUnavailableError with one line for each database that cannot be reached, naming its variable
 */
export async function openDatabases(
  urls: Record<RowKeeper, string>,
): Promise<{ databases: Databases; close(): Promise<void> }> {
  const pools = new Map<RowKeeper, pg.Pool>(
    rowKeepers.map(service => [
      service,
      createPool({
        databaseUrl: readOnly(urls[service], service),
        applicationName: 'check-invariants',
        max: 1,
        statementTimeoutMs: 30_000,
      }),
    ]),
  );
  const close = async () => {
    await Promise.all([...pools.values()].map(pool => pool.end()));
  };
  const problems = await Promise.all(
    [...pools].map(([service, pool]) =>
      pingDatabase(pool).then(
        () => undefined,
        (error: Error) => `${variableOf(service)}: ${error.message}`,
      ),
    ),
  );
  const lines = problems.filter(problem => problem !== undefined);
  if (lines.length > 0) {
    await close();
    throw new DatabaseUnavailableError(lines.join('\n'));
  }
  const reader = (service: RowKeeper): ReadOnlyDatabase => ({
    async rows(row, sql, values = []) {
      try {
        return z.array(row).parse((await pools.get(service)?.query(sql, values))?.rows);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`the database of ${service} (${variableOf(service)}) could not be read: ${why}`, { cause });
      }
    },
  });
  const databases = {
    booking: reader('booking'),
    availability: reader('availability'),
    'calendar-sync': reader('calendar-sync'),
    payment: reader('payment'),
  };
  return { databases, close };
}

/** The same database in sessions that refuse to write. */
function readOnly(databaseUrl: string, service: RowKeeper): string {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : undefined;
  if (!url) throw new DatabaseUnavailableError(`${variableOf(service)}: must be a connection URL (postgresql://…)`);
  const options = [url.searchParams.get('options'), '-c default_transaction_read_only=on'];
  url.searchParams.set('options', options.filter(Boolean).join(' '));
  return url.toString();
}
