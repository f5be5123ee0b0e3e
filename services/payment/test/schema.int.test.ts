import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPool, describeDrift } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import type pg from 'pg';

const prismaDir = path.join(import.meta.dirname, '../prisma');
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase({ prismaDir });
  pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test', max: 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('the migrations make what the schema describes', async () => {
  expect(await describeDrift({ databaseUrl: database.databaseUrl, prismaDir })).toBe('');
});

test.each([
  [
    'the sweep',
    `SELECT version FROM bookings WHERE chalet_id = gen_random_uuid() AND end_date >= date '2027-01-01'`,
    'bookings_chalet_id_end_date_idx',
  ],
  [
    'the search for money that booking has not heard of',
    `SELECT id FROM bookings WHERE (told_paid <> heard_paid OR told_refunded <> heard_refunded OR told_disputed <> heard_disputed) AND money_check_at <= now()`,
    'bookings_money_unheard',
  ],
  [
    'the same search by a version that knew no disputes',
    `SELECT id FROM bookings WHERE (told_paid <> heard_paid OR told_refunded <> heard_refunded) AND money_check_at <= now()`,
    'bookings_money_unheard',
  ],
  [
    'the search for money that nobody has decided about',
    `SELECT id FROM bookings WHERE told_paid > told_refunded AND (status = 'pending' OR (status = 'cancelled' AND refund_percentage IS NULL))`,
    'bookings_undecided_money',
  ],
  ['the count of failed refunds', `SELECT count(*) FROM refunds WHERE status = 'failed'`, 'refunds_unfinished'],
  [
    'forgetting events',
    `SELECT id FROM stripe_events WHERE processed_at < now() AND outcome <> 'needs_review'`,
    'stripe_events_done',
  ],
])('%s has an index', async (_what, sql, index) => {
  // The tables are empty: without this the planner would rightly read them from end to end.
  await pool.query('SET enable_seqscan = off');
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`);
  expect(rows.map(row => row['QUERY PLAN']).join('\n')).toContain(index);
});
