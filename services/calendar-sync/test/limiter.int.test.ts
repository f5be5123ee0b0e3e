import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPool, prismaAdapter } from '@monde-sauvage/persistence';
import { newId } from '@monde-sauvage/service-kit';
import { createTestDatabase } from '@monde-sauvage/testkit';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { GoogleCallError } from '../src/google/classify-error.ts';
import { pause, takeTurn } from '../src/google/limiter.ts';
import { prismaDir } from '../src/service.ts';
import { timing } from '../src/timing.ts';

const spacingMs = timing.callSpacingMs;
const start = new Date('2027-02-01T10:00:00Z');
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const closing: (() => Promise<void>)[] = [];
let replicas: PrismaClient[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ prismaDir });
  replicas = [1, 2].map(() => {
    const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test', max: 5 });
    const db = new PrismaClient({ adapter: prismaAdapter(pool) });
    closing.push(async () => {
      await db.$disconnect();
      await pool.end();
    });
    return db;
  });
});
afterAll(async () => {
  for (const close of closing) await close();
  await database.drop();
});

const first = () => {
  const [db] = replicas;
  if (db === undefined) throw new Error('no replica');
  return db;
};

async function connect(): Promise<string> {
  const establishmentId = newId();
  const grant = { account: null, refreshToken: newId(), keyId: 'key', scopes: [], since: start, connectedAt: start };
  await first().connection.create({ data: { establishmentId, status: 'active', ...grant } });
  return establishmentId;
}

/** That many calls at one moment, on both replicas: how many had their turn, and why the others had not. */
async function askAtOnce(establishmentId: string, count: number, at: Date) {
  const begun = performance.now();
  const turns = Array.from({ length: count }, (_, index) =>
    takeTurn(replicas[index % 2] ?? first(), establishmentId, () => at, spacingMs),
  );
  const answers = await Promise.allSettled(turns);
  const refusals = answers.flatMap(answer => (answer.status === 'rejected' ? [answer.reason] : []));
  return { granted: count - refusals.length, refusals, ms: performance.now() - begun };
}

const dueAt = async (establishmentId: string) =>
  (await first().connection.findUniqueOrThrow({ where: { establishmentId } })).limiterAt?.getTime() ?? 0;

test('the replicas share the turns of a connection: a burst, then one after the other, and none that comes too late', async () => {
  const establishmentId = await connect();
  const { granted, refusals, ms } = await askAtOnce(establishmentId, 80, start);
  // 40 and one at once, and those that have to wait for two seconds at most.
  expect(granted).toBe(41 + Math.floor(2_000 / spacingMs));
  expect(ms).toBeGreaterThan(17 * spacingMs);
  expect(await dueAt(establishmentId)).toBe(start.getTime() + granted * spacingMs);
  for (const refusal of refusals) {
    expect(refusal).toBeInstanceOf(GoogleCallError);
    expect(refusal).toMatchObject({ failure: { kind: 'quota', retryAfterMs: 2_000 } });
  }
  // Another connection has turns of its own.
  expect((await askAtOnce(await connect(), 1, start)).granted).toBe(1);
});

test('no minute has more turns than Google allows an account, however they are asked for', async () => {
  const establishmentId = await connect();
  // The worst case: a burst at the end of a quiet time, and then every turn as soon as it comes.
  let taken = 0;
  for (let second = 0; second < 60; second += 1) {
    const at = new Date(start.getTime() + second * 1_000);
    const free = Math.floor(
      (at.getTime() + 41 * spacingMs - Math.max(await dueAt(establishmentId), at.getTime())) / spacingMs,
    );
    const { granted, refusals } = await askAtOnce(establishmentId, free, at);
    expect(refusals).toEqual([]);
    taken += granted;
  }
  expect(taken).toBeGreaterThan(550);
  expect(taken).toBeLessThan(600);
});

test('a pause is kept by every replica until it is over, and never made shorter', async () => {
  const establishmentId = await connect();
  const after = (ms: number) => new Date(start.getTime() + ms);
  await pause(first(), establishmentId, after(60_000));
  await pause(first(), establishmentId, after(1_000));
  for (const moment of [0, 59_999]) {
    const { granted, refusals } = await askAtOnce(establishmentId, 2, after(moment));
    expect(granted).toBe(0);
    expect(refusals[0]).toMatchObject({ failure: { kind: 'quota', retryAfterMs: 60_000 - moment } });
  }
  expect((await askAtOnce(establishmentId, 2, after(60_000))).granted).toBe(2);
});

test('a connection that was revoked meanwhile has no turns', async () => {
  const establishmentId = await connect();
  await first().connection.update({ where: { establishmentId }, data: { status: 'revoked', reason: 'withdrawn' } });
  const { refusals } = await askAtOnce(establishmentId, 1, start);
  expect(refusals).toMatchObject([{ failure: { kind: 'revoked', reason: 'withdrawn' } }]);
});
