import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ensureStream, type NatsConnection, outboxRow, startOutboxRelay } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import type { JetStreamManager } from 'nats';
import { bookingCreated, event, metrics, type Stage, setStage } from './support.ts';

let stage: Stage;
let nc: NatsConnection;
let jsm: JetStreamManager;
beforeAll(async () => {
  stage = await setStage();
  nc = await stage.connect('booking');
  jsm = await nc.jetstreamManager({ checkAPI: false });
});
afterAll(() => stage.close());
beforeEach(async () => {
  await ensureStream(nc, 'BOOKING');
  await jsm.streams.purge('BOOKING');
  await stage.pool.query('TRUNCATE outbox');
});

const startRelay = (pollMs = 50) =>
  startOutboxRelay({
    pool: stage.pool,
    nc,
    source: 'booking',
    stream: 'BOOKING',
    logger: silentLogger,
    metrics: metrics(),
    pollMs,
    replicas: 1,
  });

const stored = async () => (await jsm.streams.info('BOOKING')).state.messages;
const allPublished = () => eventually(async () => (await stage.unpublished()) === 0, { describe: 'an empty outbox' });

test('an event is published as a CloudEvent with its id, and marked', async () => {
  const relay = startRelay(60_000);
  const row = event('b-1');
  await stage.commit(row);
  relay.nudge();
  await allPublished();
  const message = await jsm.streams.getMessage('BOOKING', { last_by_subj: 'booking.created' });
  expect(message.json()).toEqual(row.body);
  const header = (name: string) => message.header.get(name);
  expect(header('Nats-Msg-Id')).toBe(row.id);
  expect(header('ce-specversion')).toBe('1.0');
  expect(header('ce-id')).toBe(row.id);
  expect(header('ce-type')).toBe('booking.created');
  expect(header('ce-source')).toBe('/services/booking');
  expect(header('ce-subject')).toBe('b-1');
  expect(new Date(header('ce-time'))).toEqual(row.createdAt);
  expect(header('content-type')).toBe('application/json');
  await relay.drain();
});

test('a body against the contract is refused before it is committed', () => {
  const about = { id: newId(), aggregateId: 'b-1', at: new Date() };
  expect(() => outboxRow(bookingCreated, { bookingId: 'b-1', version: 1.5 }, about)).toThrow();
});

test('an event committed by a process that died before publishing is published by the next one', async () => {
  await stage.commit(event('b-1'));
  const relay = startRelay();
  await allPublished();
  expect(await stored()).toBe(1);
  await relay.drain();
});

test('publishing again after a crash between publish and mark adds nothing', async () => {
  const relay = startRelay();
  await stage.commit(event('b-1'));
  await allPublished();
  await stage.pool.query('UPDATE outbox SET published_at = NULL');
  await allPublished();
  expect(await stored()).toBe(1);
  await relay.drain();
});

test('events go out in the order of their commits', async () => {
  const rows = Array.from({ length: 300 }, (_, index) => event('b-1', index + 1));
  await stage.commit(...rows);
  const relay = startRelay();
  await allPublished();
  const first = await jsm.streams.info('BOOKING');
  const versions: unknown[] = [];
  for (const offset of [0, 1, 150, 299]) {
    const message = await jsm.streams.getMessage('BOOKING', { seq: first.state.first_seq + offset });
    versions.push(message.json());
  }
  expect(versions).toMatchObject([{ version: 1 }, { version: 2 }, { version: 151 }, { version: 300 }]);
  await relay.drain();
});

test('several relays share the rows and publish each once', async () => {
  await stage.commit(...Array.from({ length: 200 }, (_, index) => event(`b-${index}`)));
  const relays = [startRelay(), startRelay(), startRelay()];
  await allPublished();
  expect(await stored()).toBe(200);
  await Promise.all(relays.map(relay => relay.drain()));
});

test('events committed while NATS is down arrive when it is back', async () => {
  const relay = startRelay();
  await stage.nats.kill();
  await stage.commit(event('b-1'), event('b-2'));
  relay.nudge();
  await stage.nats.restart();
  await allPublished();
  expect(await stored()).toBe(2);
  await relay.drain();
});

test('goes on after the database was away', async () => {
  const relay = startRelay();
  await stage.allowDatabase(false);
  relay.nudge();
  await eventually(() =>
    stage.pool.query('SELECT 1').then(
      () => false,
      () => true,
    ),
  );
  await stage.allowDatabase(true);
  await eventually(async () => (await stage.pool.query('SELECT 1')).rowCount === 1);
  await stage.commit(event('b-1'));
  await allPublished();
  await relay.drain();
});

test('goes on after its connection was cut while it waited for JetStream', async () => {
  await jsm.streams.delete('BOOKING');
  // Somebody else hears the event and never answers, as a stream in trouble would.
  const heard = nc.subscribe('booking.created', { max: 1 });
  const relay = startRelay();
  await stage.commit(event('b-1'));
  for await (const _message of heard) break;
  const cut = await stage.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'idle in transaction'`,
  );
  expect(cut.rowCount).toBe(1);
  await ensureStream(nc, 'BOOKING');
  await eventually(async () => (await stage.unpublished()) === 0, { describe: 'an empty outbox' });
  await relay.drain();
});

test('a stream that was deleted is created again, and the events are published', async () => {
  await jsm.streams.delete('BOOKING');
  const relay = startRelay();
  await stage.commit(event('b-1'));
  await allPublished();
  expect(await stored()).toBe(1);
  await relay.drain();
});

test('an event that JetStream refuses stays with its reason and holds up no other', async () => {
  const relay = startRelay();
  const large = outboxRow(
    bookingCreated,
    { bookingId: 'x'.repeat(1_100_000), version: 1 },
    {
      id: newId(),
      aggregateId: 'b-1',
      at: new Date(0),
    },
  );
  await stage.commit(large, event('b-2'), event('b-3'));
  await eventually(async () => (await stage.unpublished()) === 1);
  const { rows } = await stage.pool.query('SELECT id, attempts, last_error FROM outbox WHERE published_at IS NULL');
  expect(rows).toEqual([{ id: large.id, attempts: 1, last_error: expect.stringMatching(/MAX_PAYLOAD/) }]);
  await stage.commit(event('b-4'));
  await eventually(async () => (await stored()) === 3);
  await relay.drain();
});

test('draining publishes what is committed', async () => {
  const relay = startRelay(60_000);
  await eventually(async () => (await stage.pool.query('SELECT 1')).rowCount === 1);
  await stage.commit(event('b-1'), event('b-2'));
  await relay.drain();
  expect(await stage.unpublished()).toBe(0);
});

test('rows published over an hour ago are deleted', async () => {
  await stage.commit(event('b-1'), event('b-2'));
  await stage.pool.query(`UPDATE outbox SET published_at = now() - interval '59 minutes'`);
  await stage.pool.query(
    `UPDATE outbox SET published_at = now() - interval '61 minutes' WHERE headers ->> 'ce-subject' = 'b-1'`,
  );
  const relay = startRelay();
  await eventually(async () => (await stage.pool.query('SELECT FROM outbox')).rowCount === 1);
  await relay.drain();
});

test('ensuring a stream twice changes nothing, and a new setting is taken up', async () => {
  await Promise.all([ensureStream(nc, 'BOOKING'), ensureStream(nc, 'BOOKING')]);
  const day = 86_400_000_000_000;
  const config = async () => (await jsm.streams.info('BOOKING')).config;
  expect(await config()).toMatchObject({
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    max_age: 7 * day,
    duplicate_window: 120_000_000_000,
  });
  await ensureStream(nc, 'BOOKING', { maxAgeDays: 3 });
  expect((await config()).max_age).toBe(3 * day);
});

test('a stream that cannot be had is refused with its name', async () => {
  await expect(ensureStream(nc, 'PAYMENT', { replicas: 3, timeoutMs: 100 })).rejects.toThrow(/stream PAYMENT/);
});
