import type { StreamName } from '@monde-sauvage/contracts';
import { fullJitter, type Logger, type Metrics, startWorker } from '@monde-sauvage/service-kit';
import { ErrorCode, type JetStreamClient, type NatsConnection, NatsError } from 'nats';
import type pg from 'pg';
import { isConnected, onConnectionChange } from './connection.ts';
import { cloudEventHeaders } from './publish.ts';
import { describeError, ensureStream } from './streams.ts';

const batchSize = 500;
const publishTimeoutMs = 5_000;
const drainLimitMs = 4_000;
const housekeepingMs = 15_000;
const cleanupBatch = 1_000;

/** How long a row that JetStream will not take as it is stays aside before the next try. */
const refusedRestMs = 60_000;

/** The partial index keeps the count cheap; beyond this the number says "very many" all the same. */
const countedAtMost = 10_000;

interface PendingRow {
  id: string;
  subject: string;
  body: string;
  headers: Record<string, string>;
  created_at: Date;
}

interface Relay {
  pool: pg.Pool;
  js: JetStreamClient;
  source: string;
  stream: StreamName;
  /** Rows that were refused for what they are, and when they may be tried again. */
  refused: Map<string, number>;
}

/**
 * Publishes what the service's outbox holds to its stream, for as long as the process runs. Every replica runs one:
 * rows are claimed with SKIP LOCKED and stay locked while they are published, so that no two publish the same row at
 * the same time. A crash between publish and mark publishes twice, which consumers ignore. Rows go out ordered by
 * `created_at, id`; one that is refused (too large, say) stays, with `attempts` and `last_error`, is tried again every
 * minute, and does not hold up the others.
 *
 * Call `nudge()` after each commit that wrote an event; a poll every `pollMs` (1 s) is the safety net.
 * @param o.source name of the publishing service; becomes `ce-source: /services/<name>`
 * @param o.replicas copies of the stream if it has to be created again
 * @returns drain(): publishes what is committed, for at most 4 s, and stops
 */
export function startOutboxRelay(o: {
  pool: pg.Pool;
  nc: NatsConnection;
  source: string;
  stream: StreamName;
  logger: Logger;
  metrics: Metrics;
  pollMs?: number | undefined;
  replicas: number | undefined;
}): { nudge(): void; drain(): Promise<void> } {
  const source = o.source.startsWith('/') ? o.source : `/services/${o.source}`;
  const relay: Relay = { pool: o.pool, js: o.nc.jetstream(), source, stream: o.stream, refused: new Map() };
  const published = o.metrics.counter('outbox_published_total', 'Events published from the outbox');
  const failures = o.metrics.counter('outbox_publish_failures_total', 'Events JetStream did not take, to be retried');
  let failedRuns = 0;
  let restUntil = 0;

  const fail = (error: unknown, message: string) => {
    restUntil = Date.now() + fullJitter(failedRuns, { baseMs: 200, capMs: 10_000 });
    failedRuns += 1;
    // The first failure of an outage is news; the rest of it is in the metrics.
    o.logger[failedRuns === 1 ? 'warn' : 'debug']({ error: describeError(error), stream: o.stream }, message);
  };

  const run = async (): Promise<boolean> => {
    // While disconnected the outbox is the buffer, not the client's memory.
    if (!isConnected(o.nc) || Date.now() < restUntil) return false;
    let batch: BatchOutcome;
    try {
      batch = await relayBatch(relay);
    } catch (error) {
      fail(error, 'the outbox cannot be read; trying again');
      return false;
    }
    published.inc(batch.published);
    failures.inc(batch.failures.length);
    for (const { id, error } of batch.failures) {
      if (isOutage(error)) continue;
      relay.refused.set(id, Date.now() + refusedRestMs);
      o.logger.error({ eventId: id, error: describeError(error), stream: o.stream }, 'an event cannot be published');
    }
    const failure = batch.failures.find(({ error }) => isOutage(error));
    if (failure === undefined) {
      if (failedRuns > 0) o.logger.info({ stream: o.stream }, 'events are being published again');
      failedRuns = 0;
      restUntil = 0;
      return batch.claimed === batchSize;
    }
    fail(failure.error, 'events could not be published; they stay in the outbox');
    if (batch.failures.some(({ error }) => isStreamMissing(error))) {
      try {
        await ensureStream(o.nc, o.stream, { replicas: o.replicas, timeoutMs: 2_000 });
        restUntil = 0;
        return failedRuns === 1;
      } catch (error) {
        fail(error, 'the stream is gone and cannot be created again yet');
      }
    }
    return false;
  };

  const worker = startWorker({
    name: 'outbox-relay',
    everyMs: o.pollMs ?? 1_000,
    run,
    logger: o.logger,
    metrics: o.metrics,
  });
  const housekeeper = startHousekeeping(o);
  const unsubscribe = onConnectionChange(o.nc, connected => {
    if (!connected) return;
    restUntil = 0;
    worker.nudge();
  });

  return {
    nudge: () => worker.nudge(),
    async drain() {
      unsubscribe();
      await Promise.all([worker.drain(), housekeeper.drain()]);
      const until = Date.now() + drainLimitMs;
      while (isConnected(o.nc) && Date.now() < until) {
        const batch = await relayBatch(relay).catch(() => undefined);
        published.inc(batch?.published ?? 0);
        if (batch === undefined || batch.claimed === 0 || batch.failures.length > 0) return;
      }
    },
  };
}

interface BatchOutcome {
  claimed: number;
  published: number;
  failures: { id: string; error: unknown }[];
}

/** Claims a batch, publishes it pipelined, and writes down what became of each row, all in one transaction. */
async function relayBatch(relay: Relay): Promise<BatchOutcome> {
  const client = await relay.pool.connect();
  let broken: Error | undefined;
  // The pool listens only to clients at rest; a connection lost between two queries would end the process.
  const lost = (error: Error) => {
    broken = error;
  };
  client.on('error', lost);
  try {
    // The transaction idles while JetStream answers: longer than the service's own limit may allow.
    await client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${3 * publishTimeoutMs}`);
    const now = Date.now();
    for (const [id, until] of relay.refused) if (until < now) relay.refused.delete(id);
    const { rows } = await client.query<PendingRow>(
      `SELECT id, subject, body::text AS body, headers, created_at
         FROM outbox
        WHERE published_at IS NULL AND id <> ALL($2::uuid[])
        ORDER BY created_at, id
        LIMIT $1
          FOR UPDATE SKIP LOCKED`,
      [batchSize, [...relay.refused.keys()]],
    );
    const published: string[] = [];
    const failures: BatchOutcome['failures'] = [];
    await Promise.all(
      rows.map(async row => {
        try {
          await publish(relay, row);
          published.push(row.id);
        } catch (error) {
          failures.push({ id: row.id, error });
        }
      }),
    );
    if (published.length > 0) {
      await client.query('UPDATE outbox SET published_at = now(), last_error = NULL WHERE id = ANY($1::uuid[])', [
        published,
      ]);
    }
    if (failures.length > 0) {
      await client.query(
        `UPDATE outbox
            SET attempts = attempts + 1, last_error = failed.error
           FROM unnest($1::uuid[], $2::text[]) AS failed (id, error)
          WHERE outbox.id = failed.id`,
        [failures.map(({ id }) => id), failures.map(({ error }) => describeError(error))],
      );
    }
    await client.query('COMMIT');
    return { claimed: rows.length, published: published.length, failures };
  } catch (error) {
    await client.query('ROLLBACK').catch((rollback: unknown) => {
      broken = rollback instanceof Error ? rollback : new Error(String(rollback));
    });
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken);
  }
}

async function publish(relay: Relay, row: PendingRow): Promise<void> {
  const { id, subject, created_at: at, headers: more } = row;
  const h = cloudEventHeaders({ id, subject, source: relay.source, at, more });
  await relay.js.publish(row.subject, row.body, {
    msgID: row.id,
    headers: h,
    timeout: publishTimeoutMs,
    expect: { streamName: relay.stream },
  });
}

/** JetStream or the way to it is not there now; anything else is the row's own fault and will be the same next time. */
const isOutage = (error: unknown): boolean =>
  error instanceof NatsError &&
  error.code !== ErrorCode.MaxPayloadExceeded &&
  (error.api_error === undefined || error.api_error.code >= 500 || error.api_error.code === 404);

/** Nobody takes the subject: the stream is gone, or JetStream is not up. */
const isStreamMissing = (error: unknown): boolean =>
  error instanceof NatsError && (error.code === ErrorCode.NoResponders || error.api_error?.code === 404);

/** Deletes rows published over an hour ago, in small batches, and measures what waits. */
function startHousekeeping(o: { pool: pg.Pool; logger: Logger; metrics: Metrics }) {
  const pending = o.metrics.gauge('outbox_pending', `Events waiting to be published, counted up to ${countedAtMost}`);
  const oldest = o.metrics.gauge('outbox_oldest_seconds', 'Age of the oldest event waiting to be published');
  return startWorker({
    name: 'outbox-housekeeping',
    everyMs: housekeepingMs,
    logger: o.logger,
    metrics: o.metrics,
    async run() {
      const { rows } = await o.pool.query<{ waiting: number; age: number }>(
        `SELECT count(*)::int AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS age
           FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY created_at LIMIT $1) AS waiting`,
        [countedAtMost],
      );
      pending.set(rows[0]?.waiting ?? 0);
      oldest.set(Math.max(0, rows[0]?.age ?? 0));
      const deleted = await o.pool.query(
        `DELETE FROM outbox
          WHERE id IN (SELECT id FROM outbox
                        WHERE published_at < now() - interval '1 hour'
                        LIMIT $1 FOR UPDATE SKIP LOCKED)`,
        [cleanupBatch],
      );
      return deleted.rowCount === cleanupBatch;
    },
  });
}
