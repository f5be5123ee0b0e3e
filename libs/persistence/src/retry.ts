import { setTimeout as wait } from 'node:timers/promises';
import { isClientTimeout, isConnectionLoss, postgresErrorCode } from './postgres-error.ts';

export interface RetryOptions {
  /** Tries in all, the first included. Default 5. */
  attempts?: number | undefined;
  /** Upper bound of the first pause, doubled each time. Default 20. */
  baseMs?: number | undefined;
  /** Upper bound of any pause. Default 1000. */
  capMs?: number | undefined;
  /** Also retry 40P01. Leave it off where a deadlock is a refusal (two guests racing for one night). Default false. */
  deadlocks?: boolean | undefined;
  /** Stops waiting for the next try. */
  signal?: AbortSignal | undefined;
  random?: (() => number) | undefined;
}

/**
 * Runs `run` again after a serialization failure (40001), a lost connection and, if asked, a deadlock; with full
 * jitter. `run` must be a whole transaction and idempotent: when a connection is lost during COMMIT, it may have
 * committed. Any other error, and the last one, is thrown as it is; so is a wait for a connection or an answer that took too long:
 * whoever asked has waited enough, and queueing up again would keep an overloaded database so.
 */
export async function withRetries<T>(run: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 5, baseMs = 20, capMs = 1000, deadlocks = false, signal, random = Math.random } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error, deadlocks)) throw error;
      await wait(random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)), undefined, signal ? { signal } : {});
    }
  }
}

function isTransient(error: unknown, deadlocks: boolean): boolean {
  const code = postgresErrorCode(error);
  return code === '40001' || (deadlocks && code === '40P01') || (isConnectionLoss(error) && !isClientTimeout(error));
}
