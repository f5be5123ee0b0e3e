import type { z } from 'zod';
import { jsonSchema, jsonSchemaOf } from './json-schema.ts';
import type { Published, PublishedRoute } from './snapshot.ts';

/** For tests: contracts in which one schema stands in every place that a schema can have. */

const empty = jsonSchema.parse({});

export const plainRoute: PublishedRoute = {
  who: ['owner'],
  params: empty,
  query: empty,
  headers: empty,
  body: null,
  success: { status: 200, contentType: 'application/json', location: null, schema: null },
  refusals: { not_found: 404 },
};

export const everyRole = (schema: z.ZodType): Published => {
  const wire = jsonSchemaOf(schema, 'input');
  return {
    nats: {
      booking: {
        streams: { BOOKING: { subjects: ['booking.*'] } },
        events: { event: { stream: 'BOOKING', body: wire } },
        requests: {
          input: { deadlineMs: 2_000, input: wire, output: empty },
          output: { deadlineMs: 2_000, input: empty, output: wire },
        },
      },
    },
    http: {
      bookings: {
        routes: {
          body: { ...plainRoute, body: { required: true, schema: wire } },
          answer: { ...plainRoute, success: { ...plainRoute.success, schema: jsonSchemaOf(schema, 'output') } },
        },
      },
    },
  };
};
