import type { Timing } from '../timing.ts';

/**
 * Does `work` while the lease it needs is renewed. A renewal that fails is not the end: writing checks the lease. One that
 * waits, for the row that the work itself has locked, is not joined by others.
 */
export async function keepLease<T>(
  timing: Pick<Timing, 'renewLeaseEveryMs'>,
  renew: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let renewing = false;
  const timer = setInterval(() => {
    if (renewing) return;
    renewing = true;
    renew()
      .catch(() => undefined)
      .finally(() => {
        renewing = false;
      });
  }, timing.renewLeaseEveryMs).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
