import { createServer } from 'node:http';
import path from 'node:path';
import {
  type Actor,
  type BookingSnapshot,
  balanceEvents,
  bookingEvents,
  bookingRequests,
  establishmentRequests,
  ok,
  type PaymentSnapshot,
  paymentEvents,
  paymentRequests,
  type RequestContract,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { sampleBooking } from '@monde-sauvage/contracts/sample-booking';
import { startStripeEmulator } from '@monde-sauvage/emulators';
import {
  closeNats,
  connectNats,
  consumeEvents,
  ensureStream,
  handle,
  on,
  outboxRow,
  request,
  serveRequests,
  startOutboxRelay,
  UnavailableError,
} from '@monde-sauvage/messaging';
import { createPool, prismaAdapter } from '@monde-sauvage/persistence';
import { createMetrics, type Logger, newId } from '@monde-sauvage/service-kit';
import { createTestDatabase, eventually, patience, silentLogger, testNats } from '@monde-sauvage/testkit';
import type { z } from 'zod';
import { readConfig } from '../src/config.ts';
import type { CrashPoint } from '../src/crash-points.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { createPaymentService } from '../src/service.ts';
import { createStripe } from '../src/stripe-client.ts';

const prismaDir = path.join(import.meta.dirname, '../prisma');
const webhookSecret = 'whsec_of_the_test';
const mostTries = 5;

export type Stage = Awaited<ReturnType<typeof setStage>>;

/**
 * The payment service between its real neighbours' stand-ins: Stripe (the emulator), the booking service (answers
 * from `bookings` and announces what it is told to) and the gateway (hands webhooks on).
 */
export async function setStage({
  logger = silentLogger,
  passing = async () => undefined,
}: {
  logger?: Logger;
  passing?: (point: CrashPoint) => Promise<void>;
} = {}) {
  const [nats, database, bookingDatabase] = await Promise.all([
    testNats(),
    createTestDatabase({ prismaDir }),
    createTestDatabase({ prismaDir }),
  ]);
  const stripe = await startStripeEmulator({ webhookSecret });
  const metrics = createMetrics('test');
  const config = readConfig({
    PORT: '0',
    HOST: '127.0.0.1',
    NATS_URL: nats.url,
    DATABASE_URL: database.databaseUrl,
    PUBLIC_URL: 'https://monde-sauvage.test',
    STRIPE_API_BASE_URL: stripe.url,
    STRIPE_SECRET_KEY: 'sk_test',
    STRIPE_WEBHOOK_SECRET: `whsec_next, ${webhookSecret}`,
  });
  const start = async () => {
    const service = await createPaymentService(config, { now: stripe.admin.clock.now, logger, passing });
    await service.start();
    return service;
  };

  const nc = await connectNats({ servers: nats.url, service: 'booking', logger });
  await ensureStream(nc, 'BOOKING');
  const bookings = new Map<string, BookingSnapshot>();
  const endedMeanwhile = new Set<string>();
  const extendedFor: string[] = [];
  const deaf = new Set<string>();
  const booking = await serveRequests({
    nc,
    service: 'booking',
    logger,
    metrics,
    handlers: [
      handle(establishmentRequests.getEstablishment, async ({ establishmentId }) =>
        ok({
          id: establishmentId,
          name: 'Monde Sauvage',
          timezone: 'America/Toronto',
          currency: 'CAD',
          locale: 'fr-CA',
          cancellationPolicy: 'moderate',
          createdAt: '2026-01-01T00:00:00.000Z',
          updatedAt: '2026-01-01T00:00:00.000Z',
        }),
      ),
      handle(bookingRequests.getSnapshot, async ({ bookingId }) => {
        const known = bookings.get(bookingId);
        return known ? ok(known) : refuse('not_found', 'There is no such booking.');
      }),
      handle(bookingRequests.extendHold, async ({ bookingId, until, paymentId }) => {
        const known = bookings.get(bookingId);
        if (known?.status !== 'pending' || endedMeanwhile.has(bookingId))
          return refuse('not_pending', 'There is no hold to extend.');
        const changed = { ...known, holdExpiresAt: until, version: known.version + 1 };
        bookings.set(bookingId, changed);
        if (paymentId !== undefined) extendedFor.push(paymentId);
        return ok({ holdExpiresAt: until, version: changed.version });
      }),
    ],
  });
  const bookingPool = createPool({ databaseUrl: bookingDatabase.databaseUrl, applicationName: 'booking' });
  const bookingDb = new PrismaClient({ adapter: prismaAdapter(bookingPool) });
  const relay = startOutboxRelay({
    pool: bookingPool,
    nc,
    source: 'booking',
    stream: 'BOOKING',
    logger,
    metrics,
    replicas: 1,
  });

  let service = await start();
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  const db = new PrismaClient({ adapter: prismaAdapter(pool) });
  const facts: { subject: string; body: PaymentSnapshot }[] = [];
  const listener = await consumeEvents({
    nc,
    stream: 'PAYMENT',
    durable: 'test',
    pool,
    logger,
    metrics,
    handlers: Object.values(paymentEvents).map(event =>
      on(event, async body => {
        facts.push({ subject: event.subject, body });
        const known = bookings.get(body.bookingId);
        if (!known || body.bookingMoney === undefined || deaf.has(body.bookingId)) return;
        const { amountPaid, amountRefunded } = body.bookingMoney;
        bookings.set(known.id, {
          ...known,
          payment: { ...known.payment, status: body.status, amountPaid, amountRefunded },
        });
      }),
    ),
  });
  const notices: (
    | z.output<typeof balanceEvents.balanceDue.body>
    | z.output<typeof balanceEvents.balanceOverdue.body>
  )[] = [];
  const balanceListener = await consumeEvents({
    nc,
    stream: 'PAYMENT',
    durable: 'test-balances',
    pool,
    logger,
    metrics,
    handlers: [
      on(balanceEvents.balanceDue, async body => void notices.push(body)),
      on(balanceEvents.balanceOverdue, async body => void notices.push(body)),
    ],
  });
  const ask = <I extends z.ZodType, O extends z.ZodType>(contract: RequestContract<I, O>, input: z.input<I>) =>
    request(nc, contract, input, { deadlineMs: Math.max(patience.deadlineMs, contract.deadlineMs) });
  const gateway = await startGateway((rawBody, signature) =>
    request(nc, paymentRequests.receiveWebhook, { rawBody, signature }),
  );
  stripe.admin.webhooks.configure({ url: gateway.url });

  return {
    stripe: stripe.admin,
    db,
    bookings,
    /** Bookings whose hold cannot be extended any more although they were pending a moment ago. */
    endedMeanwhile,
    /** Bookings to which no event of payment comes through. */
    deaf,
    /** Ids of the payments that had a hold extended. */
    extendedFor,
    service: () => service,
    /** A pending booking of two nights for 120.00 CAD, held for another half hour. */
    book(o: Partial<BookingSnapshot> = {}): BookingSnapshot {
      const made = pendingBooking({ now: stripe.admin.clock.now(), ...o });
      bookings.set(made.id, made);
      return made;
    },
    /** The booking service announces the next version of a booking. */
    async announce(bookingId: string, changes: Partial<BookingSnapshot>): Promise<BookingSnapshot> {
      const known = bookings.get(bookingId);
      if (!known) throw new Error(`no booking ${bookingId}`);
      const next = { ...known, version: known.version + 1, ...changes };
      bookings.set(bookingId, next);
      const event = next.status === 'cancelled' ? bookingEvents.bookingCancelled : bookingEvents.bookingUpdated;
      const at = new Date();
      await bookingDb.outbox.create({ data: outboxRow(event, next, { id: newId(), aggregateId: bookingId, at }) });
      relay.nudge();
      await eventually(
        async () => ((await db.booking.findUnique({ where: { id: bookingId } }))?.version ?? 0) >= next.version,
        {
          describe: 'payment knows the booking',
        },
      );
      return next;
    },
    checkout: (bookingId: string, actor: Actor = { kind: 'guest', bookingId }) =>
      askAgain(() => ask(paymentRequests.openCheckout, { actor, bookingId })),
    /** For who expects that it is unavailable. */
    checkoutOnce: (bookingId: string) =>
      ask(paymentRequests.openCheckout, { actor: { kind: 'guest', bookingId }, bookingId }),
    /** The owner asks for what moved. */
    ledger: (establishmentId: string, o: Partial<z.input<typeof paymentRequests.listLedger.input>> = {}) =>
      askAgain(() => ask(paymentRequests.listLedger, { actor: ownerOf(establishmentId), establishmentId, ...o })),
    disputes: (establishmentId: string, o: Partial<z.input<typeof paymentRequests.listDisputes.input>> = {}) =>
      ask(paymentRequests.listDisputes, { actor: ownerOf(establishmentId), establishmentId, ...o }),
    refund: (bookingId: string, o: Partial<z.input<typeof paymentRequests.createRefund.input>> = {}) =>
      ask(paymentRequests.createRefund, { actor: { kind: 'admin' }, bookingId, refund: {}, ...o }),
    reconcile: (days = 7, who: Actor = { kind: 'admin' }) => ask(paymentRequests.reconcile, { actor: who, days }),
    reviews: (who: Actor = { kind: 'admin' }) => ask(paymentRequests.listReviews, { actor: who }),
    resolve: (id: string, note: string, who: Actor = { kind: 'admin' }) =>
      ask(paymentRequests.resolveReview, { actor: who, id, note }),
    natsUrl: nats.url,
    /** Where a replica finds everything. */
    servers: { NATS_URL: nats.url, DATABASE_URL: database.databaseUrl, STRIPE_API_BASE_URL: stripe.url },
    webhookUrl: gateway.url,
    /** Somebody with the account's key, by hand. */
    stripeClient: createStripe({ apiBaseUrl: stripe.url, secretKey: 'sk_test', metrics }),
    refunds: (bookingId: string, actor: Actor = { kind: 'admin' }) =>
      ask(paymentRequests.listRefunds, { actor, bookingId }),
    settleHold: (bookingId: string) => askAgain(() => ask(paymentRequests.settleHold, { bookingId })),
    settleHoldOnce: (bookingId: string) => ask(paymentRequests.settleHold, { bookingId }),
    receiveWebhook: (rawBody: string, signature: string) =>
      ask(paymentRequests.receiveWebhook, { rawBody: Buffer.from(rawBody).toString('base64'), signature }),
    /** A booking that its guest has paid and that booking has confirmed. */
    async bookPaid(o: Partial<BookingSnapshot> = {}) {
      const made = this.book(o);
      const opened = await this.checkout(made.id);
      if (!opened.ok) throw new Error(`no checkout: ${opened.refusal.message}`);
      const [payment] = await this.payments(made.id);
      stripe.admin.sessions.pay(String(payment?.checkoutSessionId));
      await eventually(() => this.subjectsOf(made.id).includes('payment.succeeded'), { describe: 'payment.succeeded' });
      const booking = await this.announce(made.id, { status: 'confirmed', confirmedAt: new Date().toISOString() });
      const [paid] = await this.payments(made.id);
      return { booking, bookingId: made.id, intent: String(paid?.paymentIntentId), chargeId: String(paid?.chargeId) };
    },
    /** A booking that its guest has paid, and for which another page is open that can be paid as well. */
    async bookPayableTwice() {
      const { id } = this.book();
      await this.checkout(id);
      // As if our row had been closed although the session stayed open at Stripe.
      await db.payment.updateMany({ where: { bookingId: id }, data: { status: 'expired', nextCheckAt: null } });
      await this.checkout(id);
      const [first, second] = await this.payments(id);
      stripe.admin.sessions.pay(String(first?.checkoutSessionId));
      await eventually(() => this.subjectsOf(id).includes('payment.succeeded'), { describe: 'payment.succeeded' });
      const paySecond = () => {
        stripe.admin.clock.moveBy(1_000);
        stripe.admin.sessions.pay(String(second?.checkoutSessionId));
      };
      return { id, secondId: String(second?.id), secondSession: String(second?.checkoutSessionId), paySecond };
    },
    payments: (bookingId: string) => db.payment.findMany({ where: { bookingId }, orderBy: { attempt: 'asc' } }),
    noticesOf: (bookingId: string) => notices.filter(notice => notice.bookingId === bookingId),
    factsOf: (bookingId: string) => facts.filter(fact => fact.body.bookingId === bookingId),
    subjectsOf: (bookingId: string) =>
      facts.filter(fact => fact.body.bookingId === bookingId).map(fact => fact.subject),
    /** Everything that came from Stripe has been worked on. */
    quiet: async () => {
      await stripe.admin.webhooks.quiet();
      await eventually(async () => (await db.stripeEvent.count({ where: { processedAt: null } })) === 0, {
        describe: 'all events of Stripe are processed',
      });
      await eventually(async () => (await db.outbox.count({ where: { publishedAt: null } })) === 0);
    },
    /** Takes payment's database away, or brings it back: open connections are cut, new ones refused. */
    async allowDatabase(allowed: boolean) {
      const url = new URL(database.databaseUrl);
      const name = url.pathname.slice(1);
      url.pathname = '/postgres';
      const admin = createPool({ databaseUrl: url.href, applicationName: 'test', max: 1 });
      await admin.query(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS ${allowed}`);
      if (!allowed) {
        await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      }
      await admin.end();
    },
    async stopService() {
      await service.drain();
    },
    /** Another replica beside the first; whoever starts it drains it. */
    startReplica: start,
    async startService() {
      service = await start();
    },
    async close() {
      await service.drain();
      await Promise.all([booking.drain(), listener.drain(), balanceListener.drain()]);
      await relay.drain();
      await closeNats(nc);
      await gateway.close();
      await stripe.close();
      await Promise.all([db.$disconnect(), bookingDb.$disconnect()]);
      await Promise.all([pool.end(), bookingPool.end()]);
      await Promise.all([database.drop(), bookingDatabase.drop()]);
      await nats.stop();
    },
  };
}

/** As who reads "try again shortly" does: payment may have missed the answer of one whom it asked itself. */
async function askAgain<T>(ask: () => Promise<Result<T>>): Promise<Result<T>> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries === mostTries) throw error;
    }
  }
}

export const ownerOf = (establishmentId: string): Actor => ({ kind: 'owner', establishmentId, keyId: establishmentId });

function pendingBooking({ now, ...o }: { now: Date } & Partial<BookingSnapshot>): BookingSnapshot {
  return sampleBooking({
    id: newId(),
    chaletId: newId(),
    establishmentId: newId(),
    notes: 'late arrival',
    price: {
      currency: 'CAD',
      total: 12_000,
      lines: [
        { label: '2 nuits', amount: 10_000 },
        { label: 'Frais de ménage', amount: 2_000 },
      ],
    },
    holdExpiresAt: new Date(now.getTime() + 30 * 60_000).toISOString(),
    createdAt: now.toISOString(),
    ...o,
  });
}

/** Hands webhooks on as the gateway does: raw bytes, 400 when refused, 503 when nobody answers. */
async function startGateway(
  receive: (rawBody: string, signature: string) => Promise<{ ok: boolean }>,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    // Somebody else's endpoint: it says thank you and does nothing.
    if (incoming.url?.endsWith('/elsewhere')) return void answer.writeHead(200).end();
    try {
      const signature = String(incoming.headers['stripe-signature']);
      const { ok: taken } = await receive(Buffer.concat(chunks).toString('base64'), signature);
      answer.writeHead(taken ? 200 : 400).end();
    } catch {
      answer.writeHead(503).end();
    }
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
