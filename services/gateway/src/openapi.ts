import {
  type HttpRoute,
  httpRoutes,
  needsCredential,
  nothing,
  type ProblemCode,
  problem,
  problemCodesOf,
  problemKinds,
  problemStatus,
} from '@monde-sauvage/contracts';
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverrideContext,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { bodyExamples, exampleIds } from './openapi-examples.ts';
import { makeProblem } from './problems.ts';

const requestId = z.string().meta({ description: 'names this request in our logs', example: exampleIds.request });
const retryAfter = z.string().meta({ description: 'seconds to wait', example: '2' });

/** The OpenAPI 3.1 document, made from the contracts' table of routes. */
export function createOpenApi(o: { publicUrl: string }) {
  const paths: ZodOpenApiPathsObject = {};
  for (const [operationId, route] of Object.entries<HttpRoute>(httpRoutes)) {
    paths[route.path] = { ...paths[route.path], [route.method]: describeOperation(operationId, route) };
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Monde Sauvage',
        version: '1.0.0',
        description:
          'Book holiday chalets. Dates are civil dates, `endDate` is the day of departure; money is in minor units. ' +
          'Refusals are RFC 9457 problems with a stable `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: o.publicUrl }],
      tags: [...new Set(Object.values<HttpRoute>(httpRoutes).map(route => route.tag))].map(name => ({ name })),
      paths,
      components: {
        securitySchemes: {
          adminKey: { type: 'http', scheme: 'bearer', description: "The platform administrator's key" },
          ownerKey: { type: 'http', scheme: 'bearer', description: 'A key of an establishment' },
          manageToken: { type: 'http', scheme: 'bearer', description: 'What a guest got with the booking' },
        },
      },
    },
    { override: sayWhoMayAddKeys },
  );
}

/**
 * The gateway refuses keys of a body that its schema does not know, see unknown-keys.ts; its answers may have more one
 * day, and a client made from this document must live with that.
 */
function sayWhoMayAddKeys({ jsonSchema, io }: ZodOpenApiOverrideContext): void {
  if (io === 'input' && jsonSchema.type === 'object') jsonSchema.additionalProperties ??= false;
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
}

const schemeOf: Record<string, string> = { admin: 'adminKey', owner: 'ownerKey', guest: 'manageToken' };

function describeOperation(operationId: string, route: HttpRoute): ZodOpenApiOperationObject {
  const security = needsCredential(route) ? route.who.map(who => ({ [schemeOf[who] ?? who]: [] })) : [];
  const example = bodyExamples[operationId];
  return {
    operationId,
    tags: [route.tag],
    summary: route.summary,
    security,
    requestParams: { path: route.params, query: route.query, header: route.headers },
    ...(route.body === nothing
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: { 'application/json': { schema: route.body, ...(example === undefined ? {} : { example }) } },
          },
        }),
    responses: { [`${route.success.status}`]: describeSuccess(route), ...describeProblems(route) },
  };
}

function describeSuccess(route: HttpRoute) {
  const { schema, contentType = 'application/json', location } = route.success;
  const at = z.string().meta({ description: `\`${location}\`` });
  return {
    description: route.success.status === 204 ? 'Done' : 'OK',
    headers: z.object({ 'x-request-id': requestId, ...(location === undefined ? {} : { location: at }) }),
    ...(schema === nothing ? {} : { content: { [contentType]: { schema } } }),
  };
}

/** One response per status; codes that share one are told apart by `code`. */
function describeProblems(route: HttpRoute) {
  const byStatus = Map.groupBy(problemCodesOf(route), code => problemStatus(route, code));
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      `${status}`,
      {
        description: codes.map(code => `\`${code}\`: ${problemKinds[code].title}`).join('; '),
        headers: z.object({
          'x-request-id': requestId,
          ...(status === 429 || status === 503 ? { 'retry-after': retryAfter } : {}),
        }),
        content: {
          'application/problem+json': {
            schema: problem,
            examples: Object.fromEntries(codes.map(code => [code, { value: exampleProblem(route, code, status) }])),
          },
        },
      },
    ]),
  );
}

const exampleProblem = (route: HttpRoute, code: ProblemCode, status: number) =>
  makeProblem(
    {
      code,
      status,
      detail: problemKinds[code].title,
      ...(code === 'validation_failed' ? { errors: [{ path: 'startDate', message: 'must be an existing date' }] } : {}),
    },
    { instance: route.path.replaceAll(/\{\w+\}/g, exampleIds.chalet), requestId: exampleIds.request },
  );
