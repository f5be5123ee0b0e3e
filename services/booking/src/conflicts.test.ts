import { describe, expect, it } from '@jest/globals';
import { addDays, overlaps } from '@monde-sauvage/contracts';
import fc from 'fast-check';
import { bookingOf } from '../test/builders.ts';
import { advance, type BookingRecord, begin, isActive } from './booking.ts';
import { settleConflicts } from './conflicts.ts';

const at = new Date('2027-01-10T12:00:00.000Z');
const everything = { startDate: '2026-01-01', endDate: '2029-01-01' };

const stayOf = (id: string, source: BookingRecord['source'], day: number, nights: number): BookingRecord =>
  bookingOf({
    id,
    source,
    status: 'confirmed',
    holdExpiresAt: null,
    startDate: addDays('2027-02-01', day),
    endDate: addDays('2027-02-01', day + nights),
  });

describe('conflict flags', () => {
  it('turn on at both sides, in one version of what changed anyway', () => {
    const booking = stayOf('website', 'website', 0, 3);
    const recorded = begin(stayOf('external', 'google', 2, 2), {
      at,
      by: 'calendar',
      action: 'external_recorded',
      event: 'created',
    });
    const settled = settleConflicts([booking], [recorded], everything, { at });
    expect(settled).toMatchObject([
      { booking: { id: 'external', conflict: true, version: 1 }, event: 'created' },
      {
        booking: { id: 'website', conflict: true, version: 2 },
        event: 'updated',
        history: { action: 'conflict_found' },
      },
    ]);
  });

  it('are right after any change, whatever overlapped before', () => {
    const stay = fc.record({
      source: fc.constantFrom('website' as const, 'google' as const),
      day: fc.nat(15),
      nights: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(stay, { minLength: 1, maxLength: 10 }), fc.nat(), (stays, pick) => {
        const plain = stays.map((s, index) => stayOf(`${index}`, s.source, s.day, s.nights));
        const active = plain.map(booking => ({ ...booking, conflict: isContested(booking, plain) }));
        const gone = active[pick % active.length];
        if (!gone) return;
        const cancellation = advance(
          gone,
          { status: 'cancelled', cancelReason: 'owner' },
          { at, by: 'owner', action: 'cancelled', event: 'cancelled' },
        );
        const after = new Map(active.map(booking => [booking.id, booking]));
        for (const { booking } of settleConflicts(active, [cancellation], gone, { at })) after.set(booking.id, booking);
        const standing = [...after.values()].filter(isActive);
        for (const booking of after.values()) {
          expect(booking.conflict).toBe(isActive(booking) && isContested(booking, standing));
        }
      }),
    );
  });
});

const isContested = (booking: BookingRecord, among: readonly BookingRecord[]): boolean =>
  among.some(other => other.source !== booking.source && overlaps(other, booking));
