/**
 * How long a lease lasts without a sign of life: after that, what a crashed replica held is taken over. A call to Google
 * may take longer, so a lease that is held is renewed all the time.
 */
export const leaseMs = 6_000;
const renewEveryMs = 1_500;

/** Does `work` while the lease it needs is renewed. A renewal that fails is not the end: writing checks the lease. */
export async function keepLease<T>(renew: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => renew().catch(() => undefined), renewEveryMs).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
