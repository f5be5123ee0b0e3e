import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseConfig, runService } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import { demoPage } from './page.ts';
import { type Demo, seedDemo } from './seed.ts';

/**
 * Prepares the demo establishment on a system that runs in containers, and shows on one page how it is reached.
 * `npm run demo` reads the same from `/demo.json`. It holds the owner's key, so it is published on 127.0.0.1 only.
 */
const variables = z.object({
  PORT: z.coerce.number().int().default(4000),
  HOST: z.string().default('0.0.0.0'),
  STATE_DIR: z.string().default('.'),
  ADMIN_API_KEY: z.string(),
  /** As browsers and `npm run demo` reach them. */
  PUBLIC_URL: z.url(),
  GOOGLE_EMULATOR_URL: z.url(),
  STRIPE_EMULATOR_URL: z.url(),
  /** As reached from here. */
  GATEWAY_INTERNAL_URL: z.url(),
  GOOGLE_API_BASE_URL: z.url(),
});

/** A page of another site must not read the key through a name that it lets point here. */
const ownNames = new Set(['localhost', '127.0.0.1', 'demo']);

await runService('demo', async () => {
  const env = parseConfig(variables, process.env);
  let demo: Demo | undefined;
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }).end(body);
    };
    const host = URL.parse(`http://${request.headers.host}`)?.hostname ?? '';
    if (!ownNames.has(host)) return answer(421, 'text/plain', 'open this page as http://localhost\n');
    if (demo === undefined) return answer(503, 'text/plain', 'the demo is being prepared\n');
    if (request.url === '/readyz') return answer(200, 'application/json', '{"ready":true}');
    if (request.url === '/demo.json') return answer(200, 'application/json', JSON.stringify(demo, null, 2));
    if (request.url === '/') return answer(200, 'text/html', demoPage(demo));
    return answer(404, 'text/plain', 'there are / and /demo.json\n');
  });
  return {
    async start() {
      server.listen(env.PORT, env.HOST);
      await once(server, 'listening');
      demo = await seedDemo({
        addresses: {
          gatewayUrl: env.PUBLIC_URL,
          googleUrl: env.GOOGLE_EMULATOR_URL,
          stripeUrl: env.STRIPE_EMULATOR_URL,
        },
        from: { gatewayUrl: env.GATEWAY_INTERNAL_URL, googleUrl: env.GOOGLE_API_BASE_URL },
        adminKey: env.ADMIN_API_KEY,
        connectGoogle: true,
        file: join(env.STATE_DIR, 'demo.json'),
      });
      process.stdout.write(`the demo is ready: ${demo.gatewayUrl}\n`);
    },
    async drain() {
      server.close();
      server.closeAllConnections();
    },
  };
});
