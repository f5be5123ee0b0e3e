import { describe, expect, it } from '@jest/globals';
import { depositBookingOf, knownPaymentOf, paidBookingOf } from '../test/builders.ts';
import { applyBalanceOverdue } from './balance.ts';
import type { BookingPatch } from './booking.ts';

const deposit = knownPaymentOf({ purpose: 'deposit', amountPaid: 15_000 });
const confirmed = (fields: BookingPatch = {}) =>
  depositBookingOf({ status: 'confirmed', holdExpiresAt: null, payments: [deposit], version: 2, ...fields });
const keep = { reminderDays: 7, unpaidBalance: 'keep' as const, graceDays: 3 };
const overdue = (booking: ReturnType<typeof confirmed>, cancel: boolean, at = '2027-01-31T12:00:00.000Z') =>
  applyBalanceOverdue(booking, { cancel }, { at: new Date(at), timezone: 'America/Toronto' });

describe('a balance that was not paid in time', () => {
  it('stays owed where the owner keeps such bookings', () => {
    expect(overdue(confirmed({ balanceTerms: keep }), false)).toMatchObject({
      change: {
        event: 'updated',
        booking: { status: 'confirmed', payment: { balanceStatus: 'overdue', amountDue: 30_000 } },
        history: { by: 'payment', action: 'balance_overdue' },
      },
    });
    expect(overdue(confirmed({ balanceTerms: keep, balanceOverdue: true }), false)).toEqual({ kind: 'unchanged' });
  });

  it('cancels the booking where the owner wants that, with what its policy gives back that day', () => {
    expect(overdue(confirmed(), true)).toMatchObject({
      change: {
        event: 'cancelled',
        booking: {
          status: 'cancelled',
          cancelReason: 'payment_refused',
          // Ten days ahead, with moderate: half of the deposit.
          refundPercentage: 50,
          payment: { amountPaid: 15_000, amountDue: 0, balanceStatus: 'none' },
        },
        history: { action: 'balance_unpaid', reason: 'the balance was not paid in time' },
      },
    });
  });

  it('counts the days on the calendar of the establishment', () => {
    // 04:30 UTC on 6 February is still the 5th in Toronto: five days ahead.
    expect(overdue(confirmed(), true, '2027-02-06T04:30:00.000Z')).toMatchObject({
      change: { booking: { refundPercentage: 50 } },
    });
    expect(overdue(confirmed(), true, '2027-02-06T05:30:00.000Z')).toMatchObject({
      change: { booking: { refundPercentage: 0 } },
    });
  });

  it('cancels on the day of arrival, and no more once the guest is there', () => {
    // Arrival is on the 10th; 04:30 UTC is still the day before in Toronto.
    expect(overdue(confirmed(), true, '2027-02-11T04:30:00.000Z')).toMatchObject({
      change: { booking: { status: 'cancelled', refundPercentage: 0 } },
    });
    expect(overdue(confirmed(), true, '2027-02-11T05:30:00.000Z')).toMatchObject({
      change: { booking: { status: 'confirmed', payment: { balanceStatus: 'overdue' } } },
    });
  });

  it('never cancels a booking that was made on other terms', () => {
    expect(overdue(confirmed({ balanceTerms: keep }), true)).toMatchObject({
      change: { booking: { status: 'confirmed', payment: { balanceStatus: 'overdue' } } },
    });
  });

  it.each([
    [
      'was paid meanwhile',
      confirmed({ payments: [deposit, knownPaymentOf({ paymentId: '9', purpose: 'balance', amountPaid: 30_000 })] }),
    ],
    ['never was: all was paid at once', paidBookingOf()],
    ['is of a booking that is cancelled', confirmed({ status: 'cancelled', cancelReason: 'guest' })],
  ])('changes nothing when it %s', (_, booking) => {
    expect(overdue(booking, true)).toEqual({ kind: 'unchanged' });
  });

  it('is paid late, and then no longer overdue', () => {
    const late = [deposit, knownPaymentOf({ paymentId: '9', purpose: 'balance', amountPaid: 30_000 })];
    expect(confirmed({ balanceOverdue: true, payments: late }).payment.balanceStatus).toBe('paid');
  });
});
