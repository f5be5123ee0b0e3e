import { describe, expect, test } from '@jest/globals';
import {
  findDrift,
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
    expect(isMirrorEventId(bookingId, 1, ids[1] ?? '')).toBe(true);
    expect(isMirrorEventId(bookingId, 1, ids[2] ?? '')).toBe(false);
  });
});

describe('drift', () => {
  const written = { summary: 'Chalet 1 - John Doe', startDate: '2027-02-10', endDate: '2027-02-12' };

  test('is what the owner moved, renamed, freed or deleted, not what was merely touched', () => {
    expect(findDrift(written, eventOf())).toBeUndefined();
    expect(findDrift(written, { ...eventOf(), description: 'key under the mat', colorId: '3' })).toBeUndefined();
    expect(findDrift(written, { ...eventOf(), summary: 'Jean' })).toBe('renamed in Google');
    expect(findDrift(written, { ...eventOf(), end: { date: '2027-02-13' } })).toContain('moved in Google');
    expect(findDrift(written, { ...eventOf(), transparency: 'transparent' })).toContain('free');
    expect(findDrift(written, { id: 'x', status: 'cancelled' })).toBe('deleted in Google');
  });

  test('includes an event that got times', () => {
    const timed = { start: { dateTime: '2027-02-10T15:00:00Z' }, end: { dateTime: '2027-02-12T11:00:00Z' } };
    expect(findDrift(written, { ...eventOf(), ...timed })).toContain('moved in Google');
  });
});
