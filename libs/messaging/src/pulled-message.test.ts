import { expect, test } from '@jest/globals';
import { parseAckSubject } from './pulled-message.ts';

const stored = new Date('2026-01-25T10:00:00.123Z');
const nanoseconds = `${BigInt(stored.getTime()) * 1_000_000n}`;

test('reads where a message comes from', () => {
  expect(parseAckSubject(`$JS.ACK.BOOKING.availability.3.17.25.${nanoseconds}.4`)).toEqual({
    stream: 'BOOKING',
    deliveries: 3,
    streamSequence: 17,
    storedAt: stored,
  });
});

test('reads the longer form with domain and account', () => {
  expect(parseAckSubject(`$JS.ACK.hub.ACCOUNT.BOOKING.availability.3.17.25.${nanoseconds}.4.token`)).toMatchObject({
    stream: 'BOOKING',
    deliveries: 3,
    streamSequence: 17,
  });
});

test('a status of the pull protocol comes from nowhere', () => {
  expect(parseAckSubject(undefined)).toBeUndefined();
  expect(parseAckSubject('_INBOX_booking.x')).toBeUndefined();
});
