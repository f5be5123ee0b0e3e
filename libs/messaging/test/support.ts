import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineEvent, defineRequest } from '@monde-sauvage/contracts';
import { closeNats, connectNats, type NatsConnection, type OutboxRow, outboxRow } from '@monde-sauvage/messaging';
import { createMetrics, newId } from '@monde-sauvage/service-kit';
import { createTestDatabase, type Server, silentLogger, startNatsServer } from '@monde-sauvage/testkit';
import pg from 'pg';
import { z } from 'zod';

/** A request and an event in the shape of the real ones, small enough to see through. */
export const addNight = defineRequest({
  subject: 'svc.booking.add_night',
  input: z.object({ nights: z.number().int() }),
  output: z.object({ nights: z.number(), at: z.iso.datetime().transform(text => new Date(text)) }),
  deadlineMs: 30_000,
});
export const bookingCreated = defineEvent({
  subject: 'booking.created',
  stream: 'BOOKING',
  body: z.object({ bookingId: z.string(), version: z.number().int() }),
});

export interface Stage {
  nats: Server;
  pool: pg.Pool;
  connect(service: string): Promise<NatsConnection>;
  /** Commits events to the outbox, as a service does with its change. */
  commit(...rows: OutboxRow[]): Promise<void>;
  unpublished(): Promise<number>;
  /** Takes the database away, or brings it back: open connections are cut, new ones refused. */
  allowDatabase(allowed: boolean): Promise<void>;
  close(): Promise<void>;
}

export const metrics = () => createMetrics('test');

export const event = (bookingId: string, version = 1): OutboxRow =>
  outboxRow(bookingCreated, { bookingId, version }, { id: newId(), aggregateId: bookingId, at: new Date() });

/** A NATS server and a database of the test file's own. */
export async function setStage(): Promise<Stage> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'messaging-test-'));
  const nats = await startNatsServer({ dataDir });
  const database = await createTestDatabase({ prismaDir: path.join(import.meta.dirname, 'prisma') });
  const pool = new pg.Pool({ connectionString: database.databaseUrl });
  pool.on('error', () => {}); // connections cut while idle
  const url = new URL(database.databaseUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const admin = new pg.Pool({ connectionString: url.href, max: 1 });
  const connections: NatsConnection[] = [];
  return {
    nats,
    pool,
    async connect(service) {
      const nc = await connectNats({ servers: nats.url, service, logger: silentLogger });
      connections.push(nc);
      return nc;
    },
    async commit(...rows) {
      for (const row of rows) {
        await pool.query('INSERT INTO outbox (id, subject, body, headers, created_at) VALUES ($1, $2, $3, $4, $5)', [
          row.id,
          row.subject,
          JSON.stringify(row.body),
          JSON.stringify(row.headers),
          row.createdAt,
        ]);
      }
    },
    async unpublished() {
      const { rows } = await pool.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM outbox WHERE published_at IS NULL',
      );
      return rows[0]?.count ?? 0;
    },
    async allowDatabase(allowed) {
      await admin.query(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS ${allowed}`);
      if (!allowed)
        await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    },
    async close() {
      await Promise.all(connections.map(nc => closeNats(nc)));
      await nats.stop();
      await Promise.all([pool.end(), admin.end()]);
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
