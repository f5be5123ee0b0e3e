import { fileURLToPath } from 'node:url';
import {
  closeNats,
  connectNats,
  consumeEvents,
  ensureStream,
  pingNats,
  serveRequests,
  startAntiEntropySweep,
  startOutboxRelay,
} from '@monde-sauvage/messaging';
import { createPool, isDatabaseAway, migrateAtStart, pingDatabase, prismaAdapter } from '@monde-sauvage/persistence';
import {
  atMost,
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  newId,
  type Service,
  startOpsServer,
} from '@monde-sauvage/service-kit';
import manifest from '../package.json' with { type: 'json' };
import type { PaymentConfig } from './config.ts';
import type { PaymentContext } from './context.ts';
import { type CrashPoint, pointAfter } from './crash-points.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { eventHandlers, requestHandlers } from './messages.ts';
import { watchWork } from './metrics.ts';
import { createStripe, type Stripe } from './stripe-client.ts';
import { startWorkers } from './workers.ts';

const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

/** A call to Stripe can take longer than we may take to end. Everything can be interrupted: leases bring it back. */
const finishLimitMs = 6_000;

export interface PaymentService extends Service {
  /** The port of health and metrics; 0 until started. */
  readonly port: number;
  /** Reads Stripe's undelivered events and looks at what is due now, instead of at the next interval. */
  reconcileNow(): void;
  /** Looks for balances to announce now. */
  announceBalancesNow(): void;
}

/** Wires the payment service. `overrides` lets a test say what time it is and who Stripe is. */
export async function createPaymentService(
  config: PaymentConfig,
  overrides: {
    now?: Clock;
    newId?: () => string;
    logger?: Logger;
    stripe?: Stripe;
    /** Told of every crash point that is passed; one that never resolves ends what passes there. */
    passing?: (point: CrashPoint) => Promise<void>;
    /** JetStream gives an event of which it heard nothing for this long to another replica. */
    eventAckMs?: number;
  } = {},
): Promise<PaymentService> {
  const build = { service: 'payment', version: manifest.version, commit: config.SERVICE_COMMIT };
  const logger = overrides.logger ?? createLogger({ ...build, level: config.LOG_LEVEL });
  const metrics = createMetrics('payment', build);
  let running: Omit<PaymentService, 'start'> | undefined;

  const start = async () => {
    await migrateAtStart({ databaseUrl: config.DATABASE_URL, prismaDir, logger });
    const pool = createPool({
      databaseUrl: config.DATABASE_URL,
      applicationName: 'payment',
      max: config.DATABASE_POOL_SIZE,
      onIdleError: error => logger.warn({ err: error }, 'lost an idle database connection'),
    });
    const db = new PrismaClient({ adapter: prismaAdapter(pool) });
    const nc = await connectNats({
      servers: config.NATS_URL,
      service: 'payment',
      credsFile: config.NATS_CREDS,
      logger,
    });
    await ensureStream(nc, 'PAYMENT', { replicas: config.NATS_STREAM_REPLICAS });
    const relay = startOutboxRelay({
      pool,
      nc,
      source: 'payment',
      stream: 'PAYMENT',
      logger,
      metrics,
      replicas: config.NATS_STREAM_REPLICAS,
    });
    const idle = () => undefined;
    const passing = overrides.passing ?? (async () => undefined);
    const answered = async (operation: string) => {
      const point = pointAfter(operation);
      if (point) await passing(point);
    };
    const context: PaymentContext = {
      db,
      nc,
      config,
      logger,
      metrics,
      stripe:
        overrides.stripe ??
        createStripe({
          apiBaseUrl: config.STRIPE_API_BASE_URL,
          secretKey: config.STRIPE_SECRET_KEY,
          metrics,
          answered,
        }),
      now: overrides.now ?? (() => new Date()),
      newId: overrides.newId ?? newId,
      passing,
      nudge: { outbox: () => relay.nudge(), events: idle, payments: idle, refunds: idle },
    };
    watchWork(context);
    const workers = startWorkers(context);
    const requests = await serveRequests({
      nc,
      service: 'payment',
      version: manifest.version,
      handlers: requestHandlers(context),
      isOutage: isDatabaseAway,
      logger,
      metrics,
    });
    const events = await consumeEvents({
      nc,
      stream: 'BOOKING',
      durable: 'payment',
      handlers: eventHandlers(context),
      ackWaitMs: overrides.eventAckMs,
      pool,
      logger,
      metrics,
    });
    const sweep = startAntiEntropySweep({
      nc,
      pool,
      copy: { table: 'bookings', idColumn: 'id', source: 'website' },
      everyMs: config.SWEEP_INTERVAL_SECONDS * 1_000,
      now: context.now,
      logger,
      metrics,
    });
    const ops = await startOpsServer({
      port: config.PORT,
      host: config.HOST,
      metrics,
      checks: { database: () => pingDatabase(pool), nats: () => pingNats(nc) },
    });
    logger.info({ port: ops.port }, 'payment is ready');
    return {
      port: ops.port,
      reconcileNow: workers.reconcileNow,
      announceBalancesNow: workers.announceNow,
      async drain() {
        ops.setDraining();
        await atMost(finishLimitMs, Promise.all([requests.drain(), events.drain(), workers.drain(), sweep.drain()]));
        await relay.drain();
        await closeNats(nc);
        await db.$disconnect();
        await pool.end();
        await ops.close();
      },
    };
  };

  return {
    get port() {
      return running?.port ?? 0;
    },
    async start() {
      running = await start();
    },
    drain: async () => running?.drain(),
    reconcileNow: () => running?.reconcileNow(),
    announceBalancesNow: () => running?.announceBalancesNow(),
  };
}
