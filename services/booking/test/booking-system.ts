import { fileURLToPath } from 'node:url';
import {
  addDays,
  bookingRequests,
  type Chalet,
  dateInZone,
  type Establishment,
  type EventContract,
  establishmentRequests,
  type PaymentSnapshot,
  type RequestContract,
  type Result,
} from '@monde-sauvage/contracts';
import { connectNats, ensureStream, publishEvent, request } from '@monde-sauvage/messaging';
import { createPool } from '@monde-sauvage/persistence';
import { newId } from '@monde-sauvage/service-kit';
import { createTestDatabase, eventually, patience, silentLogger, testNats } from '@monde-sauvage/testkit';
import type { z } from 'zod';
import { readConfig } from '../src/config.ts';
import { type BookingService, createBookingService } from '../src/service.ts';

const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));

export const admin = { kind: 'admin' } as const;
export const timezone = 'America/Toronto';

/** A booking service of its own, on a database and a NATS server of its own, with a clock that a test may set. */
export async function startBookingSystem() {
  const database = await createTestDatabase({ prismaDir });
  const nats = await testNats();
  const config = readConfig({
    DATABASE_URL: database.databaseUrl,
    NATS_URL: nats.url,
    PORT: '0',
    HOST: '127.0.0.1',
  });
  let shiftMs = 0;
  const begunAt = Date.now();
  const clock = () => new Date(Date.now() + shiftMs);
  const start = async (): Promise<BookingService> => {
    const service = await createBookingService(config, { now: clock, logger: silentLogger });
    await service.start();
    return service;
  };
  const service = await start();
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  const nc = await connectNats({ servers: nats.url, service: 'test', logger: silentLogger });
  await ensureStream(nc, 'PAYMENT');
  await ensureStream(nc, 'CALENDAR');

  const ask = <I extends z.ZodType, O extends z.ZodType>(contract: RequestContract<I, O>, input: z.input<I>) =>
    request(nc, contract, input, patience);

  return {
    service,
    /** One more replica of the service, on the same database and NATS. */
    startReplica: start,
    pool,
    nc,
    ask,
    now: clock,
    /** The day on which the test file began, and what was travelled since: it stays the same when midnight passes. */
    today: () => dateInZone(new Date(begunAt + shiftMs), timezone),
    travel: (minutes: number) => {
      shiftMs += minutes * 60_000;
    },
    /** Says an event as its publisher would. */
    publish: <S extends z.ZodType>(contract: EventContract<S>, body: z.input<S>) =>
      publishEvent(nc, contract, body, { id: newId(), aggregateId: newId(), at: new Date(), source: 'test' }),
    async drain() {
      await nc.close();
      await pool.end();
      await service.drain();
      await nats.stop();
      await database.drop();
    },
  };
}

export type BookingSystem = Awaited<ReturnType<typeof startBookingSystem>>;

/** The value of an answer that must not be a refusal. */
export function granted<T>(answer: Result<T>): T {
  if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer.refusal)}`);
  return answer.value;
}

/** The code of an answer that must be a refusal. */
export function refusalOf(answer: Result<unknown>): string {
  if (answer.ok) throw new Error(`granted: ${JSON.stringify(answer.value)}`);
  return answer.refusal.code;
}

export async function seedChalet(
  system: BookingSystem,
  fields: Partial<z.input<typeof establishmentRequests.createChalet.input>['chalet']> = {},
): Promise<{
  establishment: Establishment;
  chalet: Chalet;
  owner: { kind: 'owner'; establishmentId: string; keyId: string };
}> {
  const establishment = granted(
    await system.ask(establishmentRequests.createEstablishment, {
      actor: admin,
      establishment: { name: 'Monde Sauvage', timezone, currency: 'CAD', locale: 'fr-CA' },
    }),
  );
  const chalet = granted(
    await system.ask(establishmentRequests.createChalet, {
      actor: admin,
      establishmentId: establishment.id,
      chalet: { name: 'Chalet 1', capacity: 4, nightlyRate: 20_000, cleaningFee: 5_000, maxNights: 365, ...fields },
    }),
  );
  return { establishment, chalet, owner: { kind: 'owner', establishmentId: establishment.id, keyId: newId() } };
}

/** A guest's wish for nights counted from today. */
export const wish = (system: BookingSystem, chaletId: string, fromDay: number, nights = 2) => ({
  chaletId,
  startDate: addDays(system.today(), fromDay),
  endDate: addDays(system.today(), fromDay + nights),
  customer: { name: 'John Doe', email: 'john.doe@example.com' },
  guests: 2,
});

export const book = (system: BookingSystem, chaletId: string, fromDay: number, nights = 2, idempotencyKey?: string) =>
  system.ask(bookingRequests.create, { booking: wish(system, chaletId, fromDay, nights), idempotencyKey });

/**
 * Books as a guest does who tries again: whoever booking has to ask first, payment or calendar-sync, may have missed its
 * deadline.
 */
export const bookInTheEnd = (system: BookingSystem, chaletId: string, fromDay: number, nights = 2, key?: string) =>
  eventually(
    async () => {
      const answer = await book(system, chaletId, fromDay, nights, key);
      return answer.ok && answer.value;
    },
    { describe: 'the nights are given' },
  );

/** A booking as other services see it. */
export const readSnapshot = async (system: BookingSystem, bookingId: string) =>
  granted(await system.ask(bookingRequests.getSnapshot, { bookingId }));

export const awaitVersion = (system: BookingSystem, bookingId: string, version: number) =>
  eventually(async () => {
    const snapshot = await readSnapshot(system, bookingId);
    return snapshot.version >= version && snapshot;
  });

/** What the audit trail of a booking says was done, oldest first. */
export const readActions = async (system: BookingSystem, bookingId: string) =>
  granted(await system.ask(bookingRequests.history, { actor: admin, bookingId, limit: 100 })).items.map(
    entry => entry.action,
  );

/** What payment says of a paid booking. */
export const paymentFor = (
  booking: { id: string; establishmentId: string },
  fields: Partial<PaymentSnapshot> = {},
): PaymentSnapshot => ({
  paymentId: newId(),
  bookingId: booking.id,
  establishmentId: booking.establishmentId,
  status: 'succeeded',
  amount: 45_000,
  amountPaid: 45_000,
  amountRefunded: 0,
  currency: 'CAD',
  stripe: { checkoutSessionId: 'cs_1', paymentIntentId: 'pi_1', chargeId: 'ch_1' },
  paidAt: new Date().toISOString(),
  reason: null,
  version: 2,
  occurredAt: new Date().toISOString(),
  ...fields,
});
