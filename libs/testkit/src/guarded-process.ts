import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Starts the server and ends it when our end of standard input closes, which the kernel does however we die, SIGKILL
 * included. First line out: the server's pid. Standard error (inherited by the server) is the log file.
 */
const guard = `
signal=$1; shift
exec 3<&0 4>&1 1>&2
"$@" </dev/null 3<&- 4>&- &
server=$!
echo "$server" >&4
exec 4>&-
(read -r _ <&3; kill -s "$signal" "$server") &
watcher=$!
exec 3<&-
wait "$server"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

export interface GuardedProcess {
  pid: number;
  /** Ends it in the server's own orderly way and waits for the end. Harmless when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash of the machine would, and waits for the end. */
  kill(): Promise<void>;
  exited: Promise<void>;
  hasExited(): boolean;
  /** The last lines it logged, for an error message. */
  lastLog(): string;
}

export interface GuardedCommand {
  command: string[];
  logFile: string;
  stopSignal: 'INT' | 'TERM';
  /** Its whole environment; ours when left out. */
  env?: Record<string, string> | undefined;
  /** Whom to run it as, when not as ourselves. */
  ids?: { uid?: number; gid?: number } | undefined;
}

/**
 * Starts a server that cannot outlive this process. It has a session of its own, so that Ctrl-C reaches only us and
 * we end it last, and it does not keep our event loop alive.
 */
export async function startGuarded(o: GuardedCommand): Promise<GuardedProcess> {
  mkdirSync(path.dirname(o.logFile), { recursive: true });
  const log = openSync(o.logFile, 'a');
  const child = spawn('/bin/sh', ['-c', guard, 'guard', o.stopSignal, ...o.command], {
    stdio: ['pipe', 'pipe', log],
    detached: true,
    cwd: '/',
    ...(o.env && { env: o.env }),
    ...o.ids,
  });
  const exited = once(child, 'exit').then(() => undefined);
  const lastLog = () => readFileSync(o.logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
  const pid = await readPid(child);
  letGo(child);
  const end = async (signal: NodeJS.Signals) => {
    child.ref(); // now our event loop has to see the end
    if (!hasExited(child)) sendSignal(pid, signal);
    await exited;
  };
  return {
    pid,
    exited,
    lastLog,
    hasExited: () => hasExited(child),
    stop: () => end(o.stopSignal === 'INT' ? 'SIGINT' : 'SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Sends a signal to a process that may have ended meanwhile. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function readPid(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('the guard has no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    return Number(line);
  }
  throw new Error('the guard ended before it started the server');
}

function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) {
    stream?.on('error', () => undefined); // EPIPE when the server ends first
    if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}
