import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPool, migrate } from '@monde-sauvage/persistence';
import { createTestDatabase } from '@monde-sauvage/testkit';
import type pg from 'pg';

const prismaDir = path.join(import.meta.dirname, '../prisma');

/** A database as the last release before a migration left it. */
async function databaseBefore(migration: string) {
  const older = await mkdtemp(path.join(tmpdir(), 'payment-prisma-'));
  await cp(prismaDir, older, { recursive: true });
  const names = await readdir(path.join(older, 'migrations'));
  const newer = names.filter(name => /^\d/.test(name) && name >= migration);
  await Promise.all(newer.map(name => rm(path.join(older, 'migrations', name), { recursive: true })));
  const database = await createTestDatabase({ prismaDir: older });
  await rm(older, { recursive: true });
  return database;
}

interface Row {
  status: string;
  refundPercentage?: number;
  moneyVersion?: number;
  told?: number;
  payments: { status: string; paid: number; refunded?: number; purpose?: string }[];
  disputed?: boolean;
}

async function insertBooking(pool: pg.Pool, row: Row): Promise<string> {
  const id = randomUUID();
  await pool.query(
    `INSERT INTO bookings (id, version, status, refund_percentage, reference, chalet_id, establishment_id, start_date,
                           end_date, total, currency, money_version, told_paid, told_refunded)
     VALUES ($1, 1, $2, $3, 'MS-1', $1, $1, '2027-01-01', '2027-01-02', 100, 'CAD', $4, $5, $6)`,
    [id, row.status, row.refundPercentage ?? null, row.moneyVersion ?? 1, row.told ?? null, row.told ? 0 : null],
  );
  for (const [index, { status, paid, refunded = 0, purpose = 'full' }] of row.payments.entries()) {
    const paymentId = randomUUID();
    await pool.query(
      `INSERT INTO payments (id, booking_id, establishment_id, attempt, purpose, status, session_status, amount, currency,
                             checkout_session_id, expires_at, amount_paid, amount_refunded, created_at, updated_at)
       VALUES ($1, $2, $2, $3, $4, $5, 'complete', 100, 'CAD', $6, now(), $7, $8, now(), now())`,
      [paymentId, id, index + 1, purpose, status, `cs_${paymentId}`, paid, refunded],
    );
    if (!row.disputed || index > 0) continue;
    await pool.query(
      `INSERT INTO disputes (id, payment_id, booking_id, establishment_id, amount, currency, reason, status, opened_at, updated_at)
       VALUES ($1, $2, $3, $3, 100, 'CAD', 'fraudulent', 'needs_response', now(), now())`,
      [`dp_${paymentId}`, paymentId, id],
    );
  }
  return id;
}

function upgrade(migration: string) {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await databaseBefore(migration);
    pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test', max: 1 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  return async (rows: Record<string, Row>, columns: string): Promise<Record<string, unknown>> => {
    const ids = new Map<string, string>();
    for (const [name, row] of Object.entries(rows)) ids.set(await insertBooking(pool, row), name);
    await migrate({ databaseUrl: database.databaseUrl, prismaDir });
    const { rows: found } = await pool.query(`SELECT id, ${columns} FROM bookings`);
    return Object.fromEntries(found.map(({ id, ...rest }) => [ids.get(id), Object.values(rest)]));
  };
}

const paid = { status: 'succeeded', paid: 100 };
const contested = { status: 'disputed', paid: 100 };

describe('disputes from before they were compared', () => {
  const after = upgrade('20261122221500');
  test('have their booking asked once, unless it was paid twice', async () => {
    const found = await after(
      {
        open: { status: 'confirmed', payments: [contested], disputed: true },
        over: { status: 'confirmed', payments: [paid], disputed: true },
        twoParts: {
          status: 'confirmed',
          payments: [
            { ...paid, purpose: 'deposit' },
            { ...contested, purpose: 'balance' },
          ],
          disputed: true,
        },
        twice: { status: 'confirmed', payments: [contested, paid], disputed: true },
        never: { status: 'confirmed', payments: [paid] },
      },
      'told_disputed, heard_disputed, money_check_at <= now()',
    );
    expect(found).toEqual({
      open: [true, false, true],
      over: [false, true, true],
      twoParts: [true, false, true],
      twice: [null, null, null],
      never: [null, null, null],
    });
  });
});

describe('money that waited for a decision before anybody followed it', () => {
  const after = upgrade('20261122222500');
  test('is summed up where it waits', async () => {
    const found = await after(
      {
        pending: { status: 'pending', moneyVersion: 0, payments: [paid] },
        late: {
          status: 'cancelled',
          moneyVersion: 0,
          payments: [{ ...paid, status: 'partially_refunded', refunded: 40 }],
        },
        unpaid: { status: 'cancelled', moneyVersion: 0, payments: [{ status: 'expired', paid: 0 }] },
        decided: { status: 'cancelled', refundPercentage: 50, moneyVersion: 0, payments: [paid] },
        told: { status: 'pending', told: 70, payments: [paid] },
      },
      'told_paid, told_refunded',
    );
    expect(found).toEqual({
      pending: [100, 0],
      late: [100, 40],
      unpaid: [null, null],
      decided: [null, null],
      told: [70, 0],
    });
  });
});
