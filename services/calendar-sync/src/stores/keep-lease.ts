import type { Timing } from '../timing.ts';

/**
 * Does `work` while the lease it needs is renewed. A renewal that fails is not the end: writing checks the lease. When
 * none succeeds for as long as a lease lasts, it is over and left alone.
 */
export async function keepLease<T>(
  { leaseMs, renewLeaseEveryMs }: Pick<Timing, 'leaseMs' | 'renewLeaseEveryMs'>,
  renew: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let failures = 0;
  const renewed = () => {
    failures = 0;
  };
  const failed = () => {
    failures += 1;
    if (failures * renewLeaseEveryMs > leaseMs) clearInterval(timer);
  };
  const timer = setInterval(() => renew().then(renewed, failed), renewLeaseEveryMs).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
