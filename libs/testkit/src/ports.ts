import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152). */
const range = { from: 20_000, to: 32_000 };

/**
 * A TCP port of 127.0.0.1 that is free now; `port` itself when given. A predecessor on it is given two seconds to end.
 * One of our choice is not of those an outgoing connection may take before the server that it is for has started.
 * @throws the system's EADDRINUSE error (with `port`) when it stays taken
 */
export async function reservePort(port?: number): Promise<number> {
  for (const deadline = performance.now() + 2_000; ; await wait(50)) {
    try {
      return await bindOnce(port ?? randomInt(range.from, range.to));
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

async function bindOnce(port: number): Promise<number> {
  const server = createServer().listen({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('not a TCP port');
  return address.port;
}

/** Whether something accepts connections on 127.0.0.1:`port`. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * Asks `probe` every 10 ms until it says true.
 * @throws Error with `explain()` when it does not within `timeoutMs`, or as soon as `gaveUp()`.
 */
export async function waitUntil(
  probe: () => Promise<boolean>,
  o: { timeoutMs: number; gaveUp?: () => boolean; explain: () => string },
): Promise<void> {
  const deadline = performance.now() + o.timeoutMs;
  while (!(await probe())) {
    if (o.gaveUp?.() || performance.now() > deadline) throw new Error(o.explain());
    await wait(10);
  }
}
