import { z } from 'zod';
import type { EventContract, RequestContract, StreamName } from '../src/define.ts';
import { streams } from '../src/define.ts';
import { httpRoutes } from '../src/http.ts';
import { type HttpRoute, nothing, problemCodesOf, problemStatus } from '../src/http-route.ts';
import * as contracts from '../src/index.ts';
import { jsonSchema, jsonSchemaOf } from './json-schema.ts';

/** What one service publishes and answers on NATS. */
export const natsFile = z.strictObject({
  streams: z.record(z.string(), z.strictObject({ subjects: z.array(z.string()) })),
  events: z.record(z.string(), z.strictObject({ stream: z.string(), body: jsonSchema })),
  requests: z.record(z.string(), z.strictObject({ deadlineMs: z.number(), input: jsonSchema, output: jsonSchema })),
});
export type NatsFile = z.infer<typeof natsFile>;

const httpRoute = z.strictObject({
  who: z.array(z.string()),
  params: jsonSchema,
  query: jsonSchema,
  headers: jsonSchema,
  /** null: the route takes no body. */
  body: z.strictObject({ required: z.boolean(), schema: jsonSchema }).nullable(),
  success: z.strictObject({
    status: z.number(),
    contentType: z.string(),
    /** null: none is sent. */
    location: z.string().nullable(),
    /** null: the answer has no body. */
    schema: jsonSchema.nullable(),
  }),
  /** The status of every code that the route may refuse with. */
  refusals: z.record(z.string(), z.number()),
});
export type PublishedRoute = z.infer<typeof httpRoute>;

/** The routes of one tag, by method and path. */
export const httpFile = z.strictObject({ routes: z.record(z.string(), httpRoute) });
export type HttpFile = z.infer<typeof httpFile>;

/** All contracts, by publisher and by tag. */
export interface Published {
  nats: Record<string, NatsFile>;
  http: Record<string, HttpFile>;
}

const publishers = { BOOKING: 'booking', PAYMENT: 'payment', CALENDAR: 'calendar-sync' } satisfies Record<
  StreamName,
  string
>;

/** Today's contracts, as they are stored. */
export function describeContracts(): Published {
  const nats: Published['nats'] = {};
  const of = (service: string) => {
    nats[service] ??= { streams: {}, events: {}, requests: {} };
    return nats[service];
  };
  for (const [name, { subjects }] of Object.entries(streams)) {
    of(publisherOf(name)).streams[name] = { subjects: [...subjects] };
  }
  const tables = Object.values<unknown>(contracts).flatMap((table): unknown[] =>
    typeof table === 'object' && table !== null ? Object.values(table) : [],
  );
  for (const { subject, stream, body } of tables.filter(isEvent)) {
    of(publisherOf(stream)).events[subject] = { stream, body: jsonSchemaOf(body, 'input') };
  }
  for (const { subject, deadlineMs, input, output } of tables.filter(isRequest)) {
    const [, service = ''] = subject.split('.');
    of(service).requests[subject] = {
      deadlineMs,
      input: jsonSchemaOf(input, 'input'),
      // What travels is what its readers accept; defaults are filled in by them.
      output: jsonSchemaOf(output, 'input'),
    };
  }
  for (const file of Object.values(nats)) {
    file.events = inOrder(file.events);
    file.requests = inOrder(file.requests);
  }
  return { nats, http: describeRoutes() };
}

const inOrder = <T>(table: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));

const publisherOf = (stream: string): string =>
  Object.entries(publishers).find(([name]) => name === stream)?.[1] ?? stream.toLowerCase();

const isEvent = (value: unknown): value is EventContract =>
  typeof value === 'object' && value !== null && 'body' in value && 'stream' in value && 'subject' in value;

const isRequest = (value: unknown): value is RequestContract =>
  typeof value === 'object' && value !== null && 'deadlineMs' in value && 'input' in value && 'subject' in value;

function describeRoutes(): Published['http'] {
  const http: Published['http'] = {};
  for (const route of Object.values<HttpRoute>(httpRoutes)) {
    const tag = route.tag.toLowerCase().replaceAll(' ', '-');
    http[tag] ??= { routes: {} };
    http[tag].routes[`${route.method.toUpperCase()} ${route.path}`] = describeRoute(route);
  }
  for (const file of Object.values(http)) file.routes = inOrder(file.routes);
  return http;
}

function describeRoute(route: HttpRoute): PublishedRoute {
  const { status, schema, contentType = 'application/json', location = null } = route.success;
  const codes = problemCodesOf(route).sort();
  return {
    who: [...route.who].sort(),
    params: jsonSchemaOf(route.params, 'input'),
    query: jsonSchemaOf(route.query, 'input'),
    headers: jsonSchemaOf(route.headers, 'input'),
    body:
      route.body === nothing
        ? null
        : { required: !route.body.safeParse(undefined).success, schema: jsonSchemaOf(route.body, 'input') },
    success: { status, contentType, location, schema: schema === nothing ? null : jsonSchemaOf(schema, 'output') },
    refusals: Object.fromEntries(codes.map(code => [code, problemStatus(route, code)])),
  };
}
