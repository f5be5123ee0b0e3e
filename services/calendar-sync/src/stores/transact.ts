import { transactionLimits, withRetries } from '@monde-sauvage/persistence';
import type { Database, Transaction } from '../context.ts';

/**
 * One transaction, run again after a deadlock or a lost connection: `work` must only write to the database. Those that
 * write many rows lock the calendar's row first, so that deadlocks stay rare.
 */
export const transact = <T>(
  db: Database,
  work: (tx: Transaction) => Promise<T>,
  o: { timeoutMs?: number } = {},
): Promise<T> =>
  withRetries(() => db.$transaction(work, { ...transactionLimits, ...(o.timeoutMs && { timeout: o.timeoutMs }) }), {
    deadlocks: true,
  });
