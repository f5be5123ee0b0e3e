import { describe, expect, test } from '@jest/globals';
import { classifyEvent, type GoogleEvent } from './classify-event.ts';
import { compactEvent } from './compact-event.ts';

const about = { timezone: 'America/Toronto', mirrorWithId: () => undefined, isOwnId: () => false };
const long = 'x'.repeat(8_000);
const guests = Array.from({ length: 200 }, (_, index) => ({ email: `guest${index}@example.com` }));

describe('what is kept of a listed event', () => {
  const own: GoogleEvent = {
    id: '6v2k0c9h74o3ec1o68s3eb9k6g',
    etag: '"1"',
    status: 'confirmed',
    summary: 'Famille Tremblay',
    description: long,
    start: { date: '2027-02-10' },
    end: { date: '2027-02-15' },
    attendees: guests,
  };

  test.each<[string, GoogleEvent]>([
    ['all day', {}],
    ['timed', { start: { dateTime: '2027-02-10T15:00:00-05:00' }, end: { dateTime: '2027-02-11T11:00:00-05:00' } }],
    ['declined', { attendees: [...guests, { email: 'me@example.com', self: true, responseStatus: 'declined' }] }],
    ['accepted', { attendees: [{ email: 'me@example.com', self: true, responseStatus: 'accepted' }] }],
    ['private', { visibility: 'private' }],
    ['free', { transparency: 'transparent' }],
    ['a birthday', { eventType: 'birthday' }],
    ['deleted', { status: 'cancelled' }],
    ['without a title', { summary: null }],
    ['with a very long title', { summary: `  ${long}` }],
  ])('takes the same nights as the whole event: %s', (_, fields) => {
    const event = { ...own, ...fields };
    expect(classifyEvent(compactEvent(event), about)).toEqual(classifyEvent(event, about));
  });

  test("is a few hundred characters of an owner's own event", () => {
    expect(JSON.stringify(compactEvent(own)).length).toBeLessThan(300);
  });

  test('is everything that we compare, of an event that may be a mirror or a copy of one', () => {
    const mark = { private: { booking_id: '0b7cbd9e-4f0a-4a6c-9a3f-4a7a37a9a8c1', source: 'website' } };
    const copy = { ...own, extendedProperties: mark };
    expect(compactEvent(copy)).toEqual(copy);
    const bare = { ...own, id: '0b7cbd9e4f0a4a6c9a3f4a7a37a9a8c1', updated: '2027-01-01T00:00:00Z' };
    expect(compactEvent(bare)).toEqual(bare);
  });
});
