import type { NatsConnection } from '@monde-sauvage/messaging';
import { transactionLimits, withRetries } from '@monde-sauvage/persistence';
import type { Clock, Logger, Metrics } from '@monde-sauvage/service-kit';
import type { PaymentConfig } from './config.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Prisma, PrismaClient } from './generated/prisma/client.ts';
import type { Stripe } from './stripe-client.ts';

export type Transaction = Prisma.TransactionClient;

/** What the operations work with. */
export interface PaymentContext {
  db: PrismaClient;
  nc: NatsConnection;
  stripe: Stripe;
  config: PaymentConfig;
  now: Clock;
  newId: () => string;
  logger: Logger;
  metrics: Metrics;
  /** Wakes the worker that has something to do after a commit; the workers also look by themselves. */
  nudge: Record<'outbox' | 'events' | 'payments' | 'refunds', () => void>;
  /** Told of every crash point that is passed. */
  passing: (point: CrashPoint) => Promise<void>;
}

/** One short transaction; whole and idempotent, since it is run again after a lost connection or a deadlock. */
export const inTransaction = <T>(db: PrismaClient, run: (tx: Transaction) => Promise<T>): Promise<T> =>
  withRetries(() => db.$transaction(run, transactionLimits), { deadlocks: true });
