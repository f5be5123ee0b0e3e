import { describe, expect, test } from '@jest/globals';
import { type HttpRoute, httpRoutes, needsCredential, nothing, problem } from '@monde-sauvage/contracts';
import { z } from 'zod';
import { createOpenApi } from './openapi.ts';
import { bodyExamples } from './openapi-examples.ts';

/** The parts of OpenAPI 3.1 that we use, as the specification has them. */
const media = z.record(
  z.string(),
  z.strictObject({
    schema: z.looseObject({}),
    example: z.unknown().optional(),
    examples: z.record(z.string(), z.strictObject({ value: z.unknown() })).optional(),
  }),
);
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z]\w+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(5),
  security: z.array(z.record(z.string(), z.array(z.never()))),
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.enum(['path', 'query', 'header']), schema: z.looseObject({}) }))
    .optional(),
  requestBody: z.strictObject({ required: z.boolean(), content: media }).optional(),
  responses: z.record(
    z.string().regex(/^[2-5]\d\d$/),
    z.looseObject({ description: z.string().min(1), content: media.optional() }),
  ),
});
const openApi = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  servers: z.array(z.strictObject({ url: z.url() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(
    z.string().startsWith('/'),
    z.partialRecord(z.enum(['get', 'post', 'put', 'patch', 'delete']), operation),
  ),
  components: z.strictObject({
    schemas: z.record(z.string(), z.looseObject({})),
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.literal('http'), scheme: z.literal('bearer') })),
  }),
});

const text = JSON.stringify(createOpenApi({ publicUrl: 'https://api.example.com' }));
const document = openApi.parse(JSON.parse(text));
const table = Object.entries<HttpRoute>(httpRoutes);

test('describes every route of the contract and no other', () => {
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]) => `${one?.operationId}: ${method} ${path}`),
  );
  expect(described.sort()).toEqual(table.map(([name, route]) => `${name}: ${route.method} ${route.path}`).sort());
});

test('every reference leads somewhere', () => {
  const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(match => match[1] ?? '');
  expect(names).toContain('Booking');
  for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
});

describe.each(table)('%s', (operationId, route) => {
  const one = operation.parse(document.paths[route.path]?.[route.method]);

  test('names its parameters, credentials and answers', () => {
    const inPath = (one.parameters ?? []).filter(parameter => parameter.in === 'path').map(({ name }) => name);
    expect(inPath).toEqual(Object.keys(route.params.shape));
    expect(one.security.length > 0).toBe(needsCredential(route));
    for (const scheme of one.security.flatMap(Object.keys)) {
      expect(Object.keys(document.components.securitySchemes)).toContain(scheme);
    }
    expect(Object.keys(one.responses)).toContain(`${route.success.status}`);
  });

  test('documents its refusals with examples that are problems', () => {
    const refusals = Object.entries(one.responses).filter(([status]) => Number(status) >= 400);
    expect(refusals.length).toBeGreaterThan(0);
    for (const [status, response] of refusals) {
      for (const { value } of Object.values(response.content?.['application/problem+json']?.examples ?? {})) {
        expect(problem.parse(value).status).toBe(Number(status));
      }
    }
  });

  test('shows a body that it would take', () => {
    const shown = one.requestBody?.content['application/json']?.example;
    expect(shown).toEqual(bodyExamples[operationId]);
    if (route.body !== nothing) expect(route.body.safeParse(shown)).toMatchObject({ success: true });
  });
});

test('says that a body has no other keys, at any depth, and leaves answers room to grow', () => {
  const strict = z.looseObject({ additionalProperties: z.literal(false) });
  const item = z.looseObject({ items: strict });
  const body = document.paths['/v1/establishments/{id}/chalets']?.post?.requestBody?.content['application/json'];
  expect(strict.extend({ properties: z.looseObject({ seasons: item }) }).safeParse(body?.schema).error).toBe(undefined);
  expect(document.components.schemas.NewBooking).toMatchObject({ additionalProperties: false });
  expect(document.components.schemas.Booking).not.toMatchObject({ additionalProperties: false });
});
