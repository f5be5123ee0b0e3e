import { expect, test } from '@jest/globals';
import { tell } from './compare-contracts.ts';
import { compareWithPublished, readAcceptedBreaks, readPublished, sortOut } from './published.ts';
import { describeContracts } from './snapshot.ts';

/**
 * What is released runs beside what is built now. A break is mended, or made as a new subject or route; the last resort
 * is `npm run contracts -- accept-breaking "<reason>"`. See docs/decisions/009.
 */
test('the contracts break nothing that was released', () => {
  expect(tell(compareWithPublished().breaks)).toEqual([]);
});

test('the stored copy holds events, requests and routes of every publisher', () => {
  const { nats, http } = readPublished();
  const counts = Object.entries(nats).map(([name, file]) => [name, Object.keys(file.requests).length > 0]);
  expect(Object.fromEntries(counts)).toEqual({
    availability: true,
    booking: true,
    'calendar-sync': true,
    payment: true,
  });
  expect(Object.keys(nats.booking?.events ?? {})).toContain('booking.created');
  expect(Object.keys(http.bookings?.routes ?? {})).toContain('POST /v1/bookings');
});

test('every event is in a stream that takes its subject', () => {
  const files = Object.values(describeContracts().nats);
  const streams = Object.fromEntries(files.flatMap(file => Object.entries(file.streams)));
  const stray = files
    .flatMap(file => Object.entries(file.events))
    .filter(([subject, { stream }]) => !streams[stream]?.subjects.includes(`${subject.split('.')[0]}.*`));
  expect(stray.map(([subject]) => subject)).toEqual([]);
});

test('an accepted break says why', () => {
  for (const { reason, breaks } of readAcceptedBreaks()) {
    expect(reason.length).toBeGreaterThan(10);
    expect(breaks.length).toBeGreaterThan(0);
  }
});

const removed = { of: 'booking.created', breaking: true, says: '`notes` was removed, consumers read it' };
const other = { of: 'booking.updated', breaking: true, says: '`notes` was removed, consumers read it' };
const added = { of: 'booking.created', breaking: false, says: '`color` is new and optional' };
const accepted = {
  on: '2027-01-15',
  reason: 'no consumer ever read it',
  breaks: ['booking.created: `notes` was removed, consumers read it'],
};

test('an accepted break passes, and only that one', () => {
  const { breaks, rest } = sortOut([removed, other, added], [{ ...accepted, published: false }]);
  expect(breaks).toEqual([other]);
  expect(rest).toEqual([removed, added]);
});

test('the same break after a release has to be accepted again', () => {
  expect(sortOut([removed], [{ ...accepted, published: true }]).breaks).toEqual([removed]);
});
