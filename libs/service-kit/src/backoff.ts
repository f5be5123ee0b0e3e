/**
 * Exponential backoff with full jitter: a random delay between 0 and min(cap, base · 2^attempt), in milliseconds.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export function fullJitter(
  attempt: number,
  o: { baseMs: number; capMs: number; random?: (() => number) | undefined },
): number {
  const random = o.random ?? Math.random;
  return Math.round(random() * Math.min(o.capMs, o.baseMs * 2 ** Math.min(attempt, 30)));
}
