import { expect, test } from '@jest/globals';
import { civilDateFromDb, civilDateToDb } from './civil-date.ts';

test('a civil date survives the way to the database and back', () => {
  expect(civilDateFromDb(civilDateToDb('2028-02-29'))).toBe('2028-02-29');
});

test.each(['2027-02-29', '2027-1-5', 'tomorrow', ''])('refuses %p, which is no civil date', text => {
  expect(() => civilDateToDb(text)).toThrow(RangeError);
});

test('refuses an instant, which has a date only in some time zone', () => {
  expect(() => civilDateFromDb(new Date('2027-01-05T23:00:00Z'))).toThrow(RangeError);
});
