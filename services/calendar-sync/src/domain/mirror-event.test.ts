import { describe, expect, test } from '@jest/globals';
import {
  bookingOfEventId,
  hashOfEvent,
  isMirrorEventId,
  type MirroredBooking,
  mirrorEvent,
  mirrorEventId,
} from './mirror-event.ts';

const bookingId = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
const booking: MirroredBooking = {
  status: 'pending',
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  reference: 'MS-7K3QXD',
  guests: 2,
  notes: null,
  customerName: 'John Doe',
  customerEmail: 'john.doe@example.com',
  customerPhone: null,
};
const eventOf = (fields: Partial<MirroredBooking> = {}, version = 1) =>
  mirrorEvent({ bookingId, version, booking: { ...booking, ...fields }, chaletName: 'Chalet 1', locale: 'fr-CA' });

describe('the event of a booking', () => {
  test('is all-day with the booking’s own dates, and says in its title whether it is paid', () => {
    expect(eventOf()).toMatchObject({
      summary: 'Chalet 1 - John Doe',
      start: { date: '2027-02-10' },
      end: { date: '2027-02-12' },
      extendedProperties: { private: { booking_id: bookingId, source: 'website', version: '1' } },
    });
    expect(eventOf({ status: 'confirmed' }).summary).toBe('[CONFIRMED] Chalet 1 - John Doe');
  });

  test('never names an iCalUID, and has no guest when there is no address', () => {
    expect(eventOf()).not.toHaveProperty('iCalUID');
    expect(eventOf({ customerEmail: null }).attendees).toEqual([]);
  });

  test('is the same for two versions that show the same', () => {
    expect(hashOfEvent(eventOf({}, 2))).toBe(hashOfEvent(eventOf({}, 1)));
    expect(hashOfEvent(eventOf({ notes: 'late' }))).not.toBe(hashOfEvent(eventOf()));
  });

  test('has ids that Google accepts, the same every time and another at every step', () => {
    const ids = [0, 1, 2].map(sequence => mirrorEventId(bookingId, sequence));
    expect(ids[0]).toBe('0197a3a05c1e7c3e8b0a3f0a6f6f2d11');
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[a-v0-9]{5,1024}$/);
    for (const id of ids) expect(isMirrorEventId(bookingId, id)).toBe(true);
    expect(isMirrorEventId('0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d12', ids[1] ?? '')).toBe(false);
    expect(bookingOfEventId(ids[0] ?? '')).toBe(bookingId);
    expect(bookingOfEventId('9g8f7e6d5c4b3a2s1')).toBeUndefined();
  });
});
