import { fileURLToPath } from 'node:url';
import { paymentRequests } from '@monde-sauvage/contracts';
import {
  closeNats,
  connectNats,
  consumeEvents,
  ensureStream,
  pingNats,
  request,
  serveRequests,
  startOutboxRelay,
  UnavailableError,
} from '@monde-sauvage/messaging';
import { createPool, isDatabaseAway, migrateAtStart, pingDatabase, prismaAdapter } from '@monde-sauvage/persistence';
import {
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  newId,
  type Service,
  startOpsServer,
  startWorker,
} from '@monde-sauvage/service-kit';
import manifest from '../package.json' with { type: 'json' };
import { watchBacklog } from './backlog-metrics.ts';
import type { BookingConfig } from './config.ts';
import { consultCalendar } from './consult-calendar.ts';
import { type BookingContext, bookingMetrics, type HoldSettlement } from './context.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { calendarHandlers, paymentHandlers, requestHandlers } from './messages.ts';
import { expireHolds } from './operations/expire-holds.ts';
import { forgetIdempotencyKeys } from './operations/forget-idempotency-keys.ts';
import { singleFlight } from './single-flight.ts';

const name = 'booking';
const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

/** A guest may be waiting for the nights of a hold that is over; payment's own limit is longer. */
const settleDeadlineMs = 3_000;

export interface BookingService extends Service {
  /** The port of health and metrics; 0 until started. */
  readonly port: number;
  /** Looks at once for holds that are over. */
  nudgeHolds(): void;
}

/** The wiring of the booking service; nothing is opened before start(). */
export async function createBookingService(
  config: BookingConfig,
  overrides: Partial<{ now: Clock; newId: () => string; logger: Logger }> = {},
): Promise<BookingService> {
  const build = { service: name, version: manifest.version, commit: config.SERVICE_COMMIT };
  const logger = overrides.logger ?? createLogger({ ...build, level: config.LOG_LEVEL });
  const metrics = createMetrics(name, build);
  const now = overrides.now ?? (() => new Date());
  /** Undone in reverse order by drain(), as far as start() came. */
  const undo: (() => Promise<unknown>)[] = [];
  let port = 0;
  let nudgeHolds = () => {};
  let nudgeRelay = () => {};

  return {
    get port() {
      return port;
    },
    nudgeHolds: () => nudgeHolds(),

    async start() {
      await migrateAtStart({ databaseUrl: config.DATABASE_URL, prismaDir, logger });
      const pool = createPool({
        databaseUrl: config.DATABASE_URL,
        applicationName: name,
        max: config.DATABASE_POOL_SIZE,
        onIdleError: error => logger.warn({ err: error }, 'lost an idle database connection'),
      });
      undo.push(() => pool.end());
      await pingDatabase(pool);
      const prisma = new PrismaClient({ adapter: prismaAdapter(pool), errorFormat: 'minimal' });
      undo.push(() => prisma.$disconnect());
      const nc = await connectNats({
        servers: config.NATS_URL,
        service: name,
        credsFile: config.NATS_CREDS,
        logger,
      });
      undo.push(() => closeNats(nc));

      const ctx: BookingContext = {
        prisma,
        now,
        newId: overrides.newId ?? newId,
        holdMinutes: config.HOLD_MINUTES,
        holdMaxMinutes: config.HOLD_MAX_MINUTES,
        logger,
        metrics: bookingMetrics(metrics),
        settleHold: singleFlight(async (bookingId): Promise<HoldSettlement> => {
          const answer = await request(nc, paymentRequests.settleHold, { bookingId }, { deadlineMs: settleDeadlineMs });
          if (!answer.ok) throw new UnavailableError('payment', answer.refusal.message);
          return answer.value.outcome;
        }),
        consultCalendar: (chaletId, stay) => consultCalendar(nc, chaletId, stay),
        nudgeRelay: () => nudgeRelay(),
      };
      watchBacklog(metrics, prisma, now);

      const ops = await startOpsServer({
        port: config.PORT,
        host: config.HOST,
        metrics,
        checks: { database: () => pingDatabase(pool), nats: () => pingNats(nc) },
      });
      undo.push(() => ops.close());
      port = ops.port;

      await ensureStream(nc, 'BOOKING', { replicas: config.NATS_STREAM_REPLICAS });
      const relay = startOutboxRelay({
        pool,
        nc,
        source: name,
        stream: 'BOOKING',
        logger,
        metrics,
        replicas: config.NATS_STREAM_REPLICAS,
      });
      undo.push(() => relay.drain());
      nudgeRelay = relay.nudge;

      const holds = startWorker({
        name: 'expire-holds',
        everyMs: 5_000,
        run: signal => expireHolds(ctx, signal),
        logger,
        metrics,
      });
      const keys = startWorker({
        name: 'forget-idempotency-keys',
        everyMs: 600_000,
        run: () => forgetIdempotencyKeys(ctx),
        logger,
        metrics,
      });
      undo.push(() => Promise.all([holds.drain(), keys.drain()]));
      nudgeHolds = holds.nudge;

      const consumer = { nc, durable: name, pool, logger, metrics };
      const payments = await consumeEvents({ ...consumer, stream: 'PAYMENT', handlers: paymentHandlers(ctx) });
      undo.push(() => payments.drain());
      const calendar = await consumeEvents({ ...consumer, stream: 'CALENDAR', handlers: calendarHandlers(ctx) });
      undo.push(() => calendar.drain());
      const requests = await serveRequests({
        nc,
        service: name,
        version: manifest.version,
        handlers: requestHandlers(ctx),
        isOutage: isDatabaseAway,
        logger,
        metrics,
      });
      undo.push(() => requests.drain());
      undo.push(async () => ops.setDraining());
      logger.info({ port }, 'booking service is ready');
    },

    async drain() {
      for (let step = undo.pop(); step; step = undo.pop()) {
        await step().catch((error: unknown) => logger.warn({ err: error }, 'a part did not drain cleanly'));
      }
    },
  };
}
