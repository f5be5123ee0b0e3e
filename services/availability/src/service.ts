import { fileURLToPath } from 'node:url';
import {
  closeNats,
  connectNats,
  consumeEvents,
  pingNats,
  serveRequests,
  startAntiEntropySweep,
} from '@monde-sauvage/messaging';
import { createPool, isDatabaseAway, migrateAtStart, pingDatabase, prismaAdapter } from '@monde-sauvage/persistence';
import {
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  type Service,
  startOpsServer,
} from '@monde-sauvage/service-kit';
import manifest from '../package.json' with { type: 'json' };
import type { AvailabilityConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { eventHandlers, requestHandlers } from './messages.ts';

const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

/** Wires the availability service. `overrides` lets a test say what time it is and where the log goes. */
export async function createAvailabilityService(
  config: AvailabilityConfig,
  overrides: { now?: Clock; logger?: Logger } = {},
): Promise<Service> {
  const build = { service: 'availability', version: manifest.version, commit: config.SERVICE_COMMIT };
  const logger = overrides.logger ?? createLogger({ ...build, level: config.LOG_LEVEL });
  const metrics = createMetrics('availability', build);
  let stop: (() => Promise<void>) | undefined;

  return {
    async start() {
      await migrateAtStart({ databaseUrl: config.DATABASE_URL, prismaDir, logger });
      const pool = createPool({
        databaseUrl: config.DATABASE_URL,
        applicationName: 'availability',
        max: config.DATABASE_POOL_SIZE,
      });
      const db = new PrismaClient({ adapter: prismaAdapter(pool) });
      const nats = await connectNats({
        servers: config.NATS_URL,
        service: 'availability',
        credsFile: config.NATS_CREDS,
        logger,
      });
      const sources = { db, nats, now: overrides.now ?? (() => new Date()) };
      const requests = await serveRequests({
        nc: nats,
        service: 'availability',
        version: manifest.version,
        handlers: requestHandlers(sources),
        isOutage: isDatabaseAway,
        logger,
        metrics,
      });
      const events = await consumeEvents({
        nc: nats,
        stream: 'BOOKING',
        durable: 'availability',
        handlers: eventHandlers(sources),
        pool,
        logger,
        metrics,
      });
      const sweep = startAntiEntropySweep({
        nc: nats,
        pool,
        copy: { table: 'stays', idColumn: 'booking_id', source: 'all' },
        everyMs: config.SWEEP_INTERVAL_SECONDS * 1_000,
        now: sources.now,
        logger,
        metrics,
      });
      const ops = await startOpsServer({
        port: config.PORT,
        host: config.HOST,
        metrics,
        checks: { database: () => pingDatabase(pool), nats: () => pingNats(nats) },
      });
      logger.info({ port: ops.port }, 'availability is ready');
      stop = async () => {
        ops.setDraining();
        await Promise.all([requests.drain(), events.drain(), sweep.drain()]);
        await closeNats(nats);
        await db.$disconnect();
        await pool.end();
        await ops.close();
      };
    },
    drain: async () => stop?.(),
  };
}
