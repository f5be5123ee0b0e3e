import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { startNatsContainer } from './containers.ts';
import { startNatsServer } from './nats-server.ts';
import { runFolder } from './test-servers.ts';

export interface TestNats {
  url: string;
  /** Ends the server. One that is forgotten ends with the test worker. */
  stop(): Promise<void>;
}

/**
 * A NATS server of its own for a test file: the streams have fixed names, so files that run at once would read each
 * other's events on a shared one. Takes some 20 ms embedded, a second as a container.
 */
export async function testNats(): Promise<TestNats> {
  if (process.env.TEST_INFRA_IN_USE === 'containers') return startNatsContainer();
  const dataDir = path.join(runFolder(), `nats-${randomUUID()}`);
  const server = await startNatsServer({ dataDir });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
