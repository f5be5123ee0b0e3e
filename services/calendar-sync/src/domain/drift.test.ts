import { describe, expect, test } from '@jest/globals';
import type { GoogleEvent } from './classify-event.ts';
import { findDrift, isMeant } from './drift.ts';
import { mirrorEvent, writtenPart } from './mirror-event.ts';

const bookingId = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
const event: GoogleEvent = mirrorEvent({
  bookingId,
  version: 1,
  booking: {
    status: 'pending',
    startDate: '2027-02-10',
    endDate: '2027-02-12',
    reference: 'MS-7K3QXD',
    guests: 2,
    notes: null,
    customerName: 'John Doe',
    customerEmail: 'john.doe@example.com',
    customerPhone: null,
  },
  chaletName: 'Chalet 1',
  locale: 'fr-CA',
});
const written = { summary: 'Chalet 1 - John Doe', startDate: '2027-02-10', endDate: '2027-02-12' };

describe('drift', () => {
  const driftOf = (found: GoogleEvent) => findDrift(written, found, bookingId);
  const wordsOf = (found: GoogleEvent) => driftOf(found)?.words;

  test('is that the booking’s details or its guest are gone, if Google had kept them', () => {
    const kept = writtenPart(event, event);
    const lost = (found: GoogleEvent) => findDrift(kept, found, bookingId);
    expect(lost({ ...event, description: `${event.description}<br>key under the mat` })).toBeUndefined();
    expect(lost({ ...event, description: 'key under the mat' })?.words).toBe(
      'lost the details of the booking in Google',
    );
    const others = [{ email: 'cleaner@example.com' }];
    expect(lost({ ...event, attendees: others })?.words).toBe('lost its guest in Google');
    expect(lost({ ...event, attendees: [...(event.attendees ?? []), ...others] })).toBeUndefined();
    const { description: _, attendees: __, ...bare } = event;
    expect(findDrift(writtenPart(event, bare), bare, bookingId)).toBeUndefined();
    expect(isMeant(lost(bare) ?? { kinds: ['moved'], found: null, words: '' })).toBe(false);
  });

  test('is what the owner moved, renamed, freed or deleted, not what was merely touched', () => {
    expect(driftOf(event)).toBeUndefined();
    expect(driftOf({ ...event, description: 'key under the mat', colorId: '3' })).toBeUndefined();
    expect(wordsOf({ ...event, summary: 'Jean' })).toBe('renamed in Google');
    expect(wordsOf({ ...event, end: { date: '2027-02-13' } })).toBe(
      'moved in Google from 2027-02-10 – 2027-02-12 to 2027-02-10 – 2027-02-13',
    );
    expect(wordsOf({ ...event, transparency: 'transparent' })).toContain('free');
    expect(wordsOf({ ...event, recurrence: ['RRULE:FREQ=WEEKLY'] })).toBe('made to repeat in Google');
    expect(wordsOf({ id: 'x', status: 'cancelled' })).toBe('deleted in Google');
  });

  test('says everything at once, and what the event shows now', () => {
    expect(driftOf({ ...event, summary: 'Jean', start: { date: '2027-02-09' } })).toMatchObject({
      kinds: ['moved', 'renamed'],
      found: { summary: 'Jean', startDate: '2027-02-09', endDate: '2027-02-12' },
    });
  });

  test('includes an event that lost our properties, or part of them, which nobody meant', () => {
    const { extendedProperties: _, ...bare } = event;
    const drift = driftOf(bare);
    expect(drift?.words).toContain('lost its link');
    expect(drift && isMeant(drift)).toBe(false);
    const half = driftOf({ ...bare, summary: 'Jean', extendedProperties: { private: { booking_id: bookingId } } });
    expect(half?.words).toContain('lost its link');
    expect(half && isMeant(half)).toBe(true);
  });

  test('includes an event that got times', () => {
    const timed = { start: { dateTime: '2027-02-10T15:00:00Z' }, end: { dateTime: '2027-02-12T11:00:00Z' } };
    expect(wordsOf({ ...event, ...timed })).toContain('moved in Google');
  });
});
