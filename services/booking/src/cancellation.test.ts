import { describe, expect, it } from '@jest/globals';
import { type Actor, addDays, dateInZone, datesOf } from '@monde-sauvage/contracts';
import { bookingOf, ids, knownPaymentOf, paidBookingOf } from '../test/builders.ts';
import { cancelBooking, describeCancellation, refundPercentage } from './cancellation.ts';

const guest: Actor = { kind: 'guest', bookingId: ids.booking };
const owner: Actor = { kind: 'owner', establishmentId: ids.establishment, keyId: ids.payment };
const cancel = (booking: ReturnType<typeof bookingOf>, actor: Actor, at: string) =>
  cancelBooking(booking, { actor, at: new Date(at), timezone: 'America/Toronto', reason: 'grippe' });

describe('the refund of a cancellation', () => {
  const policy = bookingOf().policy ?? { name: 'custom' as const, tiers: [] };
  it.each([
    ['2027-01-27', 100],
    ['2027-01-28', 50],
    ['2027-02-05', 50],
    ['2027-02-06', 0],
    ['2027-02-11', 0],
  ])('on %s is %i percent for an arrival on 10 February', (today, percentage) => {
    expect(refundPercentage(policy, today, '2027-02-10')).toBe(percentage);
  });

  it('follows the best tier, in whatever order they stand', () => {
    const tiers = [
      { daysBefore: 5, percentage: 50 },
      { daysBefore: 30, percentage: 90 },
      { daysBefore: 0, percentage: 10 },
    ];
    expect(refundPercentage({ name: 'custom', tiers }, '2027-01-01', '2027-02-10')).toBe(90);
    expect(refundPercentage({ name: 'custom', tiers: [] }, '2027-01-01', '2027-02-10')).toBe(0);
  });
});

describe('the days before an arrival', () => {
  const fourteen = { name: 'custom' as const, tiers: [{ daysBefore: 14, percentage: 100 }] };
  const percentageAt = (now: string, arrival: string, timezone: string) =>
    refundPercentage(fourteen, dateInZone(new Date(now), timezone), arrival);

  it.each([
    ['a leap day counts', '2028-02-16T12:00:00Z', '2028-03-01', 'UTC', 100],
    ['a leap day counts, a day later', '2028-02-17T12:00:00Z', '2028-03-01', 'UTC', 0],
    ['no leap day', '2027-02-15T12:00:00Z', '2027-03-01', 'UTC', 100],
    ['an arrival on a leap day', '2028-02-15T12:00:00Z', '2028-02-29', 'UTC', 100],
    // The night of 13 to 14 March 2027 has 23 hours in Toronto, that of 6 to 7 November 25.
    ['the last minute before summer time', '2027-03-07T04:59:00Z', '2027-03-20', 'America/Toronto', 100],
    ['the first minute of the next day', '2027-03-07T05:01:00Z', '2027-03-20', 'America/Toronto', 0],
    ['the last minute of a day in summer time', '2027-11-01T03:59:00Z', '2027-11-14', 'America/Toronto', 100],
    ['the first minute of the next, over the end of it', '2027-11-01T04:01:00Z', '2027-11-14', 'America/Toronto', 0],
    ['a new year', '2027-12-25T00:00:00Z', '2028-01-08', 'UTC', 100],
    ['where it is tomorrow already', '2027-05-01T13:00:00Z', '2027-05-15', 'Pacific/Auckland', 0],
    ['where it is still yesterday', '2027-05-02T09:00:00Z', '2027-05-15', 'Pacific/Honolulu', 100],
  ])('%s', (_, now, arrival, zone, percentage) => {
    expect(percentageAt(now, arrival, zone)).toBe(percentage);
  });
});

describe('what a guest is told about cancelling', () => {
  const told = (booking: ReturnType<typeof bookingOf>, today: string) => describeCancellation(booking, today);
  it.each([
    ['2027-01-27', { percentage: 100, amount: 45_000, until: '2027-01-27' }],
    ['2027-01-28', { percentage: 50, amount: 22_500, until: '2027-02-05' }],
    ['2027-02-06', { percentage: 0, amount: 0, until: null }],
  ])('on %s', (today, expected) => {
    expect(told(paidBookingOf(), today)).toMatchObject({ ...expected, policy: { name: 'moderate' } });
  });

  it('is what would come out of cancelling on that day', () => {
    for (const today of datesOf({ startDate: '2027-01-10', endDate: '2027-02-12' })) {
      const decision = cancel(paidBookingOf(), guest, `${today}T17:00:00.000Z`);
      const percentage = decision.kind === 'changed' ? decision.change.booking.refundPercentage : undefined;
      const terms = told(paidBookingOf(), today);
      expect(terms?.percentage).toBe(percentage);
      const { until } = terms ?? {};
      if (typeof until !== 'string') continue;
      expect(told(paidBookingOf(), until)).toEqual(terms);
      expect(told(paidBookingOf(), addDays(until, 1))?.percentage).toBeLessThan(terms?.percentage ?? 0);
    }
  });

  it('counts all payments together, and what went back already', () => {
    const payments = [
      knownPaymentOf({ amountPaid: 15_001, amountRefunded: 1_000 }),
      knownPaymentOf({ paymentId: '0197a3a0-0000-7000-8000-000000000009', amountPaid: 30_001 }),
    ];
    expect(told(paidBookingOf({ payments }), '2027-01-28')?.amount).toBe(22_501 - 1_000);
  });

  it('is that nothing was paid of a hold, and nothing of what cannot be cancelled', () => {
    expect(told(bookingOf(), '2027-02-09')).toMatchObject({ percentage: 100, amount: 0, until: null });
    expect(told(bookingOf({ status: 'cancelled', cancelReason: 'guest' }), '2027-01-10')).toBeNull();
    expect(told(bookingOf({ source: 'google', status: 'confirmed', policy: null }), '2027-01-10')).toBeNull();
  });
});

describe('cancelling', () => {
  it("follows the policy for a guest, by the establishment's calendar", () => {
    // 04:30 UTC on the 28th is still the 27th in Toronto: fourteen days ahead.
    expect(cancel(paidBookingOf(), guest, '2027-01-28T04:30:00.000Z')).toMatchObject({
      kind: 'changed',
      change: {
        event: 'cancelled',
        booking: {
          status: 'cancelled',
          cancelReason: 'guest',
          refundPercentage: 100,
          refundBase: 45_000,
          version: 3,
        },
        history: { by: 'guest', reason: 'grippe', changes: { status: { from: 'confirmed', to: 'cancelled' } } },
      },
    });
    expect(cancel(paidBookingOf(), guest, '2027-01-28T05:30:00.000Z')).toMatchObject({
      change: { booking: { refundPercentage: 50 } },
    });
  });

  it('gives everything back when the owner cancels, however late', () => {
    expect(cancel(paidBookingOf(), owner, '2027-02-10T12:00:00.000Z')).toMatchObject({
      change: { booking: { cancelReason: 'owner', refundPercentage: 100 } },
    });
  });

  it('keeps a late payment from bringing back an expired booking that somebody cancelled', () => {
    const expired = bookingOf({ status: 'cancelled', cancelReason: 'hold_expired', refundPercentage: null });
    expect(cancel(expired, guest, '2027-01-20T12:00:00.000Z')).toMatchObject({
      kind: 'changed',
      change: { event: 'cancelled', booking: { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 } },
    });
  });

  it('gives everything back when the payment is still on its way', () => {
    expect(cancel(bookingOf(), guest, '2027-02-09T12:00:00.000Z')).toMatchObject({
      change: { booking: { refundPercentage: 100 } },
    });
  });

  it('changes nothing about what is cancelled already', () => {
    const cancelled = bookingOf({ status: 'cancelled', cancelReason: 'guest', refundPercentage: 100 });
    expect(cancel(cancelled, guest, '2027-01-11T12:00:00.000Z')).toEqual({ kind: 'unchanged' });
  });

  it('leaves external bookings to Google Calendar', () => {
    const external = bookingOf({ source: 'google', status: 'confirmed' });
    expect(cancel(external, owner, '2027-01-11T12:00:00.000Z')).toMatchObject({
      kind: 'refused',
      refusal: { code: 'read_only_source' },
    });
  });
});
