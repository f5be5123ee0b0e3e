import { createServer } from 'node:http';
import path from 'node:path';
import { establishmentRequests, paymentRequests, type RequestContract } from '@monde-sauvage/contracts';
import { startStripeEmulator } from '@monde-sauvage/emulators';
import { closeNats, connectNats, ensureStream, request } from '@monde-sauvage/messaging';
import { createPool } from '@monde-sauvage/persistence';
import { createTestDatabase, planCrashes, silentLogger, testNats } from '@monde-sauvage/testkit';
import type pg from 'pg';
import { pino } from 'pino';
import { z } from 'zod';
import { readConfig } from '../../services/booking/src/config.ts';
import { createBookingService } from '../../services/booking/src/service.ts';
import type { CrashPoint } from '../../services/payment/src/crash-points.ts';
import { startFleet } from '../../services/payment/test/fleet.ts';
import type { ReadOnlyDatabase } from '../invariants/databases.ts';
import type { Sequence } from './sequences.ts';

const prismaOf = (service: string) => path.join(import.meta.dirname, '../../services', service, 'prisma');
export const webhookSecret = 'whsec_of_the_world';
const admin = { kind: 'admin' } as const;
const bookingPatienceMs = 30_000;

export type MoneyWorld = Awaited<ReturnType<typeof createMoneyWorld>>;

/** Booking and payment with their databases, NATS between them and Stripe's stand-in; the replicas of payment can be killed at any point. */
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
    readConfig({ ...common, NATS_URL: nats.url, DATABASE_URL: bookingDatabase.databaseUrl }),
    { now, logger: listenToReleases(releasedUnasked) },
  );
  await booking.start();

  const crashes = planCrashes<CrashPoint>();
  const fleet = await startFleet({
    ...{ replicas: 2, crashes, now },
    servers: { NATS_URL: nats.url, DATABASE_URL: paymentDatabase.databaseUrl, STRIPE_API_BASE_URL: stripe.url },
    environment: { ...common, STRIPE_SECRET_KEY: 'sk_test', STRIPE_WEBHOOK_SECRET: webhookSecret },
  });

  const ask = <I extends z.ZodType, O extends z.ZodType>(contract: RequestContract<I, O>, input: z.input<I>) => {
    if (contract.subject.startsWith('svc.payment.')) return fleet.untilSomeoneEnds(request(nc, contract, input));
    // Booking is always there, and a machine that stands still for a moment is not what is tested.
    return request(nc, contract, input, { deadlineMs: bookingPatienceMs });
  };
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
    /** Sessions that were paid although their pages were never given out: Stripe's answer was lost. */
    lostPages: new Set<string>(),
    establishments,
    stripe: stripe.admin,
    booking: bookingRows,
    payment: paymentRows,
    /** Waits until others have taken the places of the replicas of payment that ended. */
    untilReplaced: fleet.whole,
    /** No call lasts for days, so whoever had one under way has ended by then: Stripe forgets keys after one. */
    async goOnBy(ms: number) {
      await fleet.whole();
      const goOn = () => stripe.admin.clock.moveBy(ms);
      if (ms < 86_400_000) goOn();
      else fleet.replace(goOn);
    },
    /** Everything that would be done at the next interval is done now. */
    async nudge() {
      booking.nudgeHolds();
      await fleet.whole();
      fleet.nudge();
    },
    async close() {
      crashes.disarm();
      await fleet.stop();
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
