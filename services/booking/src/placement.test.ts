import { describe, expect, it } from '@jest/globals';
import type { NewBooking } from '@monde-sauvage/contracts';
import { chaletOf, ids } from '../test/builders.ts';
import { type OfferedChalet, placeBooking } from './placement.ts';

const noon = new Date('2027-01-10T17:00:00.000Z');
const wishOf = (fields: Partial<NewBooking> = {}): NewBooking => ({
  chaletId: ids.chalet,
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  customer: { name: 'John Doe', email: 'john.doe@example.com' },
  ...fields,
});
const place = (wish: Partial<NewBooking>, chalet: Partial<OfferedChalet> = {}, at = noon) =>
  placeBooking(wishOf(wish), chaletOf(chalet), {
    at,
    holdMinutes: 30,
    id: ids.booking,
    reference: 'MS-7K3QXD',
    manageTokenHash: 'hash',
  });
const winter: OfferedChalet['seasons'][number] = {
  name: 'Winter',
  startDate: '2027-02-01',
  endDate: '2027-03-01',
  nightlyRate: 31_000,
  weekendRate: null,
  minNights: null,
  maxNights: null,
};
const problemsOf = (result: ReturnType<typeof place>) =>
  result.ok ? [] : (result.refusal.errors ?? []).map(error => error.path);

describe('placing a booking', () => {
  it('makes a pending booking that holds its nights, with price and policy frozen', () => {
    const placed = place({});
    expect(placed).toMatchObject({
      ok: true,
      value: {
        event: 'created',
        booking: {
          status: 'pending',
          holdExpiresAt: '2027-01-10T17:30:00.000Z',
          price: { total: 45_000, currency: 'CAD' },
          policy: { name: 'moderate' },
          refundPercentage: null,
        },
        history: { version: 1, by: 'guest', action: 'placed' },
      },
    });
  });

  it('confirms a stay that costs nothing at once: there is no payment to wait for', () => {
    const placed = place({}, { nightlyRate: 0, cleaningFee: 0 });
    expect(placed).toMatchObject({
      ok: true,
      value: {
        event: 'created',
        booking: { status: 'confirmed', confirmedAt: noon.toISOString(), holdExpiresAt: null, price: { total: 0 } },
      },
    });
  });

  it('freezes what the owner set: seasons, taxes, deposit, terms and policy', () => {
    const policy = { name: 'custom' as const, tiers: [{ daysBefore: 3, percentage: 80 }] };
    const placed = place(
      { guests: 3 },
      {
        locale: 'en',
        policy,
        seasons: [{ ...winter, startDate: '2027-02-11', endDate: '2027-03-01' }],
        includedGuests: 2,
        extraGuestFee: 1_000,
        taxes: [{ name: 'GST', rateMillionths: 50_000, appliesTo: ['nights', 'cleaning', 'extra_guests'] }],
        deposit: { percentage: 50, balanceDaysBefore: 10, reminderDays: 5, unpaidBalance: 'cancel', graceDays: 2 },
      },
    );
    expect(placed).toMatchObject({
      value: {
        booking: {
          price: {
            total: 60_900,
            lines: [
              { label: '1 night', amount: 20_000 },
              { label: '1 night, Winter', amount: 31_000 },
              { label: '1 extra guest, 2 nights', amount: 2_000 },
              { label: 'Cleaning fee', amount: 5_000 },
              { label: 'GST (5%)', amount: 2_900 },
            ],
            schedule: [
              { purpose: 'deposit', amount: 30_450, dueDate: null },
              { purpose: 'balance', amount: 30_450, dueDate: '2027-01-31' },
            ],
          },
          policy,
          balanceTerms: { reminderDays: 5, unpaidBalance: 'cancel', graceDays: 2 },
          payment: { amountDue: 60_900, balanceStatus: 'due', balanceDueDate: '2027-01-31' },
        },
      },
    });
  });

  it('has no terms about a balance where all is paid at once', () => {
    const deposit = { percentage: 50, balanceDaysBefore: 60, reminderDays: 5, graceDays: 2 };
    const placed = place({}, { deposit: { ...deposit, unpaidBalance: 'cancel' } });
    expect(placed).toMatchObject({
      value: { booking: { price: { schedule: [{ purpose: 'full' }] }, balanceTerms: null } },
    });
  });

  it('is for as many guests as the price is for, when nobody said how many', () => {
    const guestsOf = (chalet: Partial<OfferedChalet>) => {
      const placed = place({}, chalet);
      return placed.ok ? placed.value.booking.guests : undefined;
    };
    expect(guestsOf({ includedGuests: 2, extraGuestFee: 1_000 })).toBe(2);
    expect(guestsOf({})).toBe(null);
  });

  it.each([
    ['the season of its arrival wants more nights', { seasons: [{ ...winter, minNights: 3 }] }, ['endDate']],
    ['the season of its arrival wants fewer', { seasons: [{ ...winter, minNights: 1, maxNights: 1 }] }, ['endDate']],
    [
      'only the season that it leaves in wants more',
      { seasons: [{ ...winter, startDate: '2027-02-11', minNights: 7 }] },
      [],
    ],
    ['only the chalet itself wants more', { minNights: 5, seasons: [{ ...winter, minNights: 2 }] }, []],
  ])('of two nights where %s', (_, chalet, paths) => {
    expect(problemsOf(place({}, chalet))).toEqual(paths);
  });

  it.each([
    ['leaves before it arrives', { endDate: '2027-02-09' }, {}, ['endDate']],
    ['has no night', { endDate: '2027-02-10' }, {}, ['endDate']],
    ['is shorter than the chalet allows', { endDate: '2027-02-11' }, {}, ['endDate']],
    ['is longer than the chalet allows', { endDate: '2027-03-20' }, {}, ['endDate']],
    ['lies more than three years ahead', { startDate: '2030-02-10', endDate: '2030-02-12' }, {}, ['endDate']],
    ['has more guests than beds', { guests: 5 }, {}, ['guests']],
    ['is in a chalet no longer offered', {}, { archived: true }, ['chaletId']],
    ['costs more than can be paid', {}, { nightlyRate: 60_000_000 }, ['endDate']],
    ['costs less than can be paid', {}, { nightlyRate: 24, cleaningFee: 1 }, ['endDate']],
    [
      'costs less than can be paid in its currency',
      {},
      { nightlyRate: 8_749, cleaningFee: 1, currency: 'HUF' },
      ['endDate'],
    ],
    ['began yesterday', { startDate: '2027-01-09', endDate: '2027-01-12' }, {}, ['startDate']],
  ])('refuses a stay that %s', (_, wish, chalet, paths) => {
    expect(problemsOf(place(wish, chalet))).toEqual(paths);
  });

  it('takes the least that can be paid, and as much as a million is worth little in the currency', () => {
    expect(place({}, { nightlyRate: 25, cleaningFee: 0 }).ok).toBe(true);
    expect(place({}, { nightlyRate: 60_000_000, currency: 'COP' }).ok).toBe(true);
  });

  it('asks for all at once where a deposit would be too little to be paid', () => {
    const deposit = { percentage: 1, balanceDaysBefore: 10, reminderDays: 5, graceDays: 2 };
    const placed = place({}, { currency: 'HUF', deposit: { ...deposit, unpaidBalance: 'cancel' } });
    expect(placed).toMatchObject({
      value: { booking: { price: { total: 45_000, schedule: [{ purpose: 'full', amount: 45_000 }] } } },
    });
  });

  it.each([
    ['still the 9th in Toronto', '2027-01-10T04:59:59.999Z', 'America/Toronto', true],
    ['the 10th in Toronto', '2027-01-10T05:00:00.000Z', 'America/Toronto', false],
    ['the 10th in Auckland long before', '2027-01-09T11:00:00.000Z', 'Pacific/Auckland', false],
    ['an hour earlier in summer time', '2027-07-10T04:00:00.000Z', 'America/Toronto', false],
  ])("counts today on the establishment's calendar: %s", (_, now, timezone, accepted) => {
    const day = now.startsWith('2027-07') ? '2027-07-09' : '2027-01-09';
    const placed = place({ startDate: day, endDate: `${day.slice(0, 8)}12` }, { timezone }, new Date(now));
    expect(placed.ok).toBe(accepted);
  });
});
