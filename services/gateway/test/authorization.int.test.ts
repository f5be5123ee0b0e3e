import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type HttpRoute, httpRoutes, needsCredential } from '@monde-sauvage/contracts';
import { bodyExamples } from '../src/openapi-examples.ts';
import { world } from './fake-services.ts';
import { adminKey, readProblem, type Stage, startStage } from './support.ts';

const routes = Object.entries<HttpRoute>(httpRoutes).filter(([, route]) => route.path.startsWith('/v1/'));
const guardedRoutes = routes.filter(([, route]) => needsCredential(route));
const publicRoutes = routes.filter(([, route]) => !needsCredential(route));

function addressOf(route: HttpRoute): string {
  const id = route.path.includes('/bookings/')
    ? world.booking
    : route.path.includes('/chalets/')
      ? world.chalet
      : world.establishment;
  const path = route.path.replace('{id}', id).replace('{keyId}', world.key).replace('{decisionId}', world.key);
  return 'from' in route.query.shape && route.method === 'get' ? `${path}?from=2027-02-10&to=2027-02-12` : path;
}

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

const call = (operationId: string, route: HttpRoute, token?: string, headers: Record<string, string> = {}) =>
  stage.call(route.method.toUpperCase(), addressOf(route), { token, headers, json: bodyExamples[operationId] });

/** Reads the status, and lets go of bodies that do not end (streams). */
async function statusOf(response: Response): Promise<number> {
  await response.body?.cancel();
  return response.status;
}

describe.each(guardedRoutes)('%s', (operationId, route) => {
  test('asks for a credential', async () => {
    const response = await call(operationId, route);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(await readProblem(response)).toMatchObject({ status: 401, code: 'unauthorized' });
  });

  test('refuses a credential that nobody has, or that is none', async () => {
    const long = `Bearer ${'x'.repeat(500)}`;
    for (const authorization of ['Bearer nobody', 'Bearer', 'Basic b3duZXI6dG9rZW4=', long, 'Bearer a b']) {
      const response = await call(operationId, route, undefined, { authorization });
      expect(await readProblem(response)).toMatchObject({ status: 401, code: 'unauthorized' });
    }
  });

  test("hides what belongs to somebody else's establishment or booking", async () => {
    for (const token of [world.otherOwnerToken, world.otherGuestToken]) {
      const { status, code } = await readProblem(await call(operationId, route, token));
      expect([status, code]).toEqual(operationId === 'createEstablishment' ? [403, 'forbidden'] : [404, 'not_found']);
    }
  });

  test('is open to exactly those the contract names', async () => {
    const allowed = { admin: adminKey, owner: world.ownerToken, guest: world.guestToken };
    for (const [kind, token] of Object.entries(allowed)) {
      const status = await statusOf(await call(operationId, route, token));
      const expected = route.who.some(who => who === kind)
        ? route.success.status
        : operationId === 'createEstablishment'
          ? 403
          : 404;
      expect([kind, status]).toEqual([kind, expected]);
    }
  });
});

test.each(publicRoutes)('%s is open to everybody and looks at no credential', async (operationId, route) => {
  const before = stage.fakes.asked.length;
  for (const token of [undefined, 'nobody']) {
    expect(await statusOf(await call(operationId, route, token))).toBe(route.success.status);
  }
  const asked = stage.fakes.asked.slice(before).map(({ subject }) => subject);
  expect(asked).toHaveLength(2);
  expect(asked).not.toContain('svc.booking.authenticate');
});

test.each(publicRoutes.filter(([, route]) => route.method === 'get'))(
  '%s carries no customer data, even when a service sends it',
  async (operationId, route) => {
    stage.fakes.leaky = true;
    const response = await call(operationId, route);
    stage.fakes.leaky = false;
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).not.toMatch(/customer|John Doe|john\.doe|late arrival|manageToken/);
  },
);
