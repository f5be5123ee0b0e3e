import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBookingService } from '@monde-sauvage/booking';
import { bookingEvents, bookingRequests } from '@monde-sauvage/contracts';
import { closeNats, connectNats, consumeEvents, on, request } from '@monde-sauvage/messaging';
import { createPool } from '@monde-sauvage/persistence';
import {
  commonVariables,
  createMetrics,
  databaseVariables,
  parseConfig,
  positiveInteger,
  startTracing,
} from '@monde-sauvage/service-kit';
import { createTestDatabase, eventually, silentLogger, testNats } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { readConfig } from '../src/config.ts';
import { createGatewayService } from '../src/service.ts';
import { type CollectedSpan, startCollector } from './otlp-collector.ts';
import { adminKey } from './support.ts';

/**
 * Two services in one process, which no other test has: a trace is what connects them. The third, which follows the
 * events of bookings, is the test itself.
 */
const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const customer = { name: 'John Doe', email: 'john.doe@example.com', phone: '+1 418 555 0100' };
const followed: { version: number; traceparent: string | undefined }[] = [];
const created = z.object({ id: z.string() });
const undo: (() => Promise<unknown>)[] = [];
let url = '';

beforeAll(async () => {
  const prismaDir = fileURLToPath(new URL('../../booking/prisma', import.meta.url));
  const [nats, database] = await Promise.all([testNats(), createTestDatabase({ prismaDir })]);
  undo.push(nats.stop, database.drop);
  const env = { PORT: '0', HOST: '127.0.0.1', NATS_URL: nats.url, DATABASE_URL: database.databaseUrl };
  const bookingVariables = z.object({
    ...commonVariables({ port: 0 }),
    ...databaseVariables,
    HOLD_MINUTES: positiveInteger(30),
    HOLD_MAX_MINUTES: positiveInteger(120),
  });
  const logger = silentLogger;
  const booking = await createBookingService(parseConfig(bookingVariables, env), { logger });
  await booking.start();
  undo.push(booking.drain);
  const gateway = await createGatewayService(readConfig({ ...env, ADMIN_API_KEY: adminKey }), { logger });
  await gateway.start();
  undo.push(gateway.drain);
  url = `http://127.0.0.1:${gateway.port}`;

  const nc = await connectNats({ servers: nats.url, service: 'follower', logger });
  undo.push(() => closeNats(nc));
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  undo.push(() => pool.end());
  const follower = await consumeEvents({
    nc,
    stream: 'BOOKING',
    durable: 'follower',
    handlers: [
      on(bookingEvents.bookingCreated, async ({ id, version }, { traceparent }) => {
        await request(nc, bookingRequests.getSnapshot, { bookingId: id });
        followed.push({ version, traceparent });
      }),
    ],
    pool,
    logger,
    metrics: createMetrics('test'),
  });
  undo.push(follower.drain);
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

async function post(path: string, json: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}`, ...headers },
    body: JSON.stringify(json),
  });
  return { status: response.status, body: await response.json() };
}

/** Books, in the client's own trace, and waits until the event has been followed. */
async function bookOnce(fromDay: number): Promise<string | undefined> {
  const about = { name: 'Monde Sauvage', timezone: 'America/Toronto', currency: 'CAD', locale: 'fr-CA' };
  const establishment = created.parse((await post('/v1/establishments', about)).body);
  const chalet = { name: 'Chalet 1', capacity: 4, nightlyRate: 20_000 };
  const { id } = created.parse((await post(`/v1/establishments/${establishment.id}/chalets`, chalet)).body);
  const day = (offset: number) => new Date(Date.now() + (fromDay + offset) * 86_400_000).toISOString().slice(0, 10);
  const wish = { chaletId: id, startDate: day(0), endDate: day(2), guests: 2, customer };
  const before = followed.length;
  expect((await post('/v1/bookings', wish, { traceparent: given })).status).toBe(201);
  const news = await eventually(() => followed[before], { describe: 'the event has been followed' });
  return news.traceparent;
}

test('without a collector, events still carry the trace of the request that caused them', async () => {
  expect(await bookOnce(30)).toBe(given);
});

test('a booking is one trace from the client through both services to those who follow its event', async () => {
  const collector = await startCollector();
  undo.push(async () => collector.close());
  const tracing = await startTracing({ service: 'test', endpoint: collector.url, logger: () => silentLogger });
  await bookOnce(60);
  for (const path of ['/livez', '/readyz', '/metrics']) await fetch(`${url}${path}`);
  expect((await fetch(`${url}/v1/bookings/nonsense`)).status).toBe(401);
  await tracing.stop();

  const [, traceId, clientSpan] = given.split('-');
  const spans = collector.spans.filter(span => span.traceId === traceId);
  const http = theOne(spans, clientSpan);
  expect(http).toMatchObject({ name: 'POST /v1/bookings', kind: 2 });
  expect(valuesOf(http)).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/v1/bookings',
    'http.response.status_code': 201,
  });
  const asked = theOne(spans, http.spanId);
  expect(asked).toMatchObject({ name: 'svc.booking.create', kind: 3 });
  const answered = theOne(spans, asked.spanId);
  expect(answered).toMatchObject({ name: 'svc.booking.create', kind: 2 });
  expect(valuesOf(answered)).toMatchObject({ 'monde_sauvage.outcome': 'ok' });
  const consumed = theOne(spans, answered.spanId);
  expect(consumed).toMatchObject({ name: 'process booking.created', kind: 5 });
  const askedAgain = theOne(spans, consumed.spanId);
  expect(askedAgain).toMatchObject({ name: 'svc.booking.get_snapshot', kind: 3 });
  expect(theOne(spans, askedAgain.spanId)).toMatchObject({ name: 'svc.booking.get_snapshot', kind: 2 });
  expect(spans).toHaveLength(6);

  // Requests without a trace begin one of their own; those of operators are nobody's.
  const roots = collector.spans.filter(span => !span.parentSpanId).map(span => span.name);
  expect(roots.sort()).toEqual([
    'GET /v1/bookings/{id}',
    'POST /v1/establishments',
    'POST /v1/establishments/{id}/chalets',
  ]);
  for (const secret of [adminKey, 'John', 'john.doe', '555 0100']) expect(collector.text).not.toContain(secret);
});

/** The only span under that parent. */
function theOne(spans: CollectedSpan[], parentSpanId: string | undefined): CollectedSpan {
  const children = spans.filter(span => span.parentSpanId === parentSpanId);
  const [child] = children;
  if (!child || children.length > 1) throw new Error(`not one child: ${children.map(({ name }) => name)}`);
  return child;
}

const valuesOf = (span: CollectedSpan) => Object.fromEntries(span.attributes.map(({ key, value }) => [key, value]));
