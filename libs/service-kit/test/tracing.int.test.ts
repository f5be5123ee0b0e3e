import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { reservePort } from '@monde-sauvage/testkit';
import { z } from 'zod';

/**
 * A service that does many traced things and is told to end. It says how many of the SDK's files it loaded
 * (prom-client brings the API), what the things gave, and how long the end took.
 */
const probe = `
  import { writeSync } from 'node:fs';
  import { registerHooks } from 'node:module';
  let loaded = 0;
  registerHooks({
    load(url, context, next) {
      if (/@opentelemetry.(?!api.)/.test(url)) loaded += 1;
      return next(url, context);
    },
  });
  const { runService, traced } = await import('@monde-sauvage/service-kit');
  await runService('probe', async () => ({
    async start() {
      const results = await Promise.all(Array.from({ length: 5_000 }, () => traced('work', {}, async () => 'done')));
      const done = results.filter(result => result === 'done').length;
      const asked = performance.now();
      process.on('exit', () => writeSync(1, JSON.stringify({ loaded, done, endedInMs: performance.now() - asked })));
      process.kill(process.pid, 'SIGTERM');
    },
    drain: async () => undefined,
  }));
  setInterval(() => undefined, 1_000);
`;

const report = z.object({ loaded: z.number(), done: z.number(), endedInMs: z.number() });

/** @throws when the probe does not end with code 0 */
async function runProbe(endpoint: string) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', probe], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, LOG_LEVEL: 'silent', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  });
  return report.parse(JSON.parse(stdout));
}

/** Takes requests and answers them as told. */
async function startCollector(respond: boolean) {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(`${request.url} ${body}`);
    if (respond) response.end('{}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    bodies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('without a collector to send to, nothing of the SDK is loaded', async () => {
  expect(await runProbe('')).toMatchObject({ loaded: 0, done: 5_000 });
});

test('a service that ends delivers the spans it still holds', async () => {
  const collector = await startCollector(true);
  const { loaded } = await runProbe(`${collector.url}/`);
  collector.close();
  expect(loaded).toBeGreaterThan(0);
  expect(collector.bodies.at(-1)).toMatch(/^\/v1\/traces .*"probe".*"name":"work"/);
});

test.each([
  ['refuses connections', async () => ({ url: `http://127.0.0.1:${await reservePort()}`, close: () => undefined })],
  ['never answers', () => startCollector(false)],
])('a collector that %s changes nothing and holds up the end for a second or so', async (_, start) => {
  const collector = await start();
  const { done, endedInMs } = await runProbe(collector.url);
  collector.close();
  expect(done).toBe(5_000);
  // A delivery would be waited for five seconds.
  expect(endedInMs).toBeLessThan(4_800);
});
