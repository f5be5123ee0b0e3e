import { randomBytes } from 'node:crypto';
import {
  addDays,
  bookingRequests,
  type CivilDate,
  dateInZone,
  type EventContract,
  type ExternalEventChange,
  ok,
  type RequestContract,
  type Result,
} from '@monde-sauvage/contracts';
import { startGoogleEmulator } from '@monde-sauvage/emulators';
import {
  connectNats,
  ensureStream,
  handle,
  outboxRow,
  type RequestHandler,
  request,
  serveRequests,
} from '@monde-sauvage/messaging';
import { createPool } from '@monde-sauvage/persistence';
import { createMetrics, newId } from '@monde-sauvage/service-kit';
import { createTestDatabase, patience, silentLogger, testNats } from '@monde-sauvage/testkit';
import { headers } from 'nats';
import { z } from 'zod';
import { readConfig } from '../src/config.ts';
import { createCalendarSyncService, type Overrides, prismaDir } from '../src/service.ts';
import { startPushAddress } from './push-address.ts';

export const timezone = 'America/Toronto';
export const ownerEmail = 'owner@example.com';
const begunOn = dateInZone(new Date(), timezone);
/** The day on which the test file began: it stays the same when midnight passes meanwhile. */
export const today = (): CivilDate => begunOn;
/** A date counted from today. */
export const day = (days: number): CivilDate => addDays(today(), days);

/** The calendar-sync service with everything around it: database, NATS, Google, and the gateway's push address. */
export async function startCalendarSystem(variables: Record<string, string> = {}) {
  const database = await createTestDatabase({ prismaDir });
  const natsServer = await testNats();
  const google = await startGoogleEmulator({ clientId: 'client', clientSecret: 'secret' });
  google.admin.createAccount({ email: ownerEmail });
  const nc = await connectNats({ servers: natsServer.url, service: 'test', logger: silentLogger });
  await ensureStream(nc, 'BOOKING');
  const ask = <I extends z.ZodType, O extends z.ZodType>(contract: RequestContract<I, O>, input: z.input<I>) =>
    request(nc, contract, input, patience);
  const gateway = await startPushAddress((contract, input) => request(nc, contract, input));
  const encryptionKey = randomBytes(32).toString('base64');
  const environment = {
    DATABASE_URL: database.databaseUrl,
    NATS_URL: natsServer.url,
    PORT: '0',
    HOST: '127.0.0.1',
    PUBLIC_URL: gateway.url,
    GOOGLE_CLIENT_ID: 'client',
    GOOGLE_CLIENT_SECRET: 'secret',
    GOOGLE_API_BASE_URL: google.url,
    GOOGLE_AUTH_BASE_URL: google.url,
    GOOGLE_TOKEN_BASE_URL: google.url,
    TOKEN_ENCRYPTION_KEY: encryptionKey,
    ...variables,
  };
  const start = async (changed: Record<string, string> = {}, overrides: Overrides = {}) => {
    const config = readConfig({ ...environment, ...changed });
    const service = await createCalendarSyncService(config, { logger: silentLogger, ...overrides });
    await service.start();
    return service;
  };
  let service = await start();
  const pool = createPool({ databaseUrl: database.databaseUrl, applicationName: 'test' });
  const published = await collectEvents(nc);

  return {
    google: google.admin,
    encryptionKey,
    pool,
    ask,
    /** What `/metrics` says that was counted; 0 while nothing was. */
    async counted(counter: string, outcome: string): Promise<number> {
      const text = await (await fetch(`http://127.0.0.1:${service.port()}/metrics`)).text();
      const line = text.split('\n').find(one => one.startsWith(`${counter}{outcome="${outcome}"`));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    /** Events of stream CALENDAR so far, oldest first. */
    published: published.list,
    /** Says an event as the booking service would. */
    async publish<S extends z.ZodType>(contract: EventContract<S>, body: z.input<S>, aggregateId: string) {
      const row = outboxRow(contract, body, { id: newId(), aggregateId, at: new Date() });
      const h = headers();
      h.set('ce-id', row.id);
      h.set('ce-time', row.createdAt.toISOString());
      for (const [name, value] of Object.entries(row.headers)) h.set(name, value);
      await nc.jetstream().publish(row.subject, JSON.stringify(row.body), { headers: h });
    },
    /** Answers requests to the booking service, with these handlers alone, until it is drained. */
    asBooking: (handlers: RequestHandler[]) =>
      serveRequests({ nc, service: 'booking', handlers, logger: silentLogger, metrics: createMetrics('booking') }),
    /** A second replica, or the same service once more. */
    start,
    /** How long the end of the one before took, in ms. */
    async restart(changed: Record<string, string> = {}, overrides: Overrides = {}): Promise<number> {
      const began = performance.now();
      await service.drain();
      const tookMs = performance.now() - began;
      service = await start(changed, overrides);
      return tookMs;
    },
    /** Answers as the booking service would; returns what it is given. */
    async answerAsBooking(): Promise<ExternalEventChange[]> {
      const recorded: ExternalEventChange[] = [];
      await serveRequests({
        nc,
        service: 'booking',
        handlers: [
          handle(bookingRequests.recordExternalEvents, async ({ changes }) => {
            recorded.push(...changes);
            return ok({ recorded: changes.length, known: 0 });
          }),
        ],
        logger: silentLogger,
        metrics: createMetrics('booking'),
      });
      return recorded;
    },
    async drain() {
      await service.drain();
      await google.close();
      await gateway.close();
      await nc.close();
      await pool.end();
      await natsServer.stop();
      await database.drop();
    },
  };
}

export type CalendarSystem = Awaited<ReturnType<typeof startCalendarSystem>>;

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

async function collectEvents(nc: Awaited<ReturnType<typeof connectNats>>) {
  const list: { subject: string; body: Record<string, unknown> }[] = [];
  nc.subscribe('calendar.>', {
    callback: (_error, message) => {
      list.push({ subject: message.subject, body: z.record(z.string(), z.unknown()).parse(message.json()) });
    },
  });
  return { list };
}
