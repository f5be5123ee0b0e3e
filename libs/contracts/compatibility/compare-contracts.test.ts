import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { compareContracts, tell } from './compare-contracts.ts';
import { everyRole, plainRoute } from './every-role.ts';
import { jsonSchemaOf } from './json-schema.ts';
import type { NatsFile, Published, PublishedRoute } from './snapshot.ts';

const body = jsonSchemaOf(z.object({ id: z.uuid() }), 'input');
const event = { stream: 'BOOKING', body };
const request = { deadlineMs: 2_000, input: body, output: body };

const nats = (file: Partial<NatsFile>): Published => ({
  nats: { booking: { streams: {}, events: {}, requests: {}, ...file } },
  http: {},
});
const route = (changes: Partial<PublishedRoute>): Published => ({
  nats: {},
  http: { bookings: { routes: { 'GET /v1/bookings': { ...plainRoute, ...changes } } } },
});
const answers = (changes: Partial<PublishedRoute['success']>) =>
  route({ success: { ...plainRoute.success, ...changes } });

const none: Published = { nats: {}, http: {} };
const stream = (...subjects: string[]) => nats({ streams: { BOOKING: { subjects } } });
const waits = (deadlineMs: number) => nats({ requests: { 'svc.booking.get': { ...request, deadlineMs } } });

describe('breaks', () => {
  test.each<[string, Published, Published]>([
    ['booking.created: the event was removed, and is in use', nats({ events: { 'booking.created': event } }), none],
    ['svc.booking.get: the request was removed, and is in use', waits(2_000), none],
    ['GET /v1/bookings: the route was removed, and is in use', route({}), none],
    ['BOOKING: the stream was removed, and is in use', stream('booking.*'), none],
    [
      'BOOKING: the stream no longer takes `chalet.*`, its publisher would be refused',
      stream('booking.*', 'chalet.*'),
      stream('booking.*'),
    ],
    [
      'booking.created: the event moved from stream BOOKING to NEWS, consumers read the former',
      nats({ events: { 'booking.created': event } }),
      nats({ events: { 'booking.created': { ...event, stream: 'NEWS' } } }),
    ],
    [
      'svc.booking.get: the deadline changed from 2000 ms to 500 ms, new callers give up on a released version that may take longer',
      waits(2_000),
      waits(500),
    ],
    ['GET /v1/bookings: `guest` may no longer call it, and does', route({ who: ['guest', 'owner'] }), route({})],
    ['GET /v1/bookings: `public` may no longer call it, and does', route({ who: ['public'] }), route({})],
    [
      'GET /v1/bookings: a body became required, clients send none',
      route({}),
      route({ body: { required: true, schema: body } }),
    ],
    [
      'GET /v1/bookings: the body became required, clients may leave it out',
      route({ body: { required: false, schema: body } }),
      route({ body: { required: true, schema: body } }),
    ],
    [
      'GET /v1/bookings: the body is no longer read, clients send it',
      route({ body: { required: false, schema: body } }),
      route({}),
    ],
    [
      'GET /v1/bookings: the status of success changed from 200 to 201, clients expect the former',
      answers({}),
      answers({ status: 201 }),
    ],
    [
      'GET /v1/bookings: the content type changed from application/json to text/html, clients expect the former',
      answers({}),
      answers({ contentType: 'text/html' }),
    ],
    [
      'GET /v1/bookings: the Location changed from /v1/bookings/{id} to none, clients expect the former',
      answers({ location: '/v1/bookings/{id}' }),
      answers({}),
    ],
    ['GET /v1/bookings: the answer lost its body, clients read it', answers({ schema: body }), answers({})],
    [
      'GET /v1/bookings: the status of `not_found` changed from 404 to 410, clients tell refusals by it',
      route({}),
      route({ refusals: { not_found: 410 } }),
    ],
    [
      'GET /v1/bookings: header `If-Match` is new and required, callers leave it out: add `.optional()` or `.default(…)`',
      route({ headers: jsonSchemaOf(z.object({}), 'input') }),
      route({ headers: jsonSchemaOf(z.object({ 'If-Match': z.string() }), 'input') }),
    ],
    [
      'GET /v1/bookings: query parameter `limit` changed its `maximum` from 100 to 50, callers may still send what is now refused',
      route({ query: jsonSchemaOf(z.object({ limit: z.coerce.number().max(100) }), 'input') }),
      route({ query: jsonSchemaOf(z.object({ limit: z.coerce.number().max(50) }), 'input') }),
    ],
    [
      'GET /v1/bookings: path parameter `id` must have the format `uuid`, callers may still send what is now refused',
      route({ params: jsonSchemaOf(z.object({ id: z.string() }), 'input') }),
      route({ params: jsonSchemaOf(z.object({ id: z.uuid() }), 'input') }),
    ],
  ])('%s', (sentence, released, now) => {
    const differences = compareContracts(released, now);
    expect(tell(differences.filter(({ breaking }) => breaking))).toEqual([sentence]);
  });
});

describe('does not break', () => {
  test.each<[string, Published, Published]>([
    ['booking.created: the event is new', none, nats({ events: { 'booking.created': event } })],
    ['svc.booking.get: the request is new', none, waits(2_000)],
    ['GET /v1/bookings: the route is new', none, route({})],
    ['BOOKING: the stream also takes `stay.*`', stream('booking.*'), stream('booking.*', 'stay.*')],
    [
      'svc.booking.get: the deadline changed from 500 ms to 2000 ms, callers that run today still wait 500 ms',
      waits(500),
      waits(2_000),
    ],
    ['GET /v1/bookings: `guest` may call it too', route({}), route({ who: ['guest', 'owner'] })],
    ['GET /v1/bookings: `public` may call it too', route({}), route({ who: ['public'] })],
    ['GET /v1/bookings: a body may be sent', route({}), route({ body: { required: false, schema: body } })],
    [
      'GET /v1/bookings: the body became optional',
      route({ body: { required: true, schema: body } }),
      route({ body: { required: false, schema: body } }),
    ],
    ['GET /v1/bookings: the answer says its Location', answers({}), answers({ location: '/v1/bookings/{id}' })],
    ['GET /v1/bookings: the answer has a body', answers({}), answers({ schema: body })],
    [
      'GET /v1/bookings: may also refuse with `forbidden` (403)',
      route({}),
      route({ refusals: { forbidden: 403, not_found: 404 } }),
    ],
  ])('%s', (sentence, released, now) => {
    expect(compareContracts(released, now).filter(({ breaking }) => breaking)).toEqual([]);
    expect(tell(compareContracts(released, now))).toEqual([sentence]);
  });

  test('a refusal that no longer happens', () => {
    expect(compareContracts(route({}), route({ refusals: {} }))).toEqual([]);
  });

  test('a subject that another service publishes now', () => {
    const moved = { nats: { other: { streams: {}, requests: {}, events: { 'booking.created': event } } }, http: {} };
    expect(compareContracts(nats({ events: { 'booking.created': event } }), moved)).toEqual([]);
  });
});

test('each sentence names the subject, the field, what happened to it and whom it hurts', () => {
  const price = z.object({ total: z.int(), status: z.enum(['open']) });
  const changed = price.omit({ total: true }).extend({ status: z.enum(['open', 'held']) });
  expect(tell(compareContracts(everyRole(z.object({ price })), everyRole(z.object({ price: changed }))))).toEqual([
    'event: `price.status` gained the value `held`, consumers that run today do not know it',
    'event: `price.total` was removed, consumers read it',
    'input: input `price.status` gained the value `held`',
    'input: input `price.total` was removed, callers send it',
    'output: output `price.status` gained the value `held`, callers that run today do not know it',
    'output: output `price.total` was removed, callers read it',
    'answer: answer field `price.status` gained the value `held`, clients that run today do not know it',
    'answer: answer field `price.total` was removed, clients read it',
    'body: body field `price.status` gained the value `held`',
    'body: body field `price.total` was removed, callers send it',
  ]);
});

test('subjects to which the same happened share a sentence', () => {
  const both = (schema: z.ZodType) => {
    const same = { stream: 'BOOKING', body: jsonSchemaOf(schema, 'input') };
    return nats({ events: { 'booking.created': same, 'booking.updated': same } });
  };
  expect(tell(compareContracts(both(z.object({ a: z.int() })), both(z.object({}))))).toEqual([
    'booking.created, booking.updated: `a` was removed, consumers read it',
  ]);
});

test('a message that is no object is named as a whole', () => {
  expect(tell(compareContracts(everyRole(z.string()), everyRole(z.string().nullable())))).toEqual([
    'event: the body may now be null, consumers that run today do not know it',
    'input: the input as a whole may now be null',
    'output: the output as a whole may now be null, callers that run today do not know it',
    'answer: the answer as a whole may now be null, clients that run today do not know it',
    'body: the body as a whole may now be null',
  ]);
});
