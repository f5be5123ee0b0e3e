import { createServer, type Server } from 'node:http';
import type { HttpRoute } from '@monde-sauvage/contracts';
import { closeNats, connectNats, type NatsConnection, pingNats } from '@monde-sauvage/messaging';
import { createLogger, createMetrics, type Logger, listen, newId, type Service } from '@monde-sauvage/service-kit';
import { createApp } from './app.ts';
import { createAuthenticate } from './auth.ts';
import { type GatewayConfig, publicUrl } from './config.ts';
import { makeProblem } from './problems.ts';
import { type BookingStreams, createBookingStreams, type StreamTimings } from './sse.ts';

export interface GatewayService extends Service {
  /** Where it listens; 0 before the start. */
  readonly port: number;
  /** The rows of the contract's table that it serves. */
  readonly served: HttpRoute[];
}

/** How long requests in flight may take to end at shutdown; the process has 10 s in all. */
const finishMs = 7_000;

/** The gateway: HTTP in front, requests to the services over NATS behind, no state of its own. */
export async function createGatewayService(
  config: GatewayConfig,
  overrides: { logger?: Logger; streams?: Partial<StreamTimings> } = {},
): Promise<GatewayService> {
  const logger = overrides.logger ?? createLogger({ service: 'gateway', level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway');
  let nc: NatsConnection | undefined;
  let server: Server | undefined;
  let bookingStreams: BookingStreams | undefined;
  let served: HttpRoute[] = [];
  let draining = false;

  const port = () => {
    const address = server?.address();
    return address && typeof address === 'object' ? address.port : 0;
  };

  return {
    get port() {
      return port();
    },
    get served() {
      return served;
    },
    async start() {
      const connection = await connectNats({
        servers: config.NATS_URL,
        service: 'gateway',
        credsFile: config.NATS_CREDS,
        logger,
        onStatus: connected => connected && bookingStreams?.refresh(),
      });
      nc = connection;
      bookingStreams = createBookingStreams({ nc, logger, metrics, timings: overrides.streams });
      const made = createApp({
        config,
        metrics,
        gateway: { nc, logger, bookingStreams, authenticate: createAuthenticate(config.ADMIN_API_KEY) },
        checks: { nats: () => pingNats(connection) },
        isDraining: () => draining,
      });
      served = made.served;
      server = createServer(made.app);
      configureServer(server);
      await listen(server, config.PORT, config.HOST);
      logger.info({ port: port(), publicUrl: publicUrl(config) }, 'gateway is listening');
    },
    async drain() {
      draining = true;
      bookingStreams?.close();
      if (server) await closeServer(server);
      if (nc) await closeNats(nc);
    },
  };
}

function configureServer(server: Server): void {
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than a load balancer's own (60 s as a rule), so that it never sends into a connection we are closing.
  server.keepAliveTimeout = 65_000;
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return;
    const requestId = newId();
    const detail = 'This is not an HTTP request that can be read.';
    const body = JSON.stringify(
      makeProblem({ code: 'validation_failed', status: 400, detail }, { instance: '/', requestId }),
    );
    socket.end(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nx-request-id: ${requestId}\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
}

/** Takes no new connections, lets requests in flight end, then cuts what is left. */
async function closeServer(server: Server): Promise<void> {
  const limit = setTimeout(() => server.closeAllConnections(), finishMs);
  await new Promise<void>(resolve => server.close(() => resolve()));
  clearTimeout(limit);
}
