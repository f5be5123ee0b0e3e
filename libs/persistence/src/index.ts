export { type CivilDate, civilDateFromDb, civilDateToDb } from './civil-date.ts';
export { DatabaseUnavailableError, describeDatabase } from './database-url.ts';
export { describeDrift, type MigrateOptions, migrate } from './migrate.ts';
export { migrateAtStart } from './migrate-at-start.ts';
export { MigrationError } from './migration-history.ts';
export { createPool, type PoolOptions, pingDatabase, prismaAdapter, transactionLimits } from './pool.ts';
export { isConnectionLoss, isDatabaseAway, postgresConstraint, postgresErrorCode } from './postgres-error.ts';
export { type RetryOptions, withRetries } from './retry.ts';
