import { describe, expect, it } from '@jest/globals';
import type { Actor } from '@monde-sauvage/contracts';
import { bookingOf, ids, paidBookingOf } from '../test/builders.ts';
import { cancelBooking, refundPercentage } from './cancellation.ts';

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

describe('cancelling', () => {
  it("follows the policy for a guest, by the establishment's calendar", () => {
    // 04:30 UTC on the 28th is still the 27th in Toronto: fourteen days ahead.
    expect(cancel(paidBookingOf(), guest, '2027-01-28T04:30:00.000Z')).toMatchObject({
      kind: 'changed',
      change: {
        event: 'cancelled',
        booking: { status: 'cancelled', cancelReason: 'guest', refundPercentage: 100, version: 3 },
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
