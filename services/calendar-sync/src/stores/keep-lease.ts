import type { Timing } from '../timing.ts';

/** Does `work` while the lease it needs is renewed. A renewal that fails is not the end: writing checks the lease. */
export async function keepLease<T>(
  timing: Pick<Timing, 'renewLeaseEveryMs'>,
  renew: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => renew().catch(() => undefined), timing.renewLeaseEveryMs).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
