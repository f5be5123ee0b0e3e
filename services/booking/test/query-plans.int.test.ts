import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPool, prismaAdapter } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import { countConflicts, oldestHold } from '../src/backlog-metrics.ts';
import { findOverlaps, getSchedule } from '../src/booking-queries.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { digestChalets } from '../src/operations/resend-chalet.ts';
import { ids } from './builders.ts';

const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

let close: () => Promise<void>;
let prisma: PrismaClient;
let planOf: (run: () => Promise<unknown>) => Promise<string>;

/** Twenty chalets with a thousand stays each, most of them over, a fifth cancelled. */
const seed = `
  INSERT INTO establishments VALUES ($1, 'e', 'America/Toronto', 'CAD', 'fr-CA', 'moderate', 1, now(), now());`;
const seedChalets = `
  INSERT INTO chalets SELECT CASE WHEN n = 1 THEN $2::uuid ELSE gen_random_uuid() END, $1::uuid, 'c', '', 4, 1, 0, 1, 28,
    NULL, 1, now(), now() FROM generate_series(1, 20) n`;
const seedBookings = `
  INSERT INTO bookings (id, reference, chalet_id, establishment_id, start_date, end_date, status, source, customer_name,
                        version, created_at, updated_at, cancel_reason, hold_expires_at)
  SELECT gen_random_uuid(), 'R' || row_number() OVER (), c.id, c.establishment_id, date '2020-01-01' + 3 * n,
    date '2020-01-03' + 3 * n, s.status::booking_status, 'website', 'n', 1, now(), now(),
    CASE s.status WHEN 'cancelled' THEN 'guest'::cancel_reason END, CASE s.status WHEN 'pending' THEN now() END
  FROM chalets c, generate_series(1, 1000) n, LATERAL (
    SELECT CASE WHEN n % 5 = 0 THEN 'cancelled' WHEN n = 998 THEN 'pending' ELSE 'confirmed' END AS status) s`;

beforeAll(async () => {
  const database = await createTestDatabase({ prismaDir });
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  await pool.query(seed.trim(), [ids.establishment]);
  await pool.query(seedChalets, [ids.establishment, ids.chalet]);
  await pool.query(seedBookings);
  await pool.query('ANALYZE');
  const client = new PrismaClient({ adapter: prismaAdapter(pool), log: [{ emit: 'event', level: 'query' }] });
  const queries: { query: string; params: string }[] = [];
  client.$on('query', event => queries.push(event));
  prisma = client;
  planOf = async run => {
    queries.length = 0;
    await run();
    const last = queries.at(-1);
    const values: unknown[] = JSON.parse(last?.params ?? '[]');
    const { rows } = await pool.query(`EXPLAIN (COSTS OFF) ${last?.query}`, values);
    return rows.map((row: { 'QUERY PLAN': string }) => row['QUERY PLAN']).join('\n');
  };
  close = async () => {
    await client.$disconnect();
    await pool.end();
    await database.drop();
  };
});
afterAll(() => close());

const from = '2028-03-01';
const to = '2028-03-05';
const byChaletAndDate = /Index Cond: \(\(chalet_id = [^)]*\) AND \(end_date >=? /;

test('overlaps are found without reading the chalet from its first stay on', async () => {
  const plan = await planOf(() => findOverlaps(prisma, { chaletId: ids.chalet, from, to, now: new Date() }));
  expect(plan).toMatch(byChaletAndDate);
});

test('so is a schedule', async () => {
  const plan = await planOf(() => getSchedule(prisma, { actor: { kind: 'admin' }, chaletId: ids.chalet, from, to }));
  expect(plan).toMatch(byChaletAndDate);
});

test('a digest reads only what is compared', async () => {
  const scope = { endingFrom: from, source: 'website', after: null, limit: 100 } as const;
  const plan = await planOf(() => digestChalets({ prisma }, scope));
  expect(plan).toMatch(byChaletAndDate);
  const ofCalendars = await planOf(() => digestChalets({ prisma }, { ...scope, withCalendar: true }));
  expect(ofCalendars).toMatch(byChaletAndDate);
});

test('metrics read no table from end to end', async () => {
  expect(await planOf(() => countConflicts(prisma))).not.toContain('Seq Scan');
  expect(await planOf(() => oldestHold(prisma))).not.toContain('Seq Scan');
});
