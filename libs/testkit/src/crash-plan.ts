/**
 * Decides where services end abruptly. A service passes its crash points through a hook of its own; the first to pass a
 * point that is armed ends there: its `kill` is called, and whatever passes any point of it from then on never returns,
 * as nothing does in a process that is gone.
 */
export interface CrashPlan<P extends string> {
  /** Whoever passes this point next ends there. */
  arm(point: P): void;
  /** Nobody ends any more. */
  disarm(): void;
  /** What one instance passes its points through. `kill` must cut it off from everything it could have an effect on. */
  hookFor(kill: (point: P) => void): (point: P) => Promise<void>;
  /** Points at which something ended so far, and how often. */
  readonly struck: ReadonlyMap<P, number>;
  /** How often each point was passed or struck: a point that nothing passes is not tested. */
  readonly passed: ReadonlyMap<P, number>;
}

export function planCrashes<P extends string>(): CrashPlan<P> {
  const armed = new Map<P, number>();
  const struck = new Map<P, number>();
  const passed = new Map<P, number>();
  const never = () => new Promise<never>(() => undefined);
  return {
    arm: point => void armed.set(point, (armed.get(point) ?? 0) + 1),
    disarm: () => armed.clear(),
    hookFor(kill) {
      let dead = false;
      return async point => {
        if (dead) return never();
        passed.set(point, (passed.get(point) ?? 0) + 1);
        const times = armed.get(point) ?? 0;
        if (times === 0) return;
        armed.set(point, times - 1);
        struck.set(point, (struck.get(point) ?? 0) + 1);
        dead = true;
        kill(point);
        return never();
      };
    },
    struck,
    passed,
  };
}
