export { testContainerLabel } from './containers.ts';
export { type CrashPlan, planCrashes } from './crash-plan.ts';
export { type CuttableLink, cuttableLink } from './cuttable-link.ts';
export { type CuttableUser, cuttableUser } from './cuttable-user.ts';
export { type EventuallyOptions, eventually } from './eventually.ts';
export { type GuardedCommand, type GuardedProcess, startGuarded } from './guarded-process.ts';
export { startNatsServer } from './nats-server.ts';
export { patience } from './patience.ts';
export { isListening, reservePort } from './ports.ts';
export { type PostgresOptions, startPostgresServer } from './postgres-server.ts';
export { recordingLogger } from './recording-logger.ts';
export {
  type PropertyRun,
  readPropertyRun,
  runSequences,
  type SequenceProperty,
  type Verdicts,
} from './run-sequences.ts';
export type { Server } from './server.ts';
export { silentLogger } from './silent-logger.ts';
export { createTestDatabase } from './test-database.ts';
export { testNats } from './test-nats.ts';
export { untilQuiet } from './until-quiet.ts';
