import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addDays,
  bookingRequests,
  type Chalet,
  type establishmentPatch,
  establishmentRequests,
  priceStay,
} from '@monde-sauvage/contracts';
import type { z } from 'zod';
import {
  admin,
  type BookingSystem,
  book,
  granted,
  refusalOf,
  seedChalet,
  startBookingSystem,
  wish,
} from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

const change = async (establishmentId: string, patch: z.input<typeof establishmentPatch>) =>
  granted(await system.ask(establishmentRequests.updateEstablishment, { actor: admin, establishmentId, patch }));
const chaletOf = async (chaletId: string): Promise<Chalet> =>
  granted(await system.ask(establishmentRequests.getChalet, { chaletId }));
const eventsOf = async (id: string, subject: string) => {
  const { rows } = await system.pool.query<{ body: unknown }>(
    `SELECT body FROM outbox WHERE body ->> 'id' = $1 AND subject = $2 ORDER BY id`,
    [id, subject],
  );
  return rows.map(row => row.body);
};

const taxes = [
  { name: 'TPS', rateMillionths: 50_000, appliesTo: ['nights' as const, 'cleaning' as const] },
  { name: 'TVQ', rateMillionths: 99_750, appliesTo: ['nights' as const, 'cleaning' as const] },
];
const deposit = {
  percentage: 30,
  balanceDaysBefore: 30,
  reminderDays: 7,
  unpaidBalance: 'cancel' as const,
  graceDays: 3,
};

/** A chalet with everything that makes a price, of an establishment with taxes and a deposit. */
async function seedPricedChalet() {
  const season = {
    name: 'Temps des fêtes',
    startDate: addDays(system.today(), 102),
    endDate: addDays(system.today(), 110),
    nightlyRate: 40_000,
    weekendRate: 45_000,
    minNights: 3,
    maxNights: null,
  };
  const seeded = await seedChalet(system, {
    weekendRate: 25_000,
    seasons: [season],
    includedGuests: 1,
    extraGuestFee: 1_000,
    lengthDiscounts: [{ nights: 4, percentage: 10 }],
  });
  await change(seeded.establishment.id, { taxes, deposit });
  return { ...seeded, season };
}

describe('the price of a booking', () => {
  it('is what anybody computes from the chalet, and is frozen with its schedule, terms and policy', async () => {
    const { chalet, establishment, season } = await seedPricedChalet();
    const created = granted(await book(system, chalet.id, 100, 5));
    const offered = await chaletOf(chalet.id);
    const stay = { startDate: created.startDate, endDate: created.endDate };
    expect(created.price).toEqual(priceStay(offered, stay, { guests: 2, today: system.today() }));
    const kinds = ['nights', 'discount', 'extra_guests', 'cleaning', 'tax'];
    expect(new Set(created.price?.lines.map(line => line.kind))).toEqual(new Set(kinds));
    expect(created.price?.schedule?.map(({ purpose }) => purpose)).toEqual(['deposit', 'balance']);

    await change(establishment.id, { taxes: [], deposit: null, cancellationPolicy: 'strict' });
    granted(
      await system.ask(establishmentRequests.updateChalet, {
        actor: admin,
        chaletId: chalet.id,
        patch: { nightlyRate: 1, weekendRate: null, seasons: [{ ...season, nightlyRate: 2 }], lengthDiscounts: [] },
      }),
    );
    const { manageToken, ...booking } = created;
    expect(granted(await system.ask(bookingRequests.get, { actor: admin, bookingId: booking.id }))).toMatchObject(
      booking,
    );
    const snapshot = granted(await system.ask(bookingRequests.getSnapshot, { bookingId: booking.id }));
    expect(snapshot).toMatchObject({
      policy: { name: 'moderate' },
      balanceTerms: { reminderDays: 7, unpaidBalance: 'cancel', graceDays: 3 },
    });
    const { price } = granted(await book(system, chalet.id, 120, 2));
    expect(price).toMatchObject({ total: 7_002, schedule: [{ purpose: 'full' }] });
  });

  it('keeps to the nights that the season of the arrival wants', async () => {
    const { chalet } = await seedPricedChalet();
    expect(refusalOf(await book(system, chalet.id, 102, 2))).toBe('validation_failed');
    granted(await book(system, chalet.id, 102, 3));
    granted(await book(system, chalet.id, 100, 2));
  });

  it('is for the guests it includes when nobody says how many come', async () => {
    const { chalet } = await seedPricedChalet();
    const { guests, ...stay } = wish(system, chalet.id, 50);
    const booking = granted(await system.ask(bookingRequests.create, { booking: stay }));
    expect(booking.guests).toBe(1);
    expect(booking.price?.lines.some(line => line.kind === 'extra_guests')).toBe(false);
  });

  it('that nobody can pay is refused', async () => {
    const { chalet } = await seedChalet(system, { nightlyRate: 100_000_000, weekendRate: 100_000_000 });
    expect(refusalOf(await book(system, chalet.id, 10, 365))).toBe('validation_failed');
  });
});

describe('an owner', () => {
  it('sets rates and reads them back, and those who keep copies are told', async () => {
    const { chalet, establishment, season } = await seedPricedChalet();
    const offered = await chaletOf(chalet.id);
    expect(offered).toMatchObject({ weekendRate: 25_000, seasons: [season], taxes, deposit });
    expect(await eventsOf(chalet.id, 'chalet.updated')).toEqual([expect.objectContaining({ taxes, deposit })]);
    expect(await eventsOf(establishment.id, 'establishment.updated')).toEqual([
      expect.objectContaining({ taxes, deposit, policy: expect.objectContaining({ name: 'moderate' }) }),
    ]);
    // The same again is no change.
    const again = await change(establishment.id, { taxes, deposit, cancellationPolicy: 'moderate' });
    expect(again.updatedAt).toBe(
      granted(await system.ask(establishmentRequests.getEstablishment, { establishmentId: establishment.id }))
        .updatedAt,
    );
    expect(await eventsOf(establishment.id, 'establishment.updated')).toHaveLength(1);
  });

  it('chooses tiers of the own, which count for bookings from then on, and a standard policy again', async () => {
    const { chalet, establishment } = await seedChalet(system);
    const tiers = [
      { daysBefore: 2, percentage: 20 },
      { daysBefore: 20, percentage: 90 },
    ];
    const custom = await change(establishment.id, { cancellationPolicy: { name: 'custom', tiers } });
    const sorted = { name: 'custom', tiers: tiers.toReversed() };
    expect(custom).toMatchObject({ cancellationPolicy: 'moderate', policy: sorted });
    const booking = granted(await book(system, chalet.id, 30));
    const snapshot = granted(await system.ask(bookingRequests.getSnapshot, { bookingId: booking.id }));
    expect(snapshot.policy).toEqual(sorted);
    expect(await change(establishment.id, { cancellationPolicy: 'flexible' })).toMatchObject({
      cancellationPolicy: 'flexible',
      policy: { name: 'flexible', tiers: [{ daysBefore: 1, percentage: 100 }] },
    });
  });

  it('cannot leave a season without a stay that is possible', async () => {
    const { chalet } = await seedPricedChalet();
    const shorter = await system.ask(establishmentRequests.updateChalet, {
      actor: admin,
      chaletId: chalet.id,
      patch: { maxNights: 2 },
    });
    expect(shorter).toMatchObject({
      refusal: { code: 'validation_failed', errors: [{ path: 'seasons.0.minNights' }] },
    });
  });
});

it('a replica of the version before, which knows none of this, can place and change bookings', async () => {
  const { chalet } = await seedPricedChalet();
  const booking = granted(await book(system, chalet.id, 60));
  // Its statement names none of the new columns; `save_bookings` leaves them as they are.
  await system.pool.query(
    `SELECT save_bookings(jsonb_build_array(jsonb_build_object(
       'booking', (to_jsonb(b) - '{price_schedule,balance_terms,payments,money_version,balance_overdue}'::text[])
         || jsonb_build_object('version', b.version + 1, 'status', 'confirmed', 'hold_expires_at', NULL,
              'payment_id', gen_random_uuid(), 'payment_version', 2, 'payment_status', 'succeeded', 'amount_paid', 17000),
       'history', jsonb_build_object('id', gen_random_uuid(), 'booking_id', b.id, 'version', b.version + 1, 'at', now(),
                    'by', 'payment', 'action', 'confirmed', 'changes', '{}'::jsonb),
       'event', jsonb_build_object('id', gen_random_uuid(), 'subject', 'booking.confirmed', 'body', '{}'::jsonb,
                  'headers', '{}'::jsonb, 'created_at', now())))) FROM bookings b WHERE id = $1`,
    [booking.id],
  );
  const snapshot = granted(await system.ask(bookingRequests.getSnapshot, { bookingId: booking.id }));
  expect(snapshot).toMatchObject({
    status: 'confirmed',
    price: booking.price,
    balanceTerms: { unpaidBalance: 'cancel' },
    payment: { status: 'succeeded', amountPaid: 17_000, amountDue: (booking.price?.total ?? 0) - 17_000 },
  });
});
