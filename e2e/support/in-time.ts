import path from 'node:path';
import { createdBooking, historyEntry } from '@monde-sauvage/contracts';
import { type StripeAdmin, startStripeEmulator } from '@monde-sauvage/emulators';
import { closeNats, connectNats, ensureStream } from '@monde-sauvage/messaging';
import { createTestDatabase, eventually, silentLogger, testNats } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { readConfig as readAvailabilityConfig } from '../../services/availability/src/config.ts';
import { createAvailabilityService } from '../../services/availability/src/service.ts';
import { readConfig as readBookingConfig } from '../../services/booking/src/config.ts';
import { createBookingService } from '../../services/booking/src/service.ts';
import { readConfig as readGatewayConfig } from '../../services/gateway/src/config.ts';
import { createGatewayService } from '../../services/gateway/src/service.ts';
import { readConfig as readPaymentConfig } from '../../services/payment/src/config.ts';
import { createPaymentService } from '../../services/payment/src/service.ts';
import { type Api, askAgain, createApi } from './api.ts';

const adminKey = 'admin-key-of-the-scenario';
const webhookSecret = 'whsec_of_the_scenario';
const minuteMs = 60_000;

/** All that has to do with money, in this process and by one clock that moves when a test says so; HTTP in front. */
export interface TimedPlatform {
  api: Api;
  admin: Api;
  stripe: StripeAdmin;
  now(): Date;
  travel(minutes: number): void;
  travelTo(at: string): void;
  /** Has every service do at once what it would do at its next interval. */
  nudge(): void;
  stop(): Promise<void>;
}

export async function startInTime(): Promise<TimedPlatform> {
  const nats = await testNats();
  const database = (service: string) =>
    createTestDatabase({ prismaDir: path.join(import.meta.dirname, '../../services', service, 'prisma') });
  const databases = await Promise.all(['booking', 'availability', 'payment'].map(database));
  const [DATABASE_URL = '', ofAvailability = '', ofPayment = ''] = databases.map(one => one.databaseUrl);
  const stripe = await startStripeEmulator({ webhookSecret });
  const { now } = stripe.admin.clock;
  const nc = await connectNats({ servers: nats.url, service: 'test', logger: silentLogger });
  for (const stream of ['BOOKING', 'PAYMENT', 'CALENDAR'] as const) await ensureStream(nc, stream);

  const common = { PORT: '0', HOST: '127.0.0.1', NATS_URL: nats.url };
  const by = { now, logger: silentLogger };
  const booking = await createBookingService(readBookingConfig({ ...common, DATABASE_URL }), by);
  const availability = await createAvailabilityService(
    readAvailabilityConfig({ ...common, DATABASE_URL: ofAvailability }),
    by,
  );
  const payment = await createPaymentService(
    readPaymentConfig({
      ...{ ...common, DATABASE_URL: ofPayment, STRIPE_API_BASE_URL: stripe.url, STRIPE_SECRET_KEY: 'sk_test' },
      STRIPE_WEBHOOK_SECRET: webhookSecret,
    }),
    by,
  );
  const limits = { RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_BOOKINGS_PER_MINUTE: '0' };
  const gateway = await createGatewayService(readGatewayConfig({ ...common, ...limits, ADMIN_API_KEY: adminKey }), {
    logger: silentLogger,
  });
  for (const service of [booking, availability, payment, gateway]) await service.start();
  const url = `http://127.0.0.1:${gateway.port}`;
  stripe.admin.webhooks.configure({ url: `${url}/webhooks/stripe`, retryDelaysMs: [100, 300, 1_000] });
  const api = askAgain(createApi(url));
  const travel = (minutes: number) => stripe.admin.clock.moveBy(minutes * minuteMs);
  return {
    api,
    admin: api.as(adminKey),
    stripe: stripe.admin,
    now,
    travel,
    travelTo: at => travel((Date.parse(at) - now().getTime()) / minuteMs),
    nudge() {
      booking.nudgeHolds();
      payment.reconcileNow();
      payment.announceBalancesNow();
    },
    async stop() {
      for (const service of [gateway, payment, availability, booking]) await service.drain();
      await closeNats(nc);
      await stripe.close();
      await Promise.all(databases.map(one => one.drop()));
      await nats.stop();
    },
  };
}

const identified = z.object({ id: z.string() });

/** An owner with one chalet at 200.00 a night. */
export async function openTimedLodge(platform: TimedPlatform, settings: Record<string, unknown> = {}) {
  const establishment = await platform.admin.expect(201, identified, 'POST', '/v1/establishments', {
    body: { name: 'Monde Sauvage', timezone: 'America/Toronto', currency: 'CAD', locale: 'en-CA', ...settings },
  });
  const at = `/v1/establishments/${establishment.id}`;
  const { key } = await platform.admin.expect(201, z.object({ key: z.string() }), 'POST', `${at}/keys`, {
    body: { name: 'test' },
  });
  const owner = platform.api.as(key);
  const chalet = await owner.expect(201, identified, 'POST', `${at}/chalets`, {
    body: { name: 'Chalet 1', capacity: 6, nightlyRate: 20_000 },
  });
  return { establishmentId: establishment.id, chaletId: chalet.id, owner };
}
export type TimedLodge = Awaited<ReturnType<typeof openTimedLodge>>;

export interface Stay {
  startDate: string;
  endDate: string;
}

export const stayBody = (chaletId: string, stay: Stay) => ({
  chaletId,
  ...stay,
  customer: { name: 'John Doe', email: 'john.doe@example.com' },
});

/** Books, as a guest; `guest` is the API with the manage token of the booking. */
export async function bookInTime(platform: TimedPlatform, lodge: TimedLodge, stay: Stay) {
  const body = stayBody(lodge.chaletId, stay);
  const made = await platform.api.expect(201, createdBooking, 'POST', '/v1/bookings', { body });
  return { ...made, guest: platform.api.as(made.manageToken) };
}

/** What the owner reads of a booking's history, oldest first. */
export async function historyOf(lodge: TimedLodge, bookingId: string) {
  const history = z.object({ items: z.array(historyEntry) });
  const path = `/v1/bookings/${bookingId}/history?limit=100`;
  const { items } = await lodge.owner.expect(200, history, 'GET', path);
  return items.sort((a, b) => a.at.localeCompare(b.at));
}

/** Nudges until it is so. */
export const comesTrue = <T>(platform: TimedPlatform, describe: string, look: () => Promise<T>) =>
  eventually(
    async () => {
      platform.nudge();
      return look();
    },
    { describe },
  );
