import { randomBytes } from 'node:crypto';
import {
  addDays,
  type BookingSnapshot,
  bookingEvents,
  bookingRequests,
  type ChaletSnapshot,
  type CivilDate,
  calendarRequests,
  dateInZone,
  type EventContract,
  type ExternalEventChange,
  establishmentEvents,
  noPayment,
  ok,
  plainRates,
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
import { createTestDatabase, eventually, silentLogger, testNats } from '@monde-sauvage/testkit';
import { headers } from 'nats';
import { z } from 'zod';
import { readConfig } from '../src/config.ts';
import { createCalendarSyncService, type Overrides, prismaDir } from '../src/service.ts';
import { startPushAddress } from './push-address.ts';

export const timezone = 'America/Toronto';
export const ownerEmail = 'owner@example.com';
export const today = (): CivilDate => dateInZone(new Date(), timezone);
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
    request(nc, contract, input);
  const gateway = await startPushAddress(ask);
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
    async restart(changed: Record<string, string> = {}, overrides: Overrides = {}) {
      await service.drain();
      service = await start(changed, overrides);
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

export interface Chalet {
  establishmentId: string;
  chaletId: string;
  calendarId: string;
  owner: { kind: 'owner'; establishmentId: string; keyId: string };
}

/** A chalet that calendar-sync knows of, of an establishment of its own. */
export async function seedChalet(system: CalendarSystem, establishmentId = newId()): Promise<Chalet> {
  const chaletId = newId();
  await announceChalet(system, { id: chaletId, establishmentId });
  await eventually(async () => {
    const { rowCount } = await system.pool.query('SELECT FROM chalets WHERE id = $1', [chaletId]);
    return rowCount === 1;
  });
  const { id: calendarId } = system.google.createCalendar({ owner: ownerEmail, summary: 'Chalet 1' });
  return { establishmentId, chaletId, calendarId, owner: { kind: 'owner', establishmentId, keyId: newId() } };
}

export async function announceChalet(
  system: CalendarSystem,
  o: { id: string; establishmentId: string; name?: string; timezone?: string; version?: number },
): Promise<void> {
  const at = new Date().toISOString();
  const chalet: ChaletSnapshot = {
    name: 'Chalet 1',
    description: '',
    capacity: 4,
    nightlyRate: 20_000,
    cleaningFee: 0,
    minNights: 1,
    maxNights: 28,
    ...plainRates,
    currency: 'CAD',
    archived: false,
    timezone,
    locale: 'fr-CA',
    whenGoogleUnreachable: 'open',
    createdAt: at,
    updatedAt: at,
    version: 1,
    ...o,
  };
  await system.publish(establishmentEvents.chaletUpdated, chalet, chalet.id);
}

/** What an owner chose about the establishment's calendars; waits until it is known. */
export async function announceSettings(
  system: CalendarSystem,
  { establishmentId }: Pick<Chalet, 'establishmentId'>,
  settings: { calendarDrift?: 'restore' | 'ask'; guestInvitations?: boolean; version?: number },
): Promise<void> {
  const at = new Date().toISOString();
  const establishment = {
    id: establishmentId,
    name: 'Monde Sauvage',
    timezone,
    currency: 'CAD',
    locale: 'fr-CA',
    cancellationPolicy: 'moderate' as const,
    createdAt: at,
    updatedAt: at,
    version: 1,
    ...settings,
  };
  await system.publish(establishmentEvents.establishmentUpdated, establishment, establishmentId);
  await eventually(async () => {
    const { rowCount } = await system.pool.query('SELECT FROM establishments WHERE id = $1 AND version = $2', [
      establishmentId,
      establishment.version,
    ]);
    return rowCount === 1;
  });
}

/** The owner goes through Google's pages, over HTTP. Returns what the callback says. */
export async function connectGoogle(
  system: CalendarSystem,
  chalet: Pick<Chalet, 'owner' | 'establishmentId'>,
  o: { account?: string; decision?: 'allow' | 'deny'; scopes?: string[] } = {},
) {
  const { establishmentId, owner: actor } = chalet;
  const { authorizationUrl } = granted(await system.ask(calendarRequests.connect, { actor, establishmentId }));
  const form = new URLSearchParams({
    request: new URL(authorizationUrl).search.slice(1),
    account: o.account ?? ownerEmail,
    decision: o.decision ?? 'allow',
  });
  for (const scope of o.scopes ?? []) form.append('scope', scope);
  const answer = await fetch(new URL('/o/oauth2/v2/auth', authorizationUrl), {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  const back = new URL(answer.headers.get('location') ?? '');
  const { state, code, error } = z
    .object({ state: z.string(), code: z.string().optional(), error: z.string().optional() })
    .parse(Object.fromEntries(back.searchParams));
  return { answer: await system.ask(calendarRequests.completeConnection, { state, code, error }), state, code };
}

export const choose = (system: CalendarSystem, chalet: Chalet, calendarId: string | null = chalet.calendarId) =>
  system.ask(calendarRequests.chooseCalendar, { actor: chalet.owner, chaletId: chalet.chaletId, calendarId });

/** A chalet whose calendar is chosen, watched, and was read since its channel is open. */
export async function seedConnectedChalet(system: CalendarSystem): Promise<Chalet> {
  const chalet = await seedChalet(system);
  granted((await connectGoogle(system, chalet)).answer);
  granted(await choose(system, chalet));
  await eventually(() => system.google.channels().some(({ calendarId }) => calendarId === chalet.calendarId), {
    describe: 'a push channel for the calendar',
  });
  await eventually(
    async () => {
      const { rowCount } = await system.pool.query(
        `SELECT FROM calendars JOIN channels USING (chalet_id, generation)
          WHERE chalet_id = $1 AND expires_at IS NOT NULL AND watch_at IS NULL
            AND next_sync_at > now() AND lease_owner IS NULL`,
        [chalet.chaletId],
      );
      return rowCount === 1;
    },
    { describe: 'a sync since the channel is open' },
  );
  return chalet;
}

/** A booking from the website. */
export function newBooking(chalet: Chalet, fields: Partial<BookingSnapshot> = {}): BookingSnapshot {
  const at = new Date().toISOString();
  return {
    id: newId(),
    reference: 'MS-7K3QXD',
    chaletId: chalet.chaletId,
    establishmentId: chalet.establishmentId,
    startDate: day(10),
    endDate: day(12),
    nights: 2,
    guests: 2,
    status: 'pending',
    source: 'website',
    customer: { name: 'John Doe', email: 'john.doe@example.com', phone: null },
    notes: 'Arriving late',
    price: { currency: 'CAD', total: 40_000, lines: [{ label: '2 nuits', amount: 40_000 }] },
    holdExpiresAt: null,
    googleEventId: null,
    payment: noPayment,
    conflict: false,
    version: 1,
    createdAt: at,
    updatedAt: at,
    cancelledAt: null,
    cancelReason: null,
    locale: 'fr-CA',
    policy: null,
    confirmedAt: null,
    refundPercentage: null,
    refundBase: null,
    balanceTerms: null,
    ...fields,
  };
}

const subjectOf = { pending: bookingEvents.bookingCreated, confirmed: bookingEvents.bookingConfirmed } as const;

/** Announces a booking's snapshot under the subject that fits it. */
export const announce = (system: CalendarSystem, booking: BookingSnapshot): Promise<void> =>
  system.publish(
    booking.status === 'cancelled' ? bookingEvents.bookingCancelled : subjectOf[booking.status],
    booking,
    booking.id,
  );

export const cancelled = (booking: BookingSnapshot): BookingSnapshot => ({
  ...booking,
  status: 'cancelled',
  version: booking.version + 1,
  cancelledAt: new Date().toISOString(),
  cancelReason: 'guest',
});

/** The events in a chalet's calendar that are not deleted. */
export const eventsOf = (system: CalendarSystem, chalet: Chalet, calendarId = chalet.calendarId) =>
  system.google.listEvents(calendarId);

/** Waits until a booking's event is in Google and booking was told so; returns the event. */
export async function mirrorOf(system: CalendarSystem, chalet: Chalet, booking: BookingSnapshot, title?: string) {
  const event = await eventually(
    () =>
      eventsOf(system, chalet).find(
        one =>
          one.extendedProperties?.private?.booking_id === booking.id && (title === undefined || one.summary === title),
      ),
    { describe: `the event of booking ${booking.id}` },
  );
  await settled(system, chalet);
  return event;
}

/** Waits until no mirror of a chalet has anything to be done. */
export async function settled(system: CalendarSystem, chalet: Chalet): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await system.pool.query<{ due: number; held: number }>(
        `SELECT (SELECT count(*)::int FROM mirrors WHERE chalet_id = $1 AND next_attempt_at IS NOT NULL) AS due,
                (SELECT count(*)::int FROM lanes WHERE chalet_id = $1 AND lease_owner IS NOT NULL) AS held`,
        [chalet.chaletId],
      );
      return rows[0]?.due === 0 && rows[0].held === 0;
    },
    { describe: 'no mirror has anything to be done' },
  );
}

export const stateOf = async (system: CalendarSystem, bookingId: string): Promise<string | undefined> => {
  const { rows } = await system.pool.query<{ state: string }>('SELECT state FROM mirrors WHERE booking_id = $1', [
    bookingId,
  ]);
  return rows[0]?.state;
};

async function collectEvents(nc: Awaited<ReturnType<typeof connectNats>>) {
  const list: { subject: string; body: Record<string, unknown> }[] = [];
  nc.subscribe('calendar.>', {
    callback: (_error, message) => {
      list.push({ subject: message.subject, body: z.record(z.string(), z.unknown()).parse(message.json()) });
    },
  });
  return { list };
}
