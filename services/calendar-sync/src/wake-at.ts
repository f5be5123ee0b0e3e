import type { Context } from './context.ts';

/** Nudges a worker when work of it becomes due, closer than its interval, which stays the safety net. */
export function wakeAt(context: Pick<Context, 'now'>, at: Date, nudge: () => void): void {
  const ms = at.getTime() - context.now().getTime();
  if (ms < 60_000) setTimeout(nudge, Math.max(0, ms) + 1).unref();
}
