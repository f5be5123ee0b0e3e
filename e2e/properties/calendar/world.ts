import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createBookingService } from '@monde-sauvage/booking';
import { readConfig } from '@monde-sauvage/booking/config';
import type { CrashPoint } from '@monde-sauvage/calendar-sync/crash-points';
import {
  addDays,
  type CivilDate,
  comparedFrom,
  dateInZone,
  type EventContract,
  type RequestContract,
  type Result,
} from '@monde-sauvage/contracts';
import { type GoogleAdmin, startGoogleEmulator } from '@monde-sauvage/emulators';
import { connectNats, ensureStream, publishEvent, request } from '@monde-sauvage/messaging';
import { createPool, prismaAdapter } from '@monde-sauvage/persistence';
import { newId } from '@monde-sauvage/service-kit';
import { type CrashPlan, createTestDatabase, planCrashes, silentLogger, testNats } from '@monde-sauvage/testkit';
import type pg from 'pg';
import type { z } from 'zod';
import { PrismaClient as BookingClient } from '../../../services/booking/src/generated/prisma/client.ts';
import { hashHeardCalendars } from '../../../services/booking/src/operations/resend-chalet.ts';
import { PrismaClient as CalendarClient } from '../../../services/calendar-sync/src/generated/prisma/client.ts';
import { hashToldCalendars } from '../../../services/calendar-sync/src/told-again.ts';
import { startPushAddress } from '../../../services/calendar-sync/test/push-address.ts';
import { type Fleet, startFleet } from './fleet.ts';

export const timezone = 'America/Toronto';
export const today = (): CivilDate => dateInZone(new Date(), timezone);

/** A machine that is shared answers late; that is not what is tested. */
const patientMs = 30_000;

export interface World {
  google: GoogleAdmin;
  fleet: Fleet;
  plan: CrashPlan<CrashPoint>;
  /** Of the booking service, and of calendar-sync. */
  bookings: pg.Pool;
  calendars: pg.Pool;
  ask<I extends z.ZodType, O extends z.ZodType>(
    contract: RequestContract<I, O>,
    input: z.input<I>,
    deadlineMs?: number,
  ): Promise<Result<z.output<O>>>;
  publish<S extends z.ZodType>(contract: EventContract<S>, body: z.input<S>, aggregateId: string): Promise<void>;
  /** What calendar-sync says to have told of these chalets' calendars, and what booking says to have heard: hashes by id. */
  hashCalendars(chaletIds: string[]): Promise<{ told: Map<string, string>; heard: Map<string, string> }>;
  /** Events of either stream that their consumers have not settled. */
  unsettledEvents(): Promise<number>;
  stop(): Promise<void>;
}

const prismaOf = (service: string) => fileURLToPath(new URL(`../../../services/${service}/prisma`, import.meta.url));

/**
 * The real booking service, replicas of the real calendar-sync that can be made to end abruptly, a Postgres and a NATS,
 * Google's stand-in, and what takes Google's pushes. One process, so that hundreds of lives are cheap.
 */
export async function startWorld(): Promise<World> {
  const databases = await Promise.all([
    createTestDatabase({ prismaDir: prismaOf('booking') }),
    createTestDatabase({ prismaDir: prismaOf('calendar-sync') }),
  ]);
  const [bookingDatabase, calendarDatabase] = databases;
  const nats = await testNats();
  const nc = await connectNats({ servers: nats.url, service: 'test', logger: silentLogger });
  await Promise.all([ensureStream(nc, 'PAYMENT'), ensureStream(nc, 'BOOKING'), ensureStream(nc, 'CALENDAR')]);
  const google = await startGoogleEmulator({ clientId: 'client', clientSecret: 'secret' });
  // Small enough that lists have several pages, also of calendars with little in them.
  google.admin.configure({ maxPageSize: 4 });
  const ask: World['ask'] = (contract, input, deadlineMs = patientMs) => request(nc, contract, input, { deadlineMs });
  const pushes = await startPushAddress(ask);
  const booking = await createBookingService(
    readConfig({ DATABASE_URL: bookingDatabase.databaseUrl, NATS_URL: nats.url, PORT: '0', HOST: '127.0.0.1' }),
    { logger: silentLogger },
  );
  await booking.start();
  const plan = planCrashes<CrashPoint>();
  const fleet = await startFleet({
    replicas: 2,
    databaseUrl: calendarDatabase.databaseUrl,
    natsUrl: nats.url,
    plan,
    environment: {
      PORT: '0',
      HOST: '127.0.0.1',
      PUBLIC_URL: pushes.url,
      GOOGLE_CLIENT_ID: 'client',
      GOOGLE_CLIENT_SECRET: 'secret',
      GOOGLE_API_BASE_URL: google.url,
      GOOGLE_AUTH_BASE_URL: google.url,
      GOOGLE_TOKEN_BASE_URL: google.url,
      SWEEP_INTERVAL_SECONDS: '3600',
      TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    },
  });
  const [bookings, calendars] = [patientPool(bookingDatabase.databaseUrl), patientPool(calendarDatabase.databaseUrl)];
  const clients = {
    prisma: new BookingClient({ adapter: prismaAdapter(bookings) }),
    db: new CalendarClient({ adapter: prismaAdapter(calendars) }),
  };
  const jsm = await nc.jetstreamManager();
  const unsettledOf = async (stream: string, consumer: string) => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, consumer);
    return num_pending + num_ack_pending;
  };

  return {
    google: google.admin,
    fleet,
    plan,
    bookings,
    calendars,
    ask,
    publish: (contract, body, aggregateId) =>
      publishEvent(nc, contract, body, { id: newId(), aggregateId, at: new Date(), source: 'payment' }),
    async hashCalendars(chaletIds) {
      const endingFrom = comparedFrom(new Date());
      const told = await hashToldCalendars(clients, chaletIds, endingFrom);
      return { told, heard: await hashHeardCalendars(clients, chaletIds, { endingFrom }) };
    },
    async unsettledEvents() {
      const waiting = await Promise.all([
        unsettledOf('BOOKING', 'calendar-sync'),
        unsettledOf('CALENDAR', 'booking'),
        unsettledOf('PAYMENT', 'booking'),
      ]);
      return waiting.reduce((sum, each) => sum + each, 0);
    },
    async stop() {
      await fleet.stop();
      await booking.drain();
      await google.close();
      await pushes.close();
      await nc.close();
      await Promise.all([bookings.end(), calendars.end()]);
      await nats.stop();
      await Promise.all(databases.map(database => database.drop()));
    },
  };
}

/** Of the judges, who look at many lives at once. */
function patientPool(databaseUrl: string): pg.Pool {
  const pool = createPool({ databaseUrl, applicationName: 'test', max: 12 });
  pool.options.connectionTimeoutMillis = patientMs;
  return pool;
}

/** Days from today to the second Sunday of March, when the clocks of the establishments' zone go forward. */
export function daysToSpring(): number {
  const year = Number(today().slice(0, 4));
  const springOf = (of: number): CivilDate => {
    const first = new Date(Date.UTC(of, 2, 1)).getUTCDay();
    return addDays(`${of}-03-01`, ((7 - first) % 7) + 7);
  };
  const [soon, later] = [springOf(year), springOf(year + 1)];
  const start = Date.parse(today());
  return Math.round((Date.parse(soon > addDays(today(), 20) ? soon : later) - start) / 86_400_000) - 10;
}
