import { createServer } from 'node:http';
import path from 'node:path';
import { establishmentRequests, paymentRequests, type RequestContract } from '@monde-sauvage/contracts';
import { startStripeEmulator } from '@monde-sauvage/emulators';
import { closeNats, connectNats, ensureStream, request } from '@monde-sauvage/messaging';
import { createPool } from '@monde-sauvage/persistence';
import { atMost } from '@monde-sauvage/service-kit';
import { createTestDatabase, cuttableLink, planCrashes, silentLogger, testNats } from '@monde-sauvage/testkit';
import type pg from 'pg';
import { pino } from 'pino';
import { z } from 'zod';
import { readConfig as readBookingConfig } from '../../services/booking/src/config.ts';
import { createBookingService } from '../../services/booking/src/service.ts';
import { readConfig as readPaymentConfig } from '../../services/payment/src/config.ts';
import type { CrashPoint } from '../../services/payment/src/crash-points.ts';
import { createPaymentService, type PaymentService } from '../../services/payment/src/service.ts';
import type { ReadOnlyDatabase } from '../invariants/databases.ts';
import type { Sequence } from './sequences.ts';

const prismaOf = (service: string) => path.join(import.meta.dirname, '../../services', service, 'prisma');
export const webhookSecret = 'whsec_of_the_world';
const admin = { kind: 'admin' } as const;

export type MoneyWorld = Awaited<ReturnType<typeof createMoneyWorld>>;

/** Booking and payment with their databases, NATS between them and Stripe's stand-in; payment can be killed at any point. */
export async function createMoneyWorld() {
  const nats = await testNats();
  const [bookingDatabase, paymentDatabase] = await Promise.all([
    createTestDatabase({ prismaDir: prismaOf('booking') }),
    createTestDatabase({ prismaDir: prismaOf('payment') }),
  ]);
  const stripe = await startStripeEmulator({ webhookSecret });
  const { now } = stripe.admin.clock;
  const nc = await connectNats({ servers: nats.url, service: 'test', logger: silentLogger });
  for (const stream of ['BOOKING', 'PAYMENT', 'CALENDAR'] as const) await ensureStream(nc, stream);
  const releasedUnasked = new Set<string>();
  const common = { PORT: '0', HOST: '127.0.0.1' };
  const booking = await createBookingService(
    readBookingConfig({ ...common, NATS_URL: nats.url, DATABASE_URL: bookingDatabase.databaseUrl }),
    { now, logger: listenToReleases(releasedUnasked) },
  );
  await booking.start();

  const crashes = planCrashes<CrashPoint>();
  const buried: Promise<unknown>[] = [];
  let closing = false;
  /** Another replica takes the place of one that ends; what it held comes back with its leases. */
  const startPayment = async (): Promise<PaymentService> => {
    const links = await Promise.all([nats.url, paymentDatabase.databaseUrl, stripe.url].map(cuttableLink));
    const cut = () => {
      for (const link of links) link.cut();
    };
    cutAlive = cut;
    const [NATS_URL, DATABASE_URL, STRIPE_API_BASE_URL] = links.map(link => link.url);
    const ending = crashes.hookFor(() => {
      cut();
      buried.push(
        atMost(
          15_000,
          service.drain().catch(() => undefined),
        ),
      );
      if (!closing) alive = startPayment();
    });
    // One that ends while it starts leaves open what it opened so far: a process would have taken that with it.
    const started = Promise.withResolvers<void>();
    const passing = (point: CrashPoint) => started.promise.then(() => ending(point));
    const config = readPaymentConfig({
      ...{ ...common, NATS_URL, DATABASE_URL, STRIPE_API_BASE_URL, STRIPE_SECRET_KEY: 'sk_test' },
      STRIPE_WEBHOOK_SECRET: webhookSecret,
    });
    const service = await createPaymentService(config, { now, logger: silentLogger, passing });
    await service.start();
    started.resolve();
    return service;
  };
  let cutAlive = () => {};
  let alive = startPayment();
  await alive;

  const ask = <I extends z.ZodType, O extends z.ZodType>(contract: RequestContract<I, O>, input: z.input<I>) =>
    // Whoever asks one that ends just then need not wait for as long as a guest would.
    request(nc, contract, input, { deadlineMs: Math.min(contract.deadlineMs, 4_000) });
  const gateway = await receiveWebhooks(async (rawBody, signature) => {
    const answer = await ask(paymentRequests.receiveWebhook, { rawBody, signature });
    return answer.ok;
  });
  stripe.admin.webhooks.configure({ url: gateway.url, retryDelaysMs: [100, 300, 1_000] });
  const pools = [bookingDatabase, paymentDatabase].map(({ databaseUrl }) =>
    createPool({ databaseUrl, applicationName: 'test', max: 8 }),
  );
  const [bookingRows, paymentRows] = pools.map(readRows);
  if (!bookingRows || !paymentRows) throw new Error('no databases');
  const establishments = await createEstablishments(ask);

  return {
    ask,
    now,
    crashes,
    /** Bookings whose hold could not be settled with payment at some time: in the end it is released all the same. */
    releasedUnasked,
    establishments,
    stripe: stripe.admin,
    booking: bookingRows,
    payment: paymentRows,
    /** Waits until a replica of payment answers that was not killed meanwhile. */
    async untilReplaced(): Promise<void> {
      await alive;
    },
    /** Everything that would be done at the next interval is done now. */
    async nudge() {
      booking.nudgeHolds();
      const service = await alive;
      service.reconcileNow();
      service.announceBalancesNow();
    },
    async close() {
      closing = true;
      crashes.disarm();
      await Promise.all(buried);
      await (await alive).drain();
      cutAlive();
      await booking.drain();
      await closeNats(nc);
      await gateway.close();
      await stripe.close();
      await Promise.all(pools.map(pool => pool.end()));
      await Promise.all([bookingDatabase.drop(), paymentDatabase.drop()]);
      await nats.stop();
    },
  };
}

/** A logger that only listens for holds about which payment could not be asked. */
const listenToReleases = (bookings: Set<string>) =>
  pino(
    { level: 'warn' },
    {
      write(line: string) {
        const entry = z.object({ msg: z.string(), bookingId: z.string() }).safeParse(JSON.parse(line));
        if (entry.data?.msg === 'payment cannot tell about a hold that is over') bookings.add(entry.data.bookingId);
      },
    },
  );

const readRows = (pool: pg.Pool): ReadOnlyDatabase => ({
  rows: async (row, sql, values = []) => z.array(row).parse((await pool.query(sql, values)).rows),
});

type Ask = <I extends z.ZodType, O extends z.ZodType>(
  contract: RequestContract<I, O>,
  input: z.input<I>,
) => Promise<{ ok: true; value: z.output<O> } | { ok: false; refusal: { message: string } }>;

/** One establishment for each kind of terms. The balance is due in 25 days for stays that begin in 45. */
async function createEstablishments(ask: Ask): Promise<Record<Sequence['terms'], string>> {
  const create = async (o: { unpaidBalance?: 'keep' | 'cancel' }) => {
    const deposit = { percentage: 33, balanceDaysBefore: 20, reminderDays: 7, graceDays: 2, ...o };
    const tiers = [
      { daysBefore: 40, percentage: 85 },
      { daysBefore: 10, percentage: 33 },
    ];
    const created = await ask(establishmentRequests.createEstablishment, {
      actor: admin,
      establishment: {
        ...{ name: 'Monde Sauvage', timezone: 'America/Toronto', currency: 'CAD', locale: 'fr-CA' },
        cancellationPolicy: { name: 'custom', tiers },
        deposit: o.unpaidBalance === undefined ? null : deposit,
      },
    });
    if (!created.ok) throw new Error(created.refusal.message);
    return created.value.id;
  };
  return {
    'at once': await create({}),
    'balance kept': await create({ unpaidBalance: 'keep' }),
    'balance cancels': await create({ unpaidBalance: 'cancel' }),
  };
}

/** Hands webhooks on as the gateway does: raw bytes, 400 when refused, 503 when nobody answers. */
async function receiveWebhooks(
  take: (rawBody: string, signature: string) => Promise<boolean>,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const signature = String(incoming.headers['stripe-signature']);
    const status = await take(Buffer.concat(chunks).toString('base64'), signature).then(
      taken => (taken ? 200 : 400),
      () => 503,
    );
    answer.writeHead(status).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/webhooks/stripe`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
