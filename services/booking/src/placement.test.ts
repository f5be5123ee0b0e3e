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

  it.each([
    ['leaves before it arrives', { endDate: '2027-02-09' }, {}, ['endDate']],
    ['has no night', { endDate: '2027-02-10' }, {}, ['endDate']],
    ['is shorter than the chalet allows', { endDate: '2027-02-11' }, {}, ['endDate']],
    ['is longer than the chalet allows', { endDate: '2027-03-20' }, {}, ['endDate']],
    ['lies more than three years ahead', { startDate: '2030-02-10', endDate: '2030-02-12' }, {}, ['endDate']],
    ['has more guests than beds', { guests: 5 }, {}, ['guests']],
    ['is in a chalet no longer offered', {}, { archived: true }, ['chaletId']],
    ['costs more than can be paid', {}, { nightlyRate: 60_000_000 }, ['endDate']],
    ['began yesterday', { startDate: '2027-01-09', endDate: '2027-01-12' }, {}, ['startDate']],
  ])('refuses a stay that %s', (_, wish, chalet, paths) => {
    expect(problemsOf(place(wish, chalet))).toEqual(paths);
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
