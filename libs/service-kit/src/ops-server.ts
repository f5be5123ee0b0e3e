import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface OpsServer {
  port: number;
  /** From now on /readyz answers 503, so that no new work is routed here. */
  setDraining(): void;
  close(): Promise<void>;
}

/** Names of what a service needs, each with a probe that throws when it does not answer. */
export type ReadinessChecks = Record<string, () => Promise<unknown>>;

const checkDeadlineMs = 2_000;

/** Runs every check with a deadline: `{ready, checks: {database: 'ok' | reason}}`. */
export async function checkReadiness(
  checks: ReadinessChecks,
): Promise<{ ready: boolean; checks: Record<string, string> }> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${checkDeadlineMs} ms`)), checkDeadlineMs);
      });
      try {
        await Promise.race([check(), deadline]);
        return [name, 'ok'] as const;
      } catch (error) {
        return [name, error instanceof Error ? error.message : String(error)] as const;
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  return { ready: outcomes.every(([, outcome]) => outcome === 'ok'), checks: Object.fromEntries(outcomes) };
}

/**
 * The operator's port of a service: `/livez` (the process turns), `/readyz` (it can do its work: 503 with the failing
 * check's name otherwise, and while draining), `/metrics` (Prometheus text).
 */
export async function startOpsServer(o: {
  port: number;
  host?: string | undefined;
  metrics: Metrics;
  checks: ReadinessChecks;
}): Promise<OpsServer> {
  let draining = false;
  const answer = (response: ServerResponse, status: number, type: string, body: string) => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(body);
  };
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split('?')[0];
    if (path === '/livez') return answer(response, 200, 'application/json', '{"status":"ok"}');
    if (path === '/readyz') {
      const state = draining ? { ready: false, checks: { draining: 'shutting down' } } : await checkReadiness(o.checks);
      return answer(response, state.ready ? 200 : 503, 'application/json', JSON.stringify(state));
    }
    if (path === '/metrics') {
      return answer(response, 200, o.metrics.registry.contentType, await o.metrics.registry.metrics());
    }
    return answer(response, 404, 'application/json', '{"paths":["/livez","/readyz","/metrics"]}');
  };
  const server = createServer((request, response) => {
    respond(request, response).catch(error => {
      const reason = error instanceof Error ? error.message : String(error);
      answer(response, 500, 'text/plain', `this could not be measured: ${reason}\n`);
    });
  });
  await listen(server, o.port, o.host ?? '0.0.0.0');
  return {
    port: (server.address() as AddressInfo).port,
    setDraining() {
      draining = true;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Binds a server.
 * @throws Error with one line naming the port and the variable that moves it, when the port is taken
 */
export function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new PortInUseError(`port ${port} on ${host} is already in use; stop what uses it or set PORT to a free one`)
          : error,
      );
    });
    server.listen(port, host, () => resolve());
  });
}

export class PortInUseError extends Error {
  override name = 'PortInUseError';
}
