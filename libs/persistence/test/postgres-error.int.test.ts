import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  createPool,
  isConnectionLoss,
  isDatabaseAway,
  pingDatabase,
  postgresConstraint,
  postgresErrorCode,
  prismaAdapter,
  withRetries,
} from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import type pg from 'pg';

let pool: pg.Pool;
let drop: () => Promise<void>;
let databaseUrl: string;

beforeAll(async () => {
  const database = await createTestDatabase({ prismaDir: path.join(import.meta.dirname, 'prisma') });
  drop = database.drop;
  databaseUrl = database.databaseUrl;
  pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'errors-test', lockTimeoutMs: 50 });
  await pool.query(insert('first', '2027-01-01', '2027-01-03'));
});

afterAll(async () => {
  await pool.end();
  await drop();
});

function insert(reference: string, from: string, to: string): string {
  return `INSERT INTO stays VALUES (gen_random_uuid(), 'chalet', '${from}', '${to}', '${reference}')`;
}

async function errorOf(run: () => Promise<unknown>): Promise<unknown> {
  return run().then(
    () => undefined,
    error => error,
  );
}

const refused: [string, string, string, string][] = [
  ['an overlap', insert('second', '2027-01-02', '2027-01-04'), '23P01', 'stays_overlap'],
  ['a duplicate', insert('first', '2028-01-02', '2028-01-04'), '23505', 'stays_reference_key'],
];

test.each(refused)('finds code and constraint of %s in the errors of pg and of Prisma', async (_, sql, code, name) => {
  const adapter = await prismaAdapter(pool).connect();
  const ofPg = await errorOf(() => pool.query(sql));
  const ofPrisma = await errorOf(() => adapter.executeRaw({ sql, args: [], argTypes: [] }));
  for (const error of [ofPg, ofPrisma]) {
    expect([postgresErrorCode(error), postgresConstraint(error)]).toEqual([code, name]);
    expect(isConnectionLoss(error)).toBe(false);
    expect(isDatabaseAway(error)).toBe(false);
  }
});

test('gives up waiting for a lock', async () => {
  const holder = await pool.connect();
  await holder.query('BEGIN; LOCK TABLE stays');
  const error = await errorOf(() => pool.query('SELECT * FROM stays'));
  expect([postgresErrorCode(error), isDatabaseAway(error)]).toEqual(['55P03', true]);
  await holder.query('ROLLBACK');
  holder.release();
});

test('gives up on a server that says nothing, and uses another connection', async () => {
  const silent = createPool({ databaseUrl, applicationName: 'silent', max: 1, statementTimeoutMs: 500 });
  const error = await errorOf(() => silent.query('SET statement_timeout = 0; SELECT pg_sleep(20)'));
  expect([String(error), isDatabaseAway(error)]).toEqual(['Error: Query read timeout', true]);
  await pingDatabase(silent);
  await silent.end();
});

test('survives the loss of its connections and is itself again at the next try', async () => {
  let tries = 0;
  const answer = await withRetries(async () => {
    tries += 1;
    const own = tries === 1 ? 'pg_backend_pid()' : '0';
    return (await pool.query(`SELECT pg_terminate_backend(${own}) AS ended`)).rows;
  });
  expect([tries, answer]).toEqual([2, [{ ended: false }]]);
  await pingDatabase(pool);
});

test('reads DATE as the civil date it is', async () => {
  const { rows } = await pool.query('SELECT start_date FROM stays');
  expect(rows).toEqual([{ start_date: '2027-01-01' }]);
});
