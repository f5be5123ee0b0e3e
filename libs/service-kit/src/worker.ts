import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface Worker {
  /** Runs as soon as possible instead of waiting for the interval; several nudges during a run make one more run. */
  nudge(): void;
  /** Stops the schedule, tells a run in progress through its signal, and resolves when it has ended. */
  drain(): Promise<void>;
}

/**
 * A background job of one replica. It never overlaps itself; runs are `everyMs` apart (±20 % so that replicas spread);
 * a run that answers true has more to do and is followed at once. Errors are logged and counted, never fatal.
 */
export function startWorker(o: {
  name: string;
  everyMs: number;
  run: (signal: AbortSignal) => Promise<unknown>;
  logger: Logger;
  metrics?: Metrics | undefined;
  /** Whether the first run starts at once; by default it does. */
  immediately?: boolean;
}): Worker {
  const stop = new AbortController();
  const failures = o.metrics?.counter('worker_failures_total', 'Runs of a background worker that threw', ['worker']);
  let wake: (() => void) | undefined;
  let nudged = o.immediately ?? true;

  const rest = () =>
    new Promise<void>(resolve => {
      const timer = setTimeout(finish, o.everyMs * (0.8 + Math.random() * 0.4));
      function finish() {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      }
      wake = finish;
    });

  const loop = async () => {
    while (!stop.signal.aborted) {
      if (!nudged) await rest();
      if (stop.signal.aborted) return;
      nudged = false;
      try {
        if ((await o.run(stop.signal)) === true) nudged = true;
      } catch (error) {
        if (stop.signal.aborted) return;
        failures?.inc({ worker: o.name });
        o.logger.error({ err: error, worker: o.name }, 'background worker failed; it will run again');
      }
    }
  };
  const done = loop();

  return {
    nudge() {
      nudged = true;
      wake?.();
    },
    async drain() {
      stop.abort();
      wake?.();
      await done;
    },
  };
}
