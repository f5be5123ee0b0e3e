import { join } from 'node:path';
import { type GoogleEmulator, startGoogleEmulator } from '@monde-sauvage/emulators';
import { createTestDatabase } from '@monde-sauvage/testkit';
import pg from 'pg';
import { root, rowKeepers } from '../../../scripts/platform/settings.ts';
import { checkInvariants } from '../check.ts';
import { type Databases, openDatabases } from '../databases.ts';
import { findGoogleCopy } from '../google-copy.ts';
import type { Finding } from '../look.ts';
import { restLimits } from '../nothing-stuck.ts';

export const now = new Date('2027-05-01T12:00:00Z');
const longAgo = '2027-04-01T12:00:00Z';

export const id = (number: number): string => `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`;
export const eventId = (number: number): string => id(number).replaceAll('-', '');

export const establishment = id(900);
export const lodge = id(901);
/** Has no calendar. */
export const hut = id(902);
export const calendarId = 'lodge@group.calendar.google.com';
const owner = 'owner@example.com';

/** The stays of a small system in which everything is as it should be, by number. */
export const pending = 1;
export const paid = 2;
export const cancelledPaid = 3;
export const external = 4;
export const contested = 5;
export const contestant = 6;
export const uncalendared = 7;
export const payment = (booking: number): string => id(booking + 100);
export const refund = (booking: number): string => id(booking + 200);

interface Stay {
  number: number;
  chalet?: string;
  start: string;
  end: string;
  source?: 'google';
  status: 'pending' | 'confirmed' | 'cancelled';
  price?: number;
  refunded?: number;
  conflict?: boolean;
}

const stays: Stay[] = [
  { number: pending, start: '2027-06-01', end: '2027-06-04', status: 'pending', price: 30_000 },
  { number: paid, start: '2027-06-10', end: '2027-06-12', status: 'confirmed', price: 60_000 },
  {
    number: cancelledPaid,
    start: '2027-06-10',
    end: '2027-06-13',
    status: 'cancelled',
    price: 40_001,
    refunded: 20_001,
  },
  { number: external, start: '2027-06-20', end: '2027-06-22', status: 'confirmed', source: 'google' },
  { number: contested, start: '2027-06-25', end: '2027-06-27', status: 'confirmed', price: 50_000, conflict: true },
  {
    number: contestant,
    start: '2027-06-26',
    end: '2027-06-28',
    status: 'confirmed',
    source: 'google',
    conflict: true,
  },
  { number: uncalendared, chalet: hut, start: '2027-06-01', end: '2027-06-04', status: 'pending', price: 0 },
];

export interface World {
  google: GoogleEmulator;
  /** Runs SQL in one service's database. */
  sql(service: keyof Databases, sql: string, values?: unknown[]): Promise<void>;
  databases: Databases;
  urls: Record<keyof Databases, string>;
  check(o?: { graceMs?: number; at?: Date }): Promise<Finding[]>;
  /** Undoes what was changed in rows and in the calendar; not what was changed in tables. */
  reset(): Promise<void>;
  /** Violations of one invariant. */
  violations(invariant: string, o?: { graceMs?: number; at?: Date }): Promise<string[]>;
  close(): Promise<void>;
}

/** Four databases and an emulator's calendar that agree with each other in every way. */
export async function createWorld(): Promise<World> {
  const made = await Promise.all(
    rowKeepers.map(service => createTestDatabase({ prismaDir: join(root, 'services', service, 'prisma') })),
  );
  const [booking, availability, calendarSync, paymentDatabase] = made.map(database => database.databaseUrl);
  const urls = {
    booking: booking ?? '',
    availability: availability ?? '',
    'calendar-sync': calendarSync ?? '',
    payment: paymentDatabase ?? '',
  };
  const clients = new Map(
    rowKeepers.map(service => [service, new pg.Client({ connectionString: urls[service] })] as const),
  );
  await Promise.all([...clients.values()].map(client => client.connect()));
  const sql: World['sql'] = async (service, text, values = []) => {
    await clients.get(service)?.query(text, values);
  };
  const google = await startGoogleEmulator({ now: () => new Date(longAgo) });
  fillCalendar(google);
  await addChalets(sql);
  for (const stay of stays) await addStay(sql, stay);
  const restore = new Map(
    await Promise.all([...clients].map(async ([service, client]) => [service, await saveRows(client)] as const)),
  );
  const { databases, close } = await openDatabases(urls);
  const check: World['check'] = async (o = {}) =>
    checkInvariants({
      databases,
      google: await findGoogleCopy(google.url),
      now: o.at ?? now,
      graceMs: o.graceMs ?? 0,
      limits: restLimits,
    });
  return {
    google,
    sql,
    databases,
    urls,
    check,
    async reset() {
      google.admin.reset();
      fillCalendar(google);
      await Promise.all([...clients].map(([service, client]) => client.query(restore.get(service) ?? '')));
    },
    violations: async (invariant, o) =>
      (await check(o)).find(finding => finding.invariant === invariant)?.violations ?? [],
    async close() {
      await close();
      await Promise.all([...clients.values()].map(client => client.end()));
      await google.close();
      await Promise.all(made.map(database => database.drop()));
    },
  };
}

/** Copies all rows aside; returns the SQL that brings them back. */
async function saveRows(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`,
  );
  const names = rows.map(row => row.name);
  await client.query(
    `CREATE SCHEMA saved; ${names.map(name => `CREATE TABLE saved.${name} AS TABLE ${name};`).join('')}`,
  );
  // Without triggers, foreign keys do not ask for an order.
  return `SET session_replication_role = replica; TRUNCATE ${names.join(', ')};
    ${names.map(name => `INSERT INTO ${name} TABLE saved.${name};`).join('')} RESET session_replication_role`;
}

function fillCalendar({ admin }: GoogleEmulator): void {
  admin.createAccount({ email: owner });
  admin.createCalendar({ owner, id: calendarId, summary: 'Lodge' });
  for (const { number, chalet, start, end, source, status } of stays) {
    if (chalet === hut || status === 'cancelled') continue;
    const external = { id: eventId(number), summary: 'Famille Tremblay', start: { date: start }, end: { date: end } };
    admin.createEvent(calendarId, source === 'google' ? external : mirrorEvent(number, { start, end, status }));
  }
}

async function addChalets(sql: World['sql']): Promise<void> {
  await sql(
    'booking',
    `INSERT INTO establishments (id, name, timezone, currency, locale, cancellation_policy, version, created_at, updated_at)
     VALUES ($1, 'Monde Sauvage', 'America/Toronto', 'CAD', 'fr-CA', 'moderate', 2, $2, $2)`,
    [establishment, longAgo],
  );
  await sql(
    'calendar-sync',
    `INSERT INTO establishments (id, name, timezone, locale, version) VALUES ($1, 'Monde Sauvage', 'America/Toronto', 'fr-CA', 2)`,
    [establishment],
  );
  for (const chalet of [lodge, hut]) {
    await sql(
      'booking',
      `INSERT INTO chalets (id, establishment_id, name, description, capacity, nightly_rate, cleaning_fee, min_nights, max_nights, version, created_at, updated_at)
       VALUES ($1, $2, 'Chalet', '', 4, 10000, 0, 1, 30, 3, $3, $3)`,
      [chalet, establishment, longAgo],
    );
    await sql(
      'availability',
      `INSERT INTO chalets (id, establishment_id, capacity, min_nights, max_nights, archived, version, snapshot)
       VALUES ($1, $2, 4, 1, 30, false, 3, '{}')`,
      [chalet, establishment],
    );
    await sql(
      'calendar-sync',
      `INSERT INTO chalets (id, establishment_id, name, timezone, locale, archived, version)
       VALUES ($1, $2, 'Chalet', 'America/Toronto', 'fr-CA', false, 3)`,
      [chalet, establishment],
    );
    await sql('payment', `INSERT INTO chalets (id, name, version) VALUES ($1, 'Chalet', 3)`, [chalet]);
  }
  await sql(
    'calendar-sync',
    `INSERT INTO calendars (chalet_id, establishment_id, calendar_id, generation, next_sync_at, status)
     VALUES ($1, $2, $3, 1, '2027-05-01T12:05:00Z', 'ok')`,
    [lodge, establishment, calendarId],
  );
}

async function addStay(sql: World['sql'], stay: Stay): Promise<void> {
  const { number, chalet = lodge, start, end, source = 'website', status, price, refunded = 0 } = stay;
  const isPaid = source === 'website' && status !== 'pending';
  const paymentStatus = !isPaid ? 'unpaid' : refunded > 0 ? 'partially_refunded' : 'succeeded';
  const hasEvent = chalet === lodge && status !== 'cancelled';
  await sql(
    'booking',
    `INSERT INTO bookings (id, reference, chalet_id, establishment_id, start_date, end_date, status, source, customer_name,
       currency, price_total, hold_expires_at, google_event_id, payment_id, payment_status, amount_paid, amount_refunded,
       conflict, version, created_at, updated_at, cancel_reason, refund_percentage)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'Guest', $9, $10, $11, $12, $13, $14, $15, $16, $17, 4, $18, $18, $19, $20)`,
    [
      ...[id(number), `R${number}`, chalet, establishment, start, end, status, source],
      ...[source === 'website' ? 'CAD' : null, price, status === 'pending' ? '2027-05-01T13:00:00Z' : null],
      ...[hasEvent ? eventId(number) : null, isPaid ? payment(number) : null, paymentStatus],
      ...[isPaid ? price : 0, refunded, stay.conflict ?? false, longAgo],
      ...(status === 'cancelled' ? ['guest', 50] : [null, null]),
    ],
  );
  await sql(
    'availability',
    `INSERT INTO stays (booking_id, chalet_id, start_date, end_date, source, status, version) VALUES ($1, $2, $3, $4, $5, $6, 4)`,
    [id(number), chalet, start, end, source, status],
  );
  if (source === 'google') return addExternal(sql, stay);
  await sql(
    'calendar-sync',
    `INSERT INTO mirrors (booking_id, chalet_id, establishment_id, version, active, desired, start_date, end_date, state,
       place_calendar_id, place_event_id, updated_at)
     VALUES ($1, $2, $3, 4, $4, '{}', $5, $6, $7, $8, $9, $10)`,
    [
      ...[id(number), chalet, establishment, status !== 'cancelled', start, end],
      hasEvent ? 'synced' : status === 'cancelled' ? 'removed' : 'wanted',
      ...[hasEvent ? calendarId : null, hasEvent ? eventId(number) : null, longAgo],
    ],
  );
  await sql(
    'payment',
    `INSERT INTO bookings (id, version, status, reference, chalet_id, establishment_id, start_date, end_date, total, currency)
     VALUES ($1, 4, $2, $3, $4, $5, $6, $7, $8, 'CAD')`,
    [id(number), status, `R${number}`, chalet, establishment, start, end, price],
  );
  if (isPaid) await addPayment(sql, number, price ?? 0, refunded, paymentStatus);
}

async function addPayment(sql: World['sql'], number: number, amount: number, refunded: number, status: string) {
  await sql(
    'payment',
    `INSERT INTO payments (id, booking_id, establishment_id, attempt, status, session_status, amount, currency, expires_at,
       amount_paid, amount_refunded, created_at, updated_at)
     VALUES ($1, $2, $3, 1, $4, 'complete', $5, 'CAD', $6, $5, $7, $6, $6)`,
    [payment(number), id(number), establishment, status, amount, longAgo, refunded],
  );
  if (refunded === 0) return;
  await sql(
    'payment',
    `INSERT INTO refunds (id, payment_id, purpose, status, amount, idempotency_key, created_at, updated_at)
     VALUES ($1, $2, 'cancellation', 'succeeded', $3, $4, $5, $5)`,
    [refund(number), payment(number), refunded, `key of ${number}`, longAgo],
  );
}

async function addExternal(sql: World['sql'], { number, start, end }: Stay): Promise<void> {
  await sql(
    'booking',
    `INSERT INTO external_events (chalet_id, google_event_id, revision, booking_id, updated_at) VALUES ($1, $2, 2, $3, $4)`,
    [lodge, eventId(number), id(number), longAgo],
  );
  await sql(
    'calendar-sync',
    `INSERT INTO external_events (chalet_id, google_event_id, calendar_id, start_date, end_date, etag, status, revision)
     VALUES ($1, $2, $3, $4, $5, 'etag', 'active', 2)`,
    [lodge, eventId(number), calendarId, start, end],
  );
}

/** As the mirror of a booking of this world looks. */
export function mirrorEvent(number: number, o: { start: string; end: string; status: string }, as = eventId(number)) {
  return {
    id: as,
    summary: `${o.status === 'confirmed' ? '[CONFIRMED] ' : ''}Chalet - Guest`,
    start: { date: o.start },
    end: { date: o.end },
    extendedProperties: { private: { booking_id: id(number), source: 'website' } },
  };
}
