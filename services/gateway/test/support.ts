import { problem } from '@monde-sauvage/contracts';
import { silentLogger, testNats } from '@monde-sauvage/testkit';
import { readConfig } from '../src/config.ts';
import { createGatewayService, type GatewayService } from '../src/service.ts';
import type { StreamTimings } from '../src/sse.ts';
import { type Fakes, startFakeServices } from './fake-services.ts';

export const adminKey = 'admin-key-for-tests-only';

export interface Stage {
  gateway: GatewayService;
  fakes: Fakes;
  url: string;
  /** fetch against the gateway, again when it answers 503; `token` becomes the bearer credential, `json` the body. */
  call(
    method: string,
    path: string,
    o?: { token?: string | undefined; json?: unknown; headers?: Record<string, string>; body?: string | Uint8Array },
  ): Promise<Response>;
  close(): Promise<void>;
}

/** A gateway on a free port, a NATS server of its own, and stand-ins for the services behind it. */
export async function startStage(
  o: { env?: Record<string, string>; streams?: Partial<StreamTimings> } = {},
): Promise<Stage> {
  const nats = await testNats();
  const fakes = await startFakeServices(nats.url);
  const config = readConfig({
    PORT: '0',
    HOST: '127.0.0.1',
    NATS_URL: nats.url,
    ADMIN_API_KEY: adminKey,
    ...o.env,
  });
  const gateway = await createGatewayService(config, {
    logger: silentLogger,
    ...(o.streams ? { streams: o.streams } : {}),
  });
  await gateway.start();
  const url = `http://127.0.0.1:${gateway.port}`;
  return {
    gateway,
    fakes,
    url,
    call: (method, path, { token, json, headers, body } = {}) =>
      askAgain(() =>
        fetch(`${url}${path}`, {
          method,
          redirect: 'manual',
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(json === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
          ...(body === undefined ? {} : { body }),
        }),
      ),
    close: async () => {
      await gateway.drain();
      await fakes.close();
      await nats.stop();
    },
  };
}

const mostTries = 3;

/** As clients do: on a machine that stands still for a moment, the gateway may miss the answer of a service. */
async function askAgain(ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const response = await ask();
    if (response.status !== 503 || tries === mostTries) return response;
    await response.body?.cancel();
  }
}

/** The problem an answer carries; fails when it is not one, or not marked as one. */
export async function readProblem(response: Response) {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json')) throw new Error(`not a problem: ${response.status} ${type}`);
  return problem.parse(await response.json());
}
