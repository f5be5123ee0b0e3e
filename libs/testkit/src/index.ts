export { type EventuallyOptions, eventually } from './eventually.ts';
export { type GuardedCommand, type GuardedProcess, startGuarded } from './guarded-process.ts';
export { startNatsServer } from './nats-server.ts';
export { isListening, reservePort } from './ports.ts';
export { type PostgresOptions, startPostgresServer } from './postgres-server.ts';
export type { Server } from './server.ts';
export { silentLogger } from './silent-logger.ts';
export { createTestDatabase } from './test-database.ts';
export { testNats } from './test-nats.ts';
