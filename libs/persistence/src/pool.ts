import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { describeDatabase, explainConnectionError } from './database-url.ts';

const DATE_OID = 1082;

const statementTimeoutMs = 10_000;
const lockTimeoutMs = 5_000;
const answerMarginMs = 2_000;

/**
 * How long Prisma lets an interactive transaction wait for a connection and run. Longer than the sessions' own limits:
 * Postgres gives up first, and Prisma never in the middle of a COMMIT, which can end the process (Prisma issue 29952).
 */
export const transactionLimits = { maxWait: 5_000, timeout: 2 * statementTimeoutMs } as const;

export interface PoolOptions {
  databaseUrl: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Connections of this process at most. Times the number of replicas, it must stay under the server's limit. Default 10. */
  max?: number | undefined;
  /** Told of idle connections that were lost; the pool replaces them by itself. */
  onIdleError?: ((error: Error) => void) | undefined;
  statementTimeoutMs?: number | undefined;
  lockTimeoutMs?: number | undefined;
  idleInTransactionTimeoutMs?: number | undefined;
}

/**
 * A bounded pool whose sessions can neither run, wait for a lock, nor sit in a transaction for ever. Connects lazily:
 * `pingDatabase` says whether the database is there. Queries on the pool itself return DATE as `YYYY-MM-DD`
 * (pg's own choice is midnight in the process's time zone, a different day elsewhere); Prisma is not affected.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? statementTimeoutMs,
    // The server's limit says nothing when the server vanished without a word: TCP alone would wait a quarter of an hour.
    query_timeout: (options.statementTimeoutMs ?? statementTimeoutMs) + answerMarginMs,
    lock_timeout: options.lockTimeoutMs ?? lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 10_000,
    types: {
      getTypeParser: (oid, format) => (oid === DATE_OID ? String : pg.types.getTypeParser(oid, format)),
    },
  });
  // Without a listener, a server restart would bring the process down through an idle connection.
  pool.on('error', error => options.onIdleError?.(error));
  // In the instant in which a client is handed out neither the pool nor its user listens to it; its next query fails.
  pool.on('connect', client => client.on('error', () => undefined));
  return pool;
}

/** The adapter for `new PrismaClient({ adapter })`. The pool stays the caller's: `$disconnect` does not end it. */
export function prismaAdapter(pool: pg.Pool): PrismaPg {
  return new PrismaPg(pool);
}

/**
 * Asks the database for an answer, for readiness checks and at start.
 * @throws DatabaseUnavailableError with one line naming host, port and database, never the password.
 */
export async function pingDatabase(pool: pg.Pool): Promise<void> {
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    throw explainConnectionError(error, describeDatabase(pool.options.connectionString ?? ''));
  }
}
