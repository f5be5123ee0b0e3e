import { expect, test } from '@jest/globals';
import { readCommand } from './command.ts';

const read = (line: string) => readCommand(line.split(' ').filter(word => word !== ''));

test.each([
  ['payments reconcile', { verb: 'reconcile', days: 7 }],
  ['payments reconcile --days 90', { verb: 'reconcile', days: 90 }],
  ['payments review', { verb: 'review' }],
  ['payments resolve evt_1 --note refunded', { verb: 'resolve', id: 'evt_1', note: 'refunded' }],
  ['', { verb: 'help' }],
  ['--help', { verb: 'help' }],
  ['payments resolve -h', { verb: 'help' }],
])('"%s" is understood', (line, command) => {
  expect(read(line)).toEqual(command);
});

test.each([
  ['bookings', 'there is no "bookings"'],
  ['payments', 'payments: what about them?'],
  ['payments delete', 'there is no "delete"'],
  ['payments reconcile --days x', '--days must be a whole number from 1 to 90, not "x"'],
  ['payments reconcile --days 0', '--days must be a whole number from 1 to 90, not "0"'],
  ['payments reconcile --days 1e1', '--days must be a whole number from 1 to 90, not "1e1"'],
  ['payments reconcile --days 91', '--days must be a whole number from 1 to 90, not "91"'],
  ['payments reconcile 30', 'reconcile takes no "30"'],
  ['payments review --days 3', 'review takes no --days'],
  ['payments resolve', 'resolve needs the id that review shows'],
  ['payments resolve evt_1', 'resolve needs --note: what was done about it'],
  ['payments resolve evt_1 evt_2 --note x', 'resolve takes no "evt_2"'],
])('"%s" is refused in one line', (line, message) => {
  expect(read(line)).toEqual({ verb: 'wrong', message });
});

test('an unknown option is refused, not thrown', () => {
  expect(read('payments review --bogus')).toMatchObject({ verb: 'wrong', message: expect.stringContaining('--bogus') });
});
