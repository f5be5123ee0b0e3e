import { join } from 'node:path';
import { type GuardedProcess, startGuarded } from '@monde-sauvage/testkit';
import { root } from './settings.ts';

/** One process of the system that is kept running, as an orchestrator would. */
export interface Supervised {
  name: string;
  pid(): number | undefined;
  start(): Promise<void>;
  /** SIGTERM and wait; it stays stopped until it is started again. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; it stays dead until it is started again. */
  kill(): Promise<void>;
  /** Resolves when `healthUrl` answers 200; fails with the last lines of the log when the process cannot start. */
  ready(): Promise<void>;
}

const restartDelayMs = 1_000;
const readyTimeoutMs = 120_000;

/**
 * Runs `node <entry>` with its output in `logFile`. A process that ends although it should run is started again after a
 * second; the process cannot outlive this one.
 */
export function supervise(o: {
  name: string;
  entry: string;
  env: Record<string, string>;
  /** Where it answers 200 once it can do its work. */
  healthUrl: string;
  logFile: string;
  say?: (line: string) => void;
}): Supervised {
  let current: GuardedProcess | undefined;
  let wanted = false;
  let everReady = false;
  let restart: NodeJS.Timeout | undefined;

  const launch = async () => {
    const launched = await startGuarded({
      command: [process.execPath, join(root, o.entry)],
      env: { ...inherited(), ...o.env },
      logFile: o.logFile,
      stopSignal: 'TERM',
    });
    current = launched;
    void launched.exited.then(() => {
      if (!wanted || current !== launched || !everReady) return;
      o.say?.(`${o.name} ended unexpectedly (see ${o.logFile}); starting it again`);
      restart = setTimeout(() => void launch(), restartDelayMs);
    });
  };

  const end = async (how: 'stop' | 'kill') => {
    wanted = false;
    clearTimeout(restart);
    await current?.[how]();
    current = undefined;
  };

  return {
    name: o.name,
    pid: () => current?.pid,
    async start() {
      if (wanted) return;
      wanted = true;
      everReady = false;
      await launch();
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    async ready() {
      const deadline = Date.now() + readyTimeoutMs;
      while (!(await answersReady(o.healthUrl))) {
        if (current?.hasExited()) throw new Error(`${o.name} did not start: ${lastLine(current.lastLog())}`);
        if (Date.now() > deadline) {
          throw new Error(`${o.name} is not ready after ${readyTimeoutMs / 1000} s: see ${o.logFile}`);
        }
        await new Promise(resolve => setTimeout(resolve, 25));
      }
      everReady = true;
    },
  };
}

const lastLine = (log: string) => log.trim().split('\n').at(-1) ?? '';

/** What a service may inherit: nothing that configures it by accident. */
const inherited = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS'].flatMap(name => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

async function answersReady(healthUrl: string): Promise<boolean> {
  try {
    const response = await fetch(healthUrl, { signal: AbortSignal.timeout(3_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
