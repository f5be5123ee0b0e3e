import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addDays,
  availabilityRequests,
  type BookingSnapshot,
  bookingEvents,
  bookingRequests,
  type ChaletSnapshot,
  calendarRequests,
  establishmentEvents,
  type Occupancy,
  ok,
  overlaps,
  plainRates,
} from '@monde-sauvage/contracts';
import { sampleBooking } from '@monde-sauvage/contracts/sample-booking';
import {
  closeNats,
  connectNats,
  ensureStream,
  handle,
  type NatsConnection,
  publishEvent,
  request,
  serveRequests,
} from '@monde-sauvage/messaging';
import { createMetrics, newId, type Service } from '@monde-sauvage/service-kit';
import { createTestDatabase, eventually, patience, silentLogger, testNats } from '@monde-sauvage/testkit';
import { readConfig } from '../src/config.ts';
import { createAvailabilityService } from '../src/service.ts';

const establishmentId = newId();
const now = new Date('2027-01-15T12:00:00Z');
const at = now.toISOString();

const chaletSnapshot = (over: Partial<ChaletSnapshot> = {}): ChaletSnapshot => ({
  id: newId(),
  establishmentId,
  name: 'Chalet 1',
  description: '',
  capacity: 4,
  nightlyRate: 20_000,
  cleaningFee: 5_000,
  minNights: 1,
  maxNights: 28,
  ...plainRates,
  currency: 'CAD',
  timezone: 'America/Toronto',
  locale: 'fr-CA',
  archived: false,
  whenGoogleUnreachable: 'open',
  createdAt: at,
  updatedAt: at,
  version: 1,
  ...over,
});

const bookingSnapshot = (chaletId: string, over: Partial<BookingSnapshot> = {}): BookingSnapshot =>
  sampleBooking({
    id: newId(),
    reference: 'MS-TEST01',
    chaletId,
    establishmentId,
    startDate: '2027-03-02',
    endDate: '2027-03-04',
    price: { currency: 'CAD', total: 45_000, lines: [] },
    holdExpiresAt: '2027-01-15T12:30:00.000Z',
    createdAt: at,
    locale: null,
    ...over,
  });

let nc: NatsConnection;
let service: Service;
const cleanups: (() => Promise<unknown>)[] = [];

/** What the booking service would answer; undefined while it is away. */
let truth: Occupancy[] | undefined = [];
let busy: { googleEventId: string; startDate: string; endDate: string }[] = [];
let freshness: 'fresh' | 'unreachable' = 'fresh';

beforeAll(async () => {
  const database = await createTestDatabase({ prismaDir: fileURLToPath(new URL('../prisma', import.meta.url)) });
  const nats = await testNats();
  nc = await connectNats({ servers: nats.url, service: 'booking', logger: silentLogger });
  await ensureStream(nc, 'BOOKING');
  service = await createAvailabilityService(
    readConfig({ DATABASE_URL: database.databaseUrl, NATS_URL: nats.url, PORT: '0', HOST: '127.0.0.1' }),
    { now: () => now, logger: silentLogger },
  );
  await service.start();
  const calendarSync = await serveRequests({
    nc,
    service: 'calendar-sync',
    handlers: [handle(calendarRequests.consult, async () => ok({ status: freshness, syncedAt: at, busy }))],
    logger: silentLogger,
    metrics: createMetrics('calendar-sync'),
  });
  cleanups.push(
    () => calendarSync.drain(),
    () => service.drain(),
    () => closeNats(nc),
    () => nats.stop(),
    () => database.drop(),
  );
});

afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** The booking service at its post while `test` runs. */
async function withBooking(test: () => Promise<void>): Promise<void> {
  const booking = await serveRequests({
    nc,
    service: 'booking',
    handlers: [
      handle(bookingRequests.findOverlaps, async ({ from, to }) =>
        ok({ items: (truth ?? []).filter(item => overlaps(item, { startDate: from, endDate: to })) }),
      ),
    ],
    logger: silentLogger,
    metrics: createMetrics('booking'),
  });
  try {
    await test();
  } finally {
    await booking.drain();
  }
}

const announce = (contract: (typeof bookingEvents)['bookingCreated'], booking: BookingSnapshot) =>
  publishEvent(nc, contract, booking, { id: newId(), aggregateId: booking.id, at: now, source: 'booking' });

async function announceChalet(chalet: ChaletSnapshot): Promise<void> {
  const o = { id: newId(), aggregateId: chalet.id, at: now, source: 'booking' };
  await publishEvent(nc, establishmentEvents.chaletCreated, chalet, o);
  await eventually(async () => (await search()).some(found => found.chalet.id === chalet.id));
}

/** Checks again for as long as the services that are asked first, and given little time, do not answer in it. */
const checksOut = (chaletId: string, expected: object) =>
  eventually(async () => {
    expect(await check(chaletId)).toMatchObject(expected);
    return true;
  });

async function search(range = { from: '2028-01-01', to: '2028-01-02' }) {
  const answer = await request(nc, availabilityRequests.search, { ...range, establishmentId, limit: 100 }, patience);
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value.items;
}

async function check(chaletId: string, from = '2027-03-01', to = '2027-03-05') {
  const answer = await request(nc, availabilityRequests.check, { chaletId, from, to }, patience);
  if (!answer.ok) throw new Error(answer.refusal.message);
  return answer.value;
}

describe('an availability check', () => {
  it('refuses what Google cannot be asked about where the owner chose so, and says why', async () => {
    const [open, closed] = [chaletSnapshot(), chaletSnapshot({ whenGoogleUnreachable: 'closed' })];
    for (const chalet of [open, closed]) await announceChalet(chalet);
    freshness = 'unreachable';
    await withBooking(async () => {
      await checksOut(open.id, { available: true, reasons: [] });
      await checksOut(closed.id, {
        available: false,
        conflicts: [],
        reasons: [{ code: 'calendar_unreachable', message: expect.stringContaining('cannot be consulted') }],
        sources: { google: { status: 'unreachable' } },
      });
      freshness = 'fresh';
      await checksOut(closed.id, { available: true, reasons: [] });
    });
  });

  it('asks the booking service first and says so', async () => {
    const chalet = chaletSnapshot();
    await announceChalet(chalet);
    truth = [
      {
        bookingId: newId(),
        startDate: '2027-03-02',
        endDate: '2027-03-04',
        source: 'website',
        status: 'pending',
        googleEventId: null,
      },
    ];
    await withBooking(async () => {
      await checksOut(chalet.id, {
        available: false,
        conflicts: [{ startDate: '2027-03-02', endDate: '2027-03-04', source: 'website', status: 'pending' }],
        sources: { database: { status: 'ok' }, google: { status: 'fresh', syncedAt: at } },
      });
    });
    truth = [];
  });

  it('answers from its own copy while the booking service is away, and holds that are over take no nights', async () => {
    const chalet = chaletSnapshot();
    await announceChalet(chalet);
    const over = bookingSnapshot(chalet.id, {
      holdExpiresAt: '2027-01-15T11:59:59.000Z',
      startDate: '2027-03-01',
      endDate: '2027-03-02',
    });
    await announce(bookingEvents.bookingCreated, over);
    const held = bookingSnapshot(chalet.id);
    await announce(bookingEvents.bookingCreated, held);
    const answer = await eventually(async () => {
      const seen = await check(chalet.id);
      return seen.conflicts.length > 0 ? seen : undefined;
    });
    expect(answer).toMatchObject({
      available: false,
      conflicts: [{ startDate: held.startDate, endDate: held.endDate }],
      sources: { database: { status: 'replica' } },
    });
  });

  it('counts an event that only Google knows', async () => {
    const chalet = chaletSnapshot();
    await announceChalet(chalet);
    busy = [{ googleEventId: 'only-there', startDate: '2027-03-03', endDate: '2027-03-04' }];
    await withBooking(async () => {
      await checksOut(chalet.id, { available: false, conflicts: [{ source: 'google' }] });
    });
    busy = [];
  });
});

describe('the read model', () => {
  it('keeps the newest version, whatever the order and number of deliveries', async () => {
    const chalet = chaletSnapshot();
    await announceChalet(chalet);
    const booking = bookingSnapshot(chalet.id, { status: 'confirmed', holdExpiresAt: null, version: 2 });
    const range = { from: '2027-03-02', to: '2027-03-03' };
    const isFree = async () => (await search(range)).some(found => found.chalet.id === chalet.id);

    await announce(bookingEvents.bookingConfirmed, booking);
    await eventually(async () => !(await isFree()));
    await announce(bookingEvents.bookingCancelled, {
      ...booking,
      status: 'cancelled',
      cancelReason: 'guest',
      version: 3,
    });
    await eventually(isFree);
    await announce(bookingEvents.bookingConfirmed, booking);
    await announce(bookingEvents.bookingCreated, { ...booking, status: 'pending', version: 1 });
    // Another booking after them shows that the late ones have been seen.
    const last = bookingSnapshot(chalet.id, {
      status: 'confirmed',
      holdExpiresAt: null,
      startDate: '2027-04-01',
      endDate: '2027-04-02',
    });
    await announce(bookingEvents.bookingConfirmed, last);
    await eventually(
      async () =>
        !(await search({ from: '2027-04-01', to: '2027-04-02' })).some(found => found.chalet.id === chalet.id),
    );
    expect(await isFree()).toBe(true);
  });
});

describe('a search', () => {
  it('finds free chalets with room for the guests, a page at a time, each with its quote', async () => {
    const own = newId();
    const chalets = [2, 4, 6].map(capacity => chaletSnapshot({ establishmentId: own, capacity }));
    for (const chalet of chalets) {
      await publishEvent(nc, establishmentEvents.chaletCreated, chalet, {
        id: newId(),
        aggregateId: chalet.id,
        at: now,
        source: 'booking',
      });
    }
    const ask = async (o: { guests?: number; limit: number; cursor?: string }) => {
      const answer = await request(
        nc,
        availabilityRequests.search,
        {
          from: '2027-03-01',
          to: '2027-03-03',
          establishmentId: own,
          ...o,
        },
        patience,
      );
      if (!answer.ok) throw new Error(answer.refusal.message);
      return answer.value;
    };
    await eventually(async () => (await ask({ limit: 10 })).items.length === 3);
    const first = await ask({ guests: 3, limit: 1 });
    expect(first.items.map(item => item.chalet.capacity)).toEqual([4]);
    expect(first.items[0]?.quote).toMatchObject({ nights: 2, total: 45_000 });
    const second = await ask({ guests: 3, limit: 1, cursor: first.nextCursor ?? '' });
    expect(second.items.map(item => item.chalet.capacity)).toEqual([6]);
    expect(second.nextCursor).toBeNull();
  });

  it('quotes by season and guests, and keeps to the nights that the season of the arrival wants', async () => {
    const winter = {
      name: 'Hiver',
      startDate: '2027-03-02',
      endDate: '2027-03-20',
      nightlyRate: 30_000,
      weekendRate: null,
      minNights: 3,
      maxNights: 40,
    };
    const rates = { seasons: [winter], includedGuests: 2, extraGuestFee: 1_000 };
    const chalet = chaletSnapshot({ establishmentId: newId(), minNights: 2, ...rates });
    const o = { id: newId(), aggregateId: chalet.id, at: now, source: 'booking' };
    await publishEvent(nc, establishmentEvents.chaletCreated, chalet, o);
    const find = async (from: string, nights: number, guests?: number) => {
      const range = { from, to: addDays(from, nights) };
      const asked = { ...range, limit: 10, establishmentId: chalet.establishmentId, guests };
      const [found, checked] = [
        await request(nc, availabilityRequests.search, asked, patience),
        await request(nc, availabilityRequests.check, { chaletId: chalet.id, ...range, guests }, patience),
      ];
      if (!found.ok || !checked.ok) throw new Error('refused');
      const [item] = found.value.items;
      // A search and a check agree, on what it costs too.
      expect(item !== undefined).toBe(checked.value.available);
      if (item) expect(item.quote).toEqual(checked.value.quote);
      return item?.quote.total;
    };
    await eventually(async () => {
      const ask = { from: '2027-06-01', to: '2027-06-03', limit: 1, establishmentId: chalet.establishmentId };
      const answer = await request(nc, availabilityRequests.search, ask, patience);
      return answer.ok && answer.value.items.length === 1;
    });
    truth = [];
    await withBooking(async () => {
      expect(await find('2027-03-01', 2)).toBe(20_000 + 30_000 + 5_000);
      expect(await find('2027-03-01', 1)).toBeUndefined();
      expect(await find('2027-03-02', 2)).toBeUndefined();
      expect(await find('2027-03-02', 3, 4)).toBe(3 * 30_000 + 2 * 3 * 1_000 + 5_000);
      expect(await find('2027-03-02', 3, 5)).toBeUndefined();
      expect(await find('2027-03-19', 35)).toBe(30_000 + 34 * 20_000 + 5_000);
      expect(await find('2027-03-20', 35)).toBeUndefined();
    });
  });

  it('refuses a cursor it did not give out', async () => {
    const answer = await request(
      nc,
      availabilityRequests.search,
      {
        from: '2027-03-01',
        to: '2027-03-03',
        limit: 1,
        cursor: 'x',
      },
      patience,
    );
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'validation_failed' } });
  });
});
