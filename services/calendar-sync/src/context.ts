import type { NatsConnection } from '@monde-sauvage/messaging';
import type { Clock, Logger, Metrics } from '@monde-sauvage/service-kit';
import type { CalendarSyncConfig } from './config.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Prisma, PrismaClient } from './generated/prisma/client.ts';
import type { GoogleAccounts } from './google/google-accounts.ts';
import type { Timing } from './timing.ts';
import type { TokenCipher } from './token-cipher.ts';

export type Database = PrismaClient;
export type Transaction = Prisma.TransactionClient;

/** What the service's operations and workers share. */
export interface Context {
  db: Database;
  nats: NatsConnection;
  config: CalendarSyncConfig;
  google: GoogleAccounts;
  cipher: TokenCipher;
  now: Clock;
  timing: Timing;
  /** Passes a place where a test may end the service. */
  passing: (point: CrashPoint) => Promise<void>;
  newId: () => string;
  logger: Logger;
  metrics: Metrics;
  /** This replica's name on leases. */
  replicaId: string;
  /** Wake what would otherwise run at its next interval; called after the commit that made the work. */
  nudge: { mirrors(): void; syncs(): void; channels(): void; relay(): void };
}
