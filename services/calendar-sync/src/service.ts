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
  type Build,
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  newId,
  type Service,
  startOpsServer,
} from '@monde-sauvage/service-kit';
import manifest from '../package.json' with { type: 'json' };
import { startCalendarSyncer } from './calendar-syncer.ts';
import { startChannelKeeper } from './channel-keeper.ts';
import type { CalendarSyncConfig } from './config.ts';
import type { Context } from './context.ts';
import type { CrashPoint } from './crash-points.ts';
import { startDecisionKeeper } from './decision-keeper.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createGoogleAccounts } from './google/google-accounts.ts';
import { refreshAccess } from './google/refresh-token.ts';
import { measureWaiting } from './measure-waiting.ts';
import { eventHandlers, requestHandlers } from './messages.ts';
import { startMirrorWriter } from './mirror-writer.ts';
import { reencryptTokens } from './reencrypt-tokens.ts';
import { catchUp } from './stores/calendar-store.ts';
import { type Timing, timing } from './timing.ts';
import { createTokenCipher } from './token-cipher.ts';
import { startTokenRevoker } from './token-revoker.ts';
import { startTellingAgain } from './told-again.ts';

const name = 'calendar-sync';
export const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

export interface Overrides {
  now?: Clock;
  newId?: () => string;
  logger?: Logger;
  timing?: Partial<Timing>;
  /** Told of every crash point that is passed; one that never resolves ends what passes there. */
  passing?: (point: CrashPoint) => Promise<void>;
  openPool?: typeof createPool;
}

const buildOf = (config: CalendarSyncConfig): Build => ({
  service: name,
  version: manifest.version,
  commit: config.SERVICE_COMMIT,
});

/** Wires the calendar-sync service. `port` is where its health and metrics are served, once it has started. */
export async function createCalendarSyncService(
  config: CalendarSyncConfig,
  overrides: Overrides = {},
): Promise<Service & { port(): number | undefined }> {
  const logger = overrides.logger ?? createLogger({ ...buildOf(config), level: config.LOG_LEVEL });
  const now = overrides.now ?? (() => new Date());
  let running: Awaited<ReturnType<typeof run>> | undefined;
  return {
    async start() {
      const parts = {
        now,
        newId: overrides.newId ?? newId,
        logger,
        timing: { ...timing, ...overrides.timing },
        passing: overrides.passing ?? (async () => undefined),
      };
      running = await run(config, parts, overrides.openPool ?? createPool);
    },
    drain: async () => running?.stop(),
    port: () => running?.port,
  };
}

async function run(
  config: CalendarSyncConfig,
  o: Pick<Context, 'now' | 'newId' | 'logger' | 'timing' | 'passing'>,
  openPool: typeof createPool,
) {
  const { logger } = o;
  const metrics = createMetrics(name, buildOf(config));
  await migrateAtStart({ databaseUrl: config.DATABASE_URL, prismaDir, logger });
  const pool = openPool({
    databaseUrl: config.DATABASE_URL,
    applicationName: name,
    max: config.DATABASE_POOL_SIZE,
    onIdleError: error => logger.warn({ err: error }, 'lost an idle database connection'),
  });
  const db = new PrismaClient({ adapter: prismaAdapter(pool), errorFormat: 'minimal' });
  const nats = await connectNats({ servers: config.NATS_URL, service: name, credsFile: config.NATS_CREDS, logger });
  await ensureStream(nats, 'CALENDAR', { replicas: config.NATS_STREAM_REPLICAS });

  const relay = startOutboxRelay({
    pool,
    nc: nats,
    source: name,
    stream: 'CALENDAR',
    replicas: config.NATS_STREAM_REPLICAS,
    logger,
    metrics,
  });
  const cipher = createTokenCipher(config.TOKEN_ENCRYPTION_KEY);
  // Workers are started with the context and nudged through it.
  const nudge: Context['nudge'] = {
    relay: () => relay.nudge(),
    mirrors: () => writer.nudge(),
    syncs: () => syncer.worker.nudge(),
    channels: () => keeper.nudge(),
  };
  const refreshing = { db, config, cipher, ...o, nudge };
  const google = createGoogleAccounts({
    db,
    config,
    now: o.now,
    timing: o.timing,
    metrics,
    refresh: (establishmentId, call) => refreshAccess(refreshing, establishmentId, call),
  });
  const context: Context = { db, nats, config, google, cipher, ...o, metrics, replicaId: o.newId(), nudge };
  await reencryptTokens(context);
  await catchUp(context);
  const writer = startMirrorWriter(context);
  const syncer = startCalendarSyncer(context);
  const keeper = startChannelKeeper(context);
  const revoker = startTokenRevoker(context);
  const decisions = startDecisionKeeper(context);
  const telling = startTellingAgain(context);
  measureWaiting(context);

  const requests = await serveRequests({
    nc: nats,
    service: name,
    version: manifest.version,
    handlers: requestHandlers(context, syncer),
    isOutage: isDatabaseAway,
    logger,
    metrics,
  });
  const handlers = eventHandlers(context);
  const events = await consumeEvents({
    nc: nats,
    stream: 'BOOKING',
    durable: name,
    handlers,
    pool,
    logger,
    metrics,
    ackWaitMs: o.timing.eventAckMs,
  });
  const sweep = startAntiEntropySweep({
    nc: nats,
    pool,
    copy: { table: 'mirrors', idColumn: 'booking_id', source: 'website' },
    everyMs: config.SWEEP_INTERVAL_SECONDS * 1_000,
    now: o.now,
    logger,
    metrics,
  });
  const ops = await startOpsServer({
    port: config.PORT,
    host: config.HOST,
    metrics,
    checks: { database: () => pingDatabase(pool), nats: () => pingNats(nats) },
  });
  logger.info({ port: ops.port }, 'calendar-sync is ready');

  return {
    port: ops.port,
    async stop() {
      ops.setDraining();
      // Workers take nothing new from now on, while requests are still answered.
      const workers = [writer, syncer.worker, keeper, revoker, decisions, telling].map(worker => worker.drain());
      // What waits for a Google that hangs is left behind after a while: everything here may end anywhere.
      await atMost(3_500, Promise.all([requests.drain(), events.drain(), sweep.drain()]));
      await atMost(3_000, Promise.all([...workers, google.settled()]));
      await relay.drain();
      await closeNats(nats);
      await db.$disconnect();
      await pool.end();
      await ops.close();
    },
  };
}
