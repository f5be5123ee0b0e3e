export { atMost } from './at-most.ts';
export { fullJitter } from './backoff.ts';
export type { Build } from './build.ts';
export {
  ConfigError,
  commonVariables,
  databaseVariables,
  parseConfig,
  positiveInteger,
  sweepVariables,
} from './config.ts';
export { type Clock, newId } from './identity.ts';
export { createLogger, type Logger } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export {
  checkReadiness,
  listen,
  type OpsServer,
  PortInUseError,
  type ReadinessChecks,
  startOpsServer,
} from './ops-server.ts';
export { runService, type Service } from './run-service.ts';
export { currentTraceparent, inTrace, newTraceparent, readTraceparent, traceIdOf } from './trace-context.ts';
export { type Span, startSpan, startTracing, traced } from './tracing.ts';
export { startWorker, type Worker } from './worker.ts';
