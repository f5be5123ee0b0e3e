import { expect, test } from '@jest/globals';
import { httpRoutes } from './http.ts';
import {
  type HttpRoute,
  needsCredential,
  problemCodes,
  problemCodesOf,
  problemKinds,
  problemStatus,
} from './http-route.ts';

const table = Object.entries<HttpRoute>(httpRoutes);

test('has every route that clients were promised', () => {
  expect(table.map(([, route]) => `${route.method.toUpperCase()} ${route.path}`).sort()).toEqual(
    [
      'POST /v1/establishments',
      'GET /v1/establishments/{id}',
      'PATCH /v1/establishments/{id}',
      'POST /v1/establishments/{id}/keys',
      'GET /v1/establishments/{id}/keys',
      'DELETE /v1/establishments/{id}/keys/{keyId}',
      'POST /v1/establishments/{id}/chalets',
      'GET /v1/establishments/{id}/chalets',
      'GET /v1/chalets/{id}',
      'PATCH /v1/chalets/{id}',
      'GET /v1/chalets/{id}/availability',
      'GET /v1/chalets/{id}/calendar',
      'GET /v1/availability',
      'POST /v1/bookings',
      'GET /v1/bookings/{id}',
      'POST /v1/bookings/{id}/cancel',
      'POST /v1/bookings/{id}/checkout',
      'GET /v1/bookings/{id}/stream',
      'GET /v1/establishments/{id}/bookings',
      'GET /v1/chalets/{id}/schedule',
      'GET /v1/establishments/{id}/google',
      'POST /v1/establishments/{id}/google/connect',
      'GET /oauth/google/callback',
      'DELETE /v1/establishments/{id}/google',
      'GET /v1/establishments/{id}/google/calendars',
      'GET /v1/establishments/{id}/google/decisions',
      'POST /v1/establishments/{id}/google/decisions/{decisionId}',
      'PUT /v1/chalets/{id}/google-calendar',
      'POST /v1/chalets/{id}/google-calendar/sync',
      'GET /v1/bookings/{id}/history',
      'POST /v1/bookings/{id}/refunds',
      'GET /v1/bookings/{id}/refunds',
      'GET /v1/establishments/{id}/payments',
      'GET /v1/establishments/{id}/payments.csv',
      'GET /v1/establishments/{id}/disputes',
      'POST /webhooks/stripe',
      'POST /webhooks/google-calendar',
      'GET /openapi.json',
      'GET /docs',
      'GET /livez',
      'GET /readyz',
      'GET /metrics',
    ].sort(),
  );
});

test.each(table)('%s declares exactly the parameters of its path', (_, route) => {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(match => match[1]);
  expect(Object.keys(route.params.shape)).toEqual(inPath);
});

test.each(table)('%s says what follows from what it takes', (_, route) => {
  const codes = problemCodesOf(route);
  expect(codes).toContain('internal');
  expect(codes.includes('unauthorized')).toBe(needsCredential(route));
  expect(new Set(codes).size).toBe(codes.length);
});

test('only the route of the platform itself answers forbidden: what is not yours does not exist', () => {
  const forbidding = table.filter(([, route]) => problemCodesOf(route).includes('forbidden'));
  expect(forbidding.map(([name]) => name)).toEqual(['createEstablishment']);
});

test('every code has a status of its kind, and webhooks are told 400', () => {
  for (const code of problemCodes) expect(problemKinds[code].status).toBeGreaterThanOrEqual(400);
  expect(problemStatus(httpRoutes.createBooking, 'validation_failed')).toBe(422);
  expect(problemStatus(httpRoutes.receiveStripeWebhook, 'validation_failed')).toBe(400);
});

test('a refund with a misspelt amount is refused, not taken for everything that is left', () => {
  const { body } = httpRoutes.createRefund;
  expect(body.safeParse({ amout: 5_000 }).success).toBe(false);
  expect(body.safeParse({ amount: 5_000, reason: 'The sauna was out of order' }).success).toBe(true);
  expect(body.safeParse(undefined).success).toBe(true);
});
