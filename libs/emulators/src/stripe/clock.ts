import { expireDueSessions } from './sessions.ts';
import type { World } from './store.ts';

/** A clock that can be moved away from `now`. */
export function createClock(now: () => Date) {
  let offsetMs = 0;
  return {
    now: () => new Date(now().getTime() + offsetMs),
    moveBy(ms: number) {
      offsetMs += ms;
    },
    reset() {
      offsetMs = 0;
    },
  };
}

export interface Expiry {
  /** Expires what is due by now. Called before anything reads a session. */
  check(): void;
  /** Looks at all sessions anew: the clock or a session changed. */
  rearm(): void;
  stop(): void;
}

const longestWaitMs = 60_000;

/** Has open sessions expire on their own: by a timer, and before each read so that a moved clock is never seen late. */
export function createExpiry(world: World): Expiry {
  let next = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const arm = (): void => {
    clearTimeout(timer);
    if (!Number.isFinite(next)) return;
    const wait = Math.max(0, (next - world.now()) * 1000);
    timer = setTimeout(sweep, Math.min(wait, longestWaitMs)).unref();
  };
  const sweep = (): void => {
    if (world.now() >= next) next = expireDueSessions(world);
    arm();
  };
  return {
    check() {
      if (world.now() >= next) sweep();
    },
    rearm() {
      next = expireDueSessions(world);
      arm();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
