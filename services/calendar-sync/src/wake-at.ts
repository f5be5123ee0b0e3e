import type { Context } from './context.ts';

/** Nudges a worker when work of it becomes due, closer than its interval, which stays the safety net. */
export function wakeAt(context: Pick<Context, 'now'>, at: Date, nudge: () => void): void {
  const ms = at.getTime() - context.now().getTime();
  // A timer may fire a little before the clock says so; at once is at once.
  if (ms <= 0) nudge();
  else if (ms < 60_000) setTimeout(nudge, ms + 3).unref();
}
