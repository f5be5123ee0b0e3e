import { describe, expect, test } from '@jest/globals';
import { classifyEvent, type GoogleEvent, nightsOfEvent } from './classify-event.ts';
import { isMirrorEventId, mirrorEventId } from './mirror-event.ts';

const timezone = 'America/Toronto';
const bookingId = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
const about = {
  timezone,
  mirrorWithId: (id: string) => (id === 'current' ? bookingId : undefined),
  isOwnId: (booking: string, id: string) => isMirrorEventId(booking, id),
};
const allDay = { start: { date: '2027-02-10' }, end: { date: '2027-02-15' } };
const classify = (event: GoogleEvent) => classifyEvent({ id: 'abcde', etag: '"1"', ...event }, about);
const nights = (start: string, end: string, zone = timezone) =>
  nightsOfEvent({ start: { dateTime: start }, end: { dateTime: end } }, zone);

describe('an event in an owner’s calendar', () => {
  test('takes the nights of its dates when it lasts all day', () => {
    expect(classify({ ...allDay, summary: ' Famille\nTremblay\u0000 ' })).toEqual({
      kind: 'external',
      startDate: '2027-02-10',
      endDate: '2027-02-15',
      title: 'Famille Tremblay',
      etag: '"1"',
    });
  });

  test('takes one night when it says no end', () => {
    expect(nightsOfEvent({ start: { date: '2028-02-28' } }, timezone)).toEqual({
      startDate: '2028-02-28',
      endDate: '2028-02-29',
    });
    const moment = { dateTime: '2027-12-31T23:59:00-05:00' };
    for (const event of [{ start: moment }, { start: moment, end: moment, endTimeUnspecified: true }]) {
      expect(nightsOfEvent(event, timezone)).toEqual({ startDate: '2027-12-31', endDate: '2028-01-01' });
    }
  });

  test('shows no title when it is private, or has none', () => {
    expect(classify({ ...allDay, summary: 'Secret', visibility: 'private' })).toMatchObject({ title: null });
    expect(classify({ ...allDay, summary: 'Secret', visibility: 'confidential' })).toMatchObject({ title: null });
    expect(classify(allDay)).toMatchObject({ title: null });
  });

  test('has a title that can be kept: a long one is not cut through an emoji', () => {
    const summary = `${'x'.repeat(499)}😀 party`;
    expect(classify({ ...allDay, summary })).toMatchObject({ title: `${'x'.repeat(499)}\ufffd` });
  });

  test('takes none when it is cancelled, marked as free, declined, or has no dates', () => {
    expect(classify({ status: 'cancelled' })).toEqual({ kind: 'free', reason: 'cancelled' });
    expect(classify({ ...allDay, transparency: 'transparent' })).toEqual({ kind: 'free', reason: 'transparent' });
    const declined = [{ self: true, responseStatus: 'declined' }];
    expect(classify({ ...allDay, attendees: declined })).toEqual({ kind: 'free', reason: 'declined' });
    const others = [{ email: 'guest@example.com', responseStatus: 'declined' }];
    expect(classify({ ...allDay, attendees: others })).toMatchObject({ kind: 'external' });
    expect(classify({ start: { date: 'soon' } })).toEqual({ kind: 'free', reason: 'no dates' });
  });

  test('is a mirror by its id and our property, whatever was done to it', () => {
    const extendedProperties = { private: { booking_id: bookingId } };
    const mirror = { kind: 'mirror', bookingId };
    expect(classify({ id: 'current', status: 'cancelled' })).toEqual(mirror);
    expect(classify({ ...allDay, id: mirrorEventId(bookingId, 0), extendedProperties })).toEqual(mirror);
    expect(classify({ ...allDay, id: mirrorEventId(bookingId, 1), extendedProperties })).toEqual(mirror);
  });

  test('is part of a mirror that somebody made to repeat', () => {
    const instance = (seriesId: string) => ({ id: `${seriesId}_20270217`, recurringEventId: seriesId });
    const mirror = { kind: 'mirror', bookingId };
    const extendedProperties = { private: { booking_id: bookingId } };
    expect(classify({ ...allDay, ...instance('current'), extendedProperties })).toEqual(mirror);
    expect(classify({ ...instance('current'), status: 'cancelled' })).toEqual(mirror);
    expect(classify({ ...allDay, ...instance(mirrorEventId(bookingId, 1)), extendedProperties })).toEqual(mirror);
    expect(classify({ ...allDay, ...instance('another'), extendedProperties })).toMatchObject({ kind: 'external' });
  });

  test('is no mirror any more when it carries another booking', () => {
    const extendedProperties = { private: { booking_id: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d12' } };
    expect(classify({ ...allDay, id: 'current', extendedProperties })).toMatchObject({ kind: 'external' });
    expect(classify({ ...allDay, id: 'current' })).toEqual({ kind: 'mirror', bookingId });
  });

  test('is the owner’s own when it is a copy of a mirror made by hand', () => {
    expect(classify({ ...allDay, extendedProperties: { private: { booking_id: bookingId } } })).toMatchObject({
      kind: 'external',
    });
  });
});

describe('an event with times', () => {
  test('takes the nights between its local dates, at least one', () => {
    expect(nights('2027-02-10T15:00:00-05:00', '2027-02-15T11:00:00-05:00')).toEqual({
      startDate: '2027-02-10',
      endDate: '2027-02-15',
    });
    expect(nights('2027-02-10T09:00:00-05:00', '2027-02-10T10:00:00-05:00')).toEqual({
      startDate: '2027-02-10',
      endDate: '2027-02-11',
    });
  });

  test('is read in the establishment’s zone, not in the one it was written in', () => {
    expect(nights('2027-02-11T02:00:00Z', '2027-02-12T02:00:00Z')).toEqual({
      startDate: '2027-02-10',
      endDate: '2027-02-11',
    });
    expect(nights('2027-02-10T20:00:00Z', '2027-02-10T21:00:00Z', 'Pacific/Auckland')).toEqual({
      startDate: '2027-02-11',
      endDate: '2027-02-12',
    });
  });

  test('counts days of 23 and of 25 hours as days', () => {
    // Clocks in Toronto: forward on 2027-03-14, back on 2027-11-07.
    expect(nights('2027-03-14T04:30:00Z', '2027-03-15T03:30:00Z')).toEqual({
      startDate: '2027-03-13',
      endDate: '2027-03-14',
    });
    expect(nights('2027-11-07T04:30:00Z', '2027-11-08T04:30:00Z')).toEqual({
      startDate: '2027-11-07',
      endDate: '2027-11-08',
    });
    expect(nights('2027-03-14T00:00:00-05:00', '2027-03-15T00:00:00-04:00')).toEqual({
      startDate: '2027-03-14',
      endDate: '2027-03-15',
    });
  });

  test('may say its zone beside a local time', () => {
    const start = { dateTime: '2027-02-10T23:00:00', timeZone: 'America/Vancouver' };
    const end = { dateTime: '2027-02-11T23:30:00', timeZone: 'America/Vancouver' };
    expect(nightsOfEvent({ start, end }, timezone)).toEqual({ startDate: '2027-02-11', endDate: '2027-02-12' });
  });
});
