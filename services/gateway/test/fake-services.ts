import {
  type Actor,
  availabilityRequests,
  type Booking,
  type BookingRefund,
  bookingRequests,
  type Chalet,
  calendarRequests,
  establishmentRequests,
  type LedgerEntry,
  mayManage,
  noPayment,
  ok,
  paymentRequests,
  plainRates,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { connectNats, handle, type NatsConnection, type RequestHandler, serveRequests } from '@monde-sauvage/messaging';
import { createMetrics } from '@monde-sauvage/service-kit';
import { silentLogger } from '@monde-sauvage/testkit';

/** Ids and credentials of the world the fake services know. */
export const world = {
  establishment: '01900000-0000-7000-8000-00000000000a',
  otherEstablishment: '01900000-0000-7000-8000-00000000000b',
  chalet: '01900000-0000-7000-8000-0000000000ca',
  booking: '01900000-0000-7000-8000-0000000000ba',
  otherBooking: '01900000-0000-7000-8000-0000000000bb',
  key: '01900000-0000-7000-8000-0000000000fa',
  ownerToken: 'owner-token',
  otherOwnerToken: 'other-owner-token',
  guestToken: 'guest-token',
  otherGuestToken: 'other-guest-token',
};

const at = '2027-01-01T00:00:00.000Z';
export const chalet: Chalet = {
  id: world.chalet,
  establishmentId: world.establishment,
  name: 'Chalet 1',
  description: '',
  capacity: 4,
  nightlyRate: 10_000,
  cleaningFee: 0,
  minNights: 1,
  maxNights: 28,
  ...plainRates,
  currency: 'CAD',
  timezone: 'America/Toronto',
  locale: 'fr-CA',
  archived: false,
  createdAt: at,
  updatedAt: at,
};
export const booking: Booking = {
  id: world.booking,
  reference: 'MS-7K3QXD',
  chaletId: world.chalet,
  establishmentId: world.establishment,
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  nights: 2,
  guests: 2,
  status: 'pending',
  source: 'website',
  customer: { name: 'John Doe', email: 'john.doe@example.com', phone: null },
  notes: 'late arrival',
  price: { currency: 'CAD', total: 20_000, lines: [{ label: '2 nuits', amount: 20_000 }] },
  holdExpiresAt: at,
  googleEventId: null,
  payment: noPayment,
  conflict: false,
  version: 1,
  createdAt: at,
  updatedAt: at,
  cancelledAt: null,
  cancelReason: null,
};
const decisionOf = (id: string) => ({
  id,
  chaletId: world.chalet,
  bookingId: world.booking,
  reference: 'MS-7K3QXD',
  kinds: ['deleted' as const],
  description: 'deleted in Google',
  from: { title: 'Chalet 1 - John Doe', startDate: '2027-02-10', endDate: '2027-02-12' },
  to: null,
  since: at,
  status: 'restored' as const,
  decidedAt: at,
});
const establishment = {
  id: world.establishment,
  name: 'Monde Sauvage',
  timezone: 'America/Toronto',
  currency: 'CAD',
  locale: 'fr-CA',
  cancellationPolicy: 'moderate' as const,
  calendarDrift: 'restore' as const,
  whenGoogleUnreachable: 'open' as const,
  guestInvitations: false,
  createdAt: at,
  updatedAt: at,
};
/** A reference as somebody might choose it who wishes the owner's spreadsheet ill. */
export const ledgerEntry: LedgerEntry = {
  id: world.key,
  occurredAt: '2027-02-10T04:30:00.000Z',
  kind: 'refund',
  amount: -1_205,
  currency: 'CAD',
  bookingId: world.booking,
  bookingReference: '=HYPERLINK("https://evil.example";"MS-1")',
  paymentId: world.key,
  purpose: 'full',
  stripe: { id: 're_1', chargeId: 'ch_1', paymentIntentId: 'pi_1' },
  payment: { status: 'partially_refunded', needsReview: false, reason: null },
};
export const bookingRefund: BookingRefund = {
  id: world.key,
  bookingId: world.booking,
  purpose: 'owner',
  amount: 20_000,
  currency: 'CAD',
  status: 'requested',
  reason: null,
  failureReason: null,
  parts: [],
  createdAt: at,
  updatedAt: at,
};
const quote = { nights: 2, currency: 'CAD', total: 20_000, lines: [] };

const actors: Record<string, Actor> = {
  [world.ownerToken]: { kind: 'owner', establishmentId: world.establishment, keyId: world.key },
  [world.otherOwnerToken]: { kind: 'owner', establishmentId: world.otherEstablishment, keyId: world.key },
  [world.guestToken]: { kind: 'guest', bookingId: world.booking },
  [world.otherGuestToken]: { kind: 'guest', bookingId: world.otherBooking },
};

const hidden = refuse('not_found', 'not found');
const managed = <T>(actor: Actor, value: T): Result<T> => (mayManage(actor, world.establishment) ? ok(value) : hidden);
const seen = <T>(actor: Actor, bookingId: string, value: T): Result<T> =>
  bookingId === world.booking &&
  (mayManage(actor, world.establishment) || (actor.kind === 'guest' && actor.bookingId === bookingId))
    ? ok(value)
    : hidden;

/** What the fakes were asked, newest last, and what a test makes them say instead. */
export interface Fakes {
  nc: NatsConnection;
  asked: { subject: string; input: unknown; requestId: string; traceparent: string | undefined }[];
  current: Booking;
  override: Map<string, () => Promise<Result<unknown>>>;
  /** Puts a customer into every object of every answer, as a careless service might. */
  leaky: boolean;
  stop(service: string): Promise<void>;
  close(): Promise<void>;
}

function leak(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(leak);
  if (typeof value !== 'object' || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, leak(part)]));
  return { customer: booking.customer, notes: booking.notes, ...inner };
}

/** Stand-ins that speak the services' contracts over real NATS, with the rules of who sees what and nothing behind. */
export async function startFakeServices(natsUrl: string): Promise<Fakes> {
  const nc = await connectNats({ servers: natsUrl, service: 'fakes', logger: silentLogger });
  const state: Pick<Fakes, 'asked' | 'current' | 'override' | 'leaky'> = {
    asked: [],
    current: booking,
    override: new Map(),
    leaky: false,
  };
  const e = establishmentRequests;
  const none = { items: [], nextCursor: null };
  const handlers: RequestHandler[] = [
    handle(e.authenticate, async ({ token }) => {
      const actor = actors[token];
      return actor ? ok(actor) : refuse('unauthorized', 'unknown');
    }),
    handle(e.createEstablishment, async ({ actor }) => (actor.kind === 'admin' ? ok(establishment) : hidden)),
    handle(e.getEstablishment, async () => ok(establishment)),
    handle(e.updateEstablishment, async ({ actor }) => managed(actor, establishment)),
    handle(e.createKey, async ({ actor }) =>
      managed(actor, { id: world.key, name: 'k', key: 'secret-key', createdAt: at }),
    ),
    handle(e.listKeys, async ({ actor }) => managed(actor, none)),
    handle(e.deleteKey, async ({ actor }) => managed(actor, {})),
    handle(e.createChalet, async ({ actor }) => managed(actor, chalet)),
    handle(e.listChalets, async () => ok({ items: [chalet], nextCursor: null })),
    handle(e.getChalet, async () => ok(chalet)),
    handle(e.updateChalet, async ({ actor }) => managed(actor, chalet)),
    handle(bookingRequests.create, async () => ok({ ...state.current, manageToken: world.guestToken })),
    handle(bookingRequests.get, async ({ actor, bookingId }) => seen(actor, bookingId, state.current)),
    handle(bookingRequests.cancel, async ({ actor, bookingId }) => seen(actor, bookingId, state.current)),
    handle(bookingRequests.list, async ({ actor }) => managed(actor, { items: [state.current], nextCursor: null })),
    handle(bookingRequests.schedule, async ({ actor }) => managed(actor, { items: [state.current] })),
    handle(bookingRequests.history, async ({ actor }) => managed(actor, none)),
    handle(availabilityRequests.check, async ({ chaletId, from, to }) =>
      ok({
        chaletId,
        from,
        to,
        available: true,
        conflicts: [],
        sources: { database: { status: 'ok' }, google: { status: 'not_connected', syncedAt: null } },
        quote,
        reasons: [],
      }),
    ),
    handle(availabilityRequests.calendar, async ({ from }) =>
      ok({ items: [{ date: from, available: true }], nextCursor: null }),
    ),
    handle(availabilityRequests.search, async () => ok({ items: [{ chalet, quote }], nextCursor: null })),
    handle(calendarRequests.overview, async ({ actor, establishmentId }) =>
      managed(actor, {
        establishmentId,
        connection: { status: 'not_connected', account: null, connectedAt: null, reason: null, since: null },
        calendars: [],
      }),
    ),
    handle(calendarRequests.connect, async ({ actor }) =>
      managed(actor, { authorizationUrl: 'https://accounts.google.com/o/oauth2/v2/auth' }),
    ),
    handle(calendarRequests.completeConnection, async ({ state: given }) =>
      given === 'known'
        ? ok({ establishmentId: world.establishment, account: 'owner@example.com' })
        : refuse('validation_failed', 'This <link> was used already.'),
    ),
    handle(calendarRequests.disconnect, async ({ actor }) => managed(actor, {})),
    handle(calendarRequests.listCalendars, async ({ actor }) => managed(actor, { items: [], nextCursor: null })),
    handle(calendarRequests.listDecisions, async ({ actor }) => managed(actor, none)),
    handle(calendarRequests.decideDrift, async ({ actor, decisionId }) => managed(actor, decisionOf(decisionId))),
    handle(calendarRequests.chooseCalendar, async ({ actor, chaletId, calendarId }) =>
      managed(actor, { chaletId, calendarId }),
    ),
    handle(calendarRequests.syncCalendar, async ({ actor, chaletId }) =>
      managed(actor, { chaletId, syncedAt: at, full: false, changed: 0, removed: 0, recorded: true }),
    ),
    handle(calendarRequests.receivePush, async ({ channelToken }) => (channelToken === 'right' ? ok({}) : hidden)),
    handle(paymentRequests.openCheckout, async ({ actor, bookingId }) =>
      seen(actor, bookingId, { checkoutUrl: 'https://checkout.stripe.com/c/pay/cs_1', expiresAt: at }),
    ),
    handle(paymentRequests.listLedger, async ({ actor, cursor }) =>
      managed(actor, {
        items: [ledgerEntry],
        nextCursor: cursor === undefined ? 'more' : null,
        totals: [],
        timezone: 'America/Toronto',
      }),
    ),
    handle(paymentRequests.createRefund, async ({ actor, bookingId, refund }) =>
      actor.kind === 'guest' ? hidden : seen(actor, bookingId, { ...bookingRefund, amount: refund.amount ?? 20_000 }),
    ),
    handle(paymentRequests.listRefunds, async ({ actor, bookingId }) =>
      seen(actor, bookingId, { items: [bookingRefund], nextCursor: null }),
    ),
    handle(paymentRequests.listDisputes, async ({ actor }) => managed(actor, none)),
    handle(paymentRequests.receiveWebhook, async ({ signature }) =>
      signature === 'right' ? ok({ stored: true }) : refuse('validation_failed', 'The signature is wrong.'),
    ),
  ];
  const recorded = handlers.map(handler => ({
    ...handler,
    answer: async (input: unknown, context: Parameters<RequestHandler['answer']>[1]) => {
      state.asked.push({
        subject: handler.subject,
        input,
        requestId: context.requestId,
        traceparent: context.traceparent,
      });
      const result = await (state.override.get(handler.subject)?.() ?? handler.answer(input, context));
      return result.ok && state.leaky ? ok(leak(result.value)) : result;
    },
  }));
  const running = new Map<string, { drain(): Promise<void> }>();
  for (const [service, some] of Map.groupBy(recorded, handler => handler.subject.split('.')[1] ?? '')) {
    const metrics = createMetrics(service);
    running.set(service, await serveRequests({ nc, service, handlers: some, logger: silentLogger, metrics }));
  }
  await nc.flush();
  return Object.assign(state, {
    nc,
    stop: async (service: string) => {
      await running.get(service)?.drain();
      await nc.flush();
    },
    close: () => nc.close(),
  });
}
