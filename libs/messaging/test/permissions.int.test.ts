import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  availabilityRequests,
  balanceEvents,
  bookingEvents,
  bookingRequests,
  calendarEvents,
  calendarRequests,
  defineEvent,
  type EventContract,
  establishmentEvents,
  establishmentRequests,
  paymentEvents,
  paymentRequests,
  type RequestContract,
  refuse,
  type StreamName,
} from '@monde-sauvage/contracts';
import {
  closeNats,
  connectNats,
  consumeEvents,
  ensureStream,
  handle,
  type NatsConnection,
  on,
  serveRequests,
} from '@monde-sauvage/messaging';
import { createTestDatabase, eventually, type Server, silentLogger, startNatsServer } from '@monde-sauvage/testkit';
import { Events, NatsError } from 'nats';
import pg from 'pg';
import { z } from 'zod';
import { metrics } from './support.ts';

/** What deploy/nats/permissions.conf must allow and refuse, on a real server that reads that very file. */

const services = ['gateway', 'booking', 'availability', 'calendar-sync', 'payment'] as const;
type ServiceName = (typeof services)[number];

const owners: Record<StreamName, ServiceName> = { BOOKING: 'booking', PAYMENT: 'payment', CALENDAR: 'calendar-sync' };
const readers: [StreamName, ServiceName][] = [
  ['BOOKING', 'availability'],
  ['BOOKING', 'calendar-sync'],
  ['BOOKING', 'payment'],
  ['PAYMENT', 'booking'],
  ['CALENDAR', 'booking'],
];
const events: EventContract[] = [
  ...Object.values(bookingEvents),
  ...Object.values(establishmentEvents),
  ...Object.values(paymentEvents),
  ...Object.values(balanceEvents),
  ...Object.values(calendarEvents),
];
const requests: RequestContract[] = [
  ...Object.values(bookingRequests),
  ...Object.values(establishmentRequests),
  ...Object.values(availabilityRequests),
  ...Object.values(calendarRequests),
  ...Object.values(paymentRequests),
];
const sweep = [bookingRequests.digestChalets, bookingRequests.resendChalet];
/** Who asks whom; the gateway may ask everything. */
const calls: Record<ServiceName, RequestContract[]> = {
  gateway: requests,
  booking: [paymentRequests.settleHold, calendarRequests.consult],
  availability: [establishmentRequests.getChalet, bookingRequests.findOverlaps, calendarRequests.consult, ...sweep],
  payment: [establishmentRequests.getEstablishment, bookingRequests.getSnapshot, bookingRequests.extendHold, ...sweep],
  'calendar-sync': [
    bookingRequests.recordExternalEvents,
    bookingRequests.cancel,
    establishmentRequests.getChalet,
    ...sweep,
  ],
};

const variable = (service: ServiceName) => `NATS_${service.toUpperCase().replace('-', '_')}_PASSWORD`;
/** One that the server would read as a number if it were not quoted. */
const password = (service: ServiceName) => `12e5${service.replace('-', '')}`;

const dirs: string[] = [];
const connections: NatsConnection[] = [];
/** What the server has refused to each connection, as `publish <subject>` or `subscription <subject>`. */
const refusals = new Map<NatsConnection, Set<string>>();
let nats: Server;
let as: Record<ServiceName, NatsConnection>;

async function connectAs(service: ServiceName, prefix: string = service): Promise<NatsConnection> {
  const servers = `nats://${service}:${password(service)}@127.0.0.1:${nats.port}`;
  const nc = await connectNats({ servers, service: prefix, logger: silentLogger });
  connections.push(nc);
  const seen = new Set<string>();
  refusals.set(nc, seen);
  const watch = async () => {
    for await (const { type, permissionContext: context } of nc.status()) {
      if (type === Events.Error && context) seen.add(`${context.operation} ${context.subject}`);
    }
  };
  void watch();
  return nc;
}

beforeAll(async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'permissions-test-'));
  dirs.push(dataDir);
  nats = await startNatsServer({
    dataDir,
    config: {
      file: path.join(import.meta.dirname, '../../../deploy/nats/permissions.conf'),
      env: Object.fromEntries(services.map(service => [variable(service), `"${password(service)}"`])),
    },
  });
  as = {
    gateway: await connectAs('gateway'),
    booking: await connectAs('booking'),
    availability: await connectAs('availability'),
    'calendar-sync': await connectAs('calendar-sync'),
    payment: await connectAs('payment'),
  };
  for (const stream of ['BOOKING', 'PAYMENT', 'CALENDAR'] as const) await ensureStream(as[owners[stream]], stream);
});

afterAll(async () => {
  await Promise.all(connections.map(nc => closeNats(nc)));
  await nats.stop();
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

/** The subjects of `attempts` that the server refused to this connection. */
async function refused(
  nc: NatsConnection,
  operation: 'publish' | 'subscription',
  attempts: string[],
): Promise<string[]> {
  for (const subject of attempts) {
    if (operation === 'publish') nc.publish(subject, '{}');
    else nc.subscribe(subject, { callback: () => undefined }).unsubscribe(1);
  }
  // The server answers in order: once it has answered this, it has refused what it refuses.
  await nc.flush();
  await new Promise(resolve => setImmediate(resolve));
  return attempts.filter(subject => refusals.get(nc)?.has(`${operation} ${subject}`));
}

const others = (service: ServiceName) => services.filter(other => other !== service);

test('nobody comes in without a name and its password', async () => {
  for (const servers of [`nats://127.0.0.1:${nats.port}`, `nats://booking:wrong@127.0.0.1:${nats.port}`]) {
    const connect = () => connectNats({ servers, service: 'booking', logger: silentLogger, connectTimeoutMs: 300 });
    // Again when the server's answer was late: that is what is said then.
    await eventually(() =>
      expect(connect())
        .rejects.toThrow(/authorization/i)
        .then(() => true),
    );
  }
});

test.each(services)('%s cannot publish the events of another service', async service => {
  const foreign = events.filter(event => owners[event.stream] !== service).map(event => event.subject);
  expect(await refused(as[service], 'publish', foreign)).toEqual(foreign);
});

test.each(services)('%s cannot answer the requests of another service', async service => {
  const foreign = others(service).flatMap(other => [`svc.${other}.>`, `svc.${other}.create`, `$SRV.PING.${other}`]);
  const subjects = [...foreign, 'svc.>', 'svc.*.*'];
  expect(await refused(as[service], 'subscription', subjects)).toEqual(subjects);
});

test.each(services)('%s cannot read the replies of another service', async service => {
  const foreign = others(service).flatMap(other => [`_INBOX_${other}.>`, `_INBOX_${other}.abc.*`]);
  const subjects = [...foreign, '_INBOX.>', '>', '*.>', '$JS.>', '$SYS.>'];
  expect(await refused(as[service], 'subscription', subjects)).toEqual(subjects);
});

test.each(services)('%s cannot send replies to questions that were not put to it', async service => {
  const inboxes = others(service).map(other => `_INBOX_${other}.abc.1`);
  expect(await refused(as[service], 'publish', inboxes)).toEqual(inboxes);
});

test.each(services)('%s cannot touch the stream of another service, nor delete anything of its own', async service => {
  const streams: StreamName[] = ['BOOKING', 'PAYMENT', 'CALENDAR'];
  const foreign = streams.filter(stream => owners[stream] !== service);
  const subjects = [
    ...foreign.flatMap(stream => [`STREAM.CREATE.${stream}`, `STREAM.UPDATE.${stream}`, `STREAM.INFO.${stream}`]),
    ...streams.flatMap(stream => [`STREAM.DELETE.${stream}`, `STREAM.PURGE.${stream}`, `STREAM.MSG.DELETE.${stream}`]),
    ...streams.map(stream => `STREAM.SNAPSHOT.${stream}`),
    'STREAM.CREATE.OTHER',
    'ACCOUNT.PURGE.PLATFORM',
  ].map(name => `$JS.API.${name}`);
  expect(await refused(as[service], 'publish', subjects)).toEqual(subjects);
});

test.each(services)('%s cannot use the consumer of another service', async service => {
  const foreign = readers.filter(([, reader]) => reader !== service);
  const subjects = foreign.flatMap(([stream, reader]) => [
    `$JS.API.CONSUMER.CREATE.${stream}.${reader}`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${reader}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${reader}`,
    `$JS.API.CONSUMER.DELETE.${stream}.${reader}`,
    `$JS.ACK.${stream}.${reader}.1.1.1.1.0`,
  ]);
  expect(await refused(as[service], 'publish', subjects)).toEqual(subjects);
});

test.each(services)('%s can ask what it needs, and nothing else', async service => {
  const needed = new Set(calls[service].map(contract => contract.subject));
  const others = requests.map(contract => contract.subject).filter(subject => !needed.has(subject));
  // Each reader may have its own dead letters handled again, on behalf of an operator who is in its container.
  const replayOf = ([stream, reader]: [StreamName, ServiceName]) => `svc.${reader}.replay_dead_letter.${stream}`;
  const ownReplays = readers.filter(([, reader]) => reader === service).map(replayOf);
  const notForServices = readers.filter(([, reader]) => reader !== service).map(replayOf);
  expect(await refused(as[service], 'publish', [...others, ...notForServices])).toEqual([...others, ...notForServices]);
  expect(await refused(as[service], 'publish', [...needed, ...ownReplays])).toEqual([]);
});

test('a service that borrows the inbox of another gets no answer', async () => {
  const spy = await connectAs('payment', 'gateway');
  const error = await spy.request('svc.booking.get_snapshot', '{}', { timeout: 500 }).catch(reason => reason);
  expect(error).toBeInstanceOf(NatsError);
});

test('every service answers its requests, and whoever asks gets the answer', async () => {
  const serving = await Promise.all(
    services
      .filter(service => service !== 'gateway')
      .map(service => {
        const own = requests.filter(contract => contract.subject.split('.')[1] === service);
        const handlers = own.map(contract => handle(contract, async () => refuse('not_found', contract.subject)));
        return serveRequests({ nc: as[service], service, handlers, logger: silentLogger, metrics: metrics() });
      }),
  );
  for (const service of services) {
    for (const { subject } of calls[service]) {
      const answer = await as[service].request(subject, '{}', { timeout: 30_000 });
      expect({ service, subject, ok: answer.json<{ ok: boolean }>().ok }).toEqual({ service, subject, ok: false });
    }
  }
  await Promise.all(serving.map(each => each.drain()));
});

test('every service publishes its events, and whoever reads them gets them', async () => {
  const database = await createTestDatabase({ prismaDir: path.join(import.meta.dirname, 'prisma') });
  const pool = new pg.Pool({ connectionString: database.databaseUrl });
  const heard = new Set<string>();
  const expected = readers.flatMap(([stream, reader]) =>
    events.filter(event => event.stream === stream).map(event => `${reader} ${event.subject}`),
  );
  const consuming = await Promise.all(
    readers.map(([stream, reader]) =>
      consumeEvents({
        nc: as[reader],
        stream,
        durable: reader,
        handlers: events
          .filter(event => event.stream === stream)
          .map(({ subject }) =>
            on(defineEvent({ subject, stream, body: z.unknown() }), async () => {
              heard.add(`${reader} ${subject}`);
            }),
          ),
        pool,
        logger: silentLogger,
        metrics: metrics(),
      }),
    ),
  );
  const seenByGateway = new Set<string>();
  as.gateway.subscribe('booking.*', { callback: (_, message) => void seenByGateway.add(message.subject) });
  await as.gateway.flush();
  for (const { stream, subject } of events) {
    const ack = await as[owners[stream]].jetstream().publish(subject, '{}', { expect: { streamName: stream } });
    expect(ack.stream).toBe(stream);
  }
  await eventually(async () => heard.size === expected.length, { describe: 'all events heard' });
  await eventually(async () => seenByGateway.size === Object.keys(bookingEvents).length);
  expect([...heard].sort()).toEqual(expected.sort());
  // Nothing comes again: the acknowledgements were taken too.
  for (const [stream, reader] of readers) {
    const jsm = await as[reader].jetstreamManager({ checkAPI: false });
    await eventually(async () => (await jsm.consumers.info(stream, reader)).num_ack_pending === 0);
  }
  await Promise.all(consuming.map(each => each.drain()));
  await pool.end();
  await database.drop();
});
