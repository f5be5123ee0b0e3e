import { createCalendarSyncService } from '@monde-sauvage/calendar-sync';
import { readConfig } from '@monde-sauvage/calendar-sync/config';
import type { CrashPoint } from '@monde-sauvage/calendar-sync/crash-points';
import { createPool } from '@monde-sauvage/persistence';
import { type CrashPlan, cuttableLink, cuttableUser, eventually, silentLogger } from '@monde-sauvage/testkit';
import type pg from 'pg';

/** Everything that lasts seconds in production lasts a moment. */
const hurried = {
  leaseMs: 4_000,
  renewLeaseEveryMs: 1_000,
  eventAckMs: 3_000,
  lookForWorkEveryMs: 500,
  lookForChannelsEveryMs: 500,
  mirrorRetry: { baseMs: 20, capMs: 200 },
  blockedMirrorMs: 300,
  failedMirrorMs: 300,
  syncRetry: { baseMs: 20, capMs: 200 },
  catchUpSpreadMs: 300,
  watchRetry: { baseMs: 50, capMs: 500 },
  watchClaimMs: 4_000,
  missingEchoMs: 400,
  callSpacingMs: 5,
  quotaPause: { baseMs: 20, capMs: 200 },
  cancelClaimMs: 4_000,
  refreshLeaseMs: 4_000,
  // A machine that is shared answers late; that is not what is tested.
  refreshPatienceMs: 30_000,
};

/** Replicas of calendar-sync that may end abruptly at crash points, and are replaced when they do. */
export interface Fleet {
  /** Resolves when as many replicas run as should. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFleet(o: {
  replicas: number;
  databaseUrl: string;
  natsUrl: string;
  environment: Record<string, string>;
  plan: CrashPlan<CrashPoint>;
}): Promise<Fleet> {
  const living = new Set<() => Promise<void>>();
  const arriving = new Set<Promise<void>>();
  const leaving = new Set<Promise<unknown>>();
  let stopped = false;

  const launch = (after: Promise<void>) => {
    const arrival = after.then(startReplica).finally(() => arriving.delete(arrival));
    arriving.add(arrival);
  };

  const startReplica = async (): Promise<void> => {
    const [database, nats] = await Promise.all([cuttableUser(o.databaseUrl), cuttableLink(o.natsUrl)]);
    let died = () => {};
    const death = new Promise<void>(resolve => {
      died = resolve;
    });
    let begun = () => {};
    const started = new Promise<void>(resolve => {
      begun = resolve;
    });
    const pools: pg.Pool[] = [];
    const service = await createCalendarSyncService(
      readConfig({ ...o.environment, DATABASE_URL: database.databaseUrl, NATS_URL: nats.url }),
      {
        logger: silentLogger,
        timing: hurried,
        openPool: options => {
          const pool = createPool(options);
          pools.push(pool);
          return pool;
        },
        passing: o.plan.hookFor(() => {
          living.delete(leave);
          nats.cut();
          // What it still tries waits for a connection until it gives up: to be refused one costs the server a process.
          for (const pool of pools) pool.options.max = 0;
          const cut = database.cut().then(died);
          // What is left of it in this process is put away; cut off as it is, it can have no effect.
          leaving.add(
            Promise.all([cut, started])
              .then(() => service.drain())
              .catch(() => undefined),
          );
          if (!stopped) launch(cut);
        }),
      },
    );
    const leave = async () => {
      await service.drain();
      nats.cut();
    };
    living.add(leave);
    // Started again where it cannot start yet, as an orchestrator would.
    const starting = eventually(() => service.start().then(() => true), { timeoutMs: 60_000 }).catch(
      (error: unknown) => {
        if (living.has(leave)) throw error;
      },
    );
    void starting.finally(begun);
    await Promise.race([starting, death]);
  };

  for (let each = 0; each < o.replicas; each += 1) launch(Promise.resolve());
  const whole = async () => {
    while (arriving.size > 0) await Promise.all(arriving);
  };
  await whole();
  return {
    whole,
    async stop() {
      stopped = true;
      await whole();
      await Promise.all([...living].map(leave => leave()));
      await Promise.all(leaving);
    },
  };
}
