import type { HttpRoute } from '@monde-sauvage/contracts';
import { closeNats, connectNats, type NatsConnection, pingNats } from '@monde-sauvage/messaging';
import { createLogger, createMetrics, type Logger, type Service } from '@monde-sauvage/service-kit';
import manifest from '../package.json' with { type: 'json' };
import { createApp } from './app.ts';
import { createAuthenticate } from './auth.ts';
import { type GatewayConfig, publicUrl } from './config.ts';
import { createHttpServer, type HttpServer } from './server.ts';
import { type BookingStreams, createBookingStreams, type StreamTimings } from './sse.ts';

export interface GatewayService extends Service {
  /** Where it listens; 0 before the start. */
  readonly port: number;
  /** The rows of the contract's table that it serves. */
  readonly served: HttpRoute[];
}

/** The gateway: HTTP in front, requests to the services over NATS behind, no state of its own. */
export async function createGatewayService(
  config: GatewayConfig,
  overrides: { logger?: Logger; streams?: Partial<StreamTimings> } = {},
): Promise<GatewayService> {
  const build = { service: 'gateway', version: manifest.version, commit: config.SERVICE_COMMIT };
  const logger = overrides.logger ?? createLogger({ ...build, level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway', build);
  let nc: NatsConnection | undefined;
  let server: HttpServer | undefined;
  let bookingStreams: BookingStreams | undefined;
  let served: HttpRoute[] = [];
  let draining = false;

  return {
    get port() {
      return server?.port ?? 0;
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
      server = createHttpServer(made.app);
      await server.listen(config.PORT, config.HOST);
      logger.info({ port: server.port, publicUrl: publicUrl(config) }, 'gateway is listening');
    },
    async drain() {
      draining = true;
      bookingStreams?.close();
      await server?.close();
      if (nc) await closeNats(nc);
    },
  };
}
