import { describe, expect, it } from '@jest/globals';
import { bookingOf, paidBookingOf } from '../test/builders.ts';
import { extendHold, releaseHold } from './hold.ts';

const over = new Date('2027-01-10T12:30:00.000Z');

describe('a hold', () => {
  it('is released at its end and not before', () => {
    expect(releaseHold(bookingOf(), { at: new Date(over.getTime() - 1) })).toEqual({ kind: 'unchanged' });
    expect(releaseHold(bookingOf(), { at: over })).toMatchObject({
      change: { event: 'cancelled', booking: { cancelReason: 'hold_expired', refundPercentage: null } },
    });
  });

  it('is not released once it is paid', () => {
    expect(releaseHold(paidBookingOf(), { at: over })).toEqual({ kind: 'unchanged' });
  });

  it('is extended to the end of Checkout and never shortened', () => {
    const until = new Date('2027-01-10T13:00:00.000Z');
    expect(extendHold(bookingOf(), { until, at: over })).toMatchObject({
      change: { booking: { holdExpiresAt: until.toISOString(), checkoutOpenUntil: until.toISOString(), version: 2 } },
    });
    const long = bookingOf({ holdExpiresAt: '2027-01-10T14:00:00.000Z' });
    expect(extendHold(long, { until, at: over })).toMatchObject({
      change: { booking: { holdExpiresAt: '2027-01-10T14:00:00.000Z', checkoutOpenUntil: until.toISOString() } },
    });
  });

  it('cannot be extended once the booking is no longer pending', () => {
    expect(extendHold(paidBookingOf(), { until: over, at: over })).toMatchObject({ refusal: { code: 'not_pending' } });
  });
});
