export { type EventuallyOptions, eventually } from './eventually.ts';
export { startNatsServer } from './nats-server.ts';
export { type PostgresOptions, startPostgresServer } from './postgres-server.ts';
export type { Server } from './server.ts';
export { silentLogger } from './silent-logger.ts';
export { createTestDatabase } from './test-database.ts';
export { testNats } from './test-nats.ts';
