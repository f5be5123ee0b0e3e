import { describe, expect, test } from '@jest/globals';
import { balanceOf, decideBalance, firstLook, mayCancel } from './balance.ts';

const timezone = 'America/Toronto';
const balance = { amount: 8_400, dueOn: '2027-03-15', arrival: '2027-06-01' };
const terms = { reminderDays: 7, unpaidBalance: 'cancel', graceDays: 2 } as const;
const decide = (
  now: string,
  told: Parameters<typeof decideBalance>[1]['told'] = 'none',
  { heard = false, ...changes }: { heard?: boolean; [term: string]: unknown } = {},
) => {
  const { tell, nextAt } = decideBalance(balance, {
    terms: { ...terms, ...changes },
    told,
    heard,
    timezone,
    now: new Date(now),
  });
  return [tell, nextAt?.toISOString() ?? null];
};

test.each([
  ['before anything', '2027-03-08T04:59:59Z', 'none', undefined, '2027-03-08T05:00:00.000Z'],
  ['a week before', '2027-03-08T05:00:00Z', 'none', 'upcoming', '2027-03-15T04:00:00.000Z'],
  ['told already', '2027-03-10T12:00:00Z', 'upcoming', undefined, '2027-03-15T04:00:00.000Z'],
  // The night between saw the clocks go forward.
  ['on the day, in summer time', '2027-03-15T04:00:00Z', 'upcoming', 'due', '2027-03-18T04:00:00.000Z'],
  ['in the last hour of grace', '2027-03-18T03:59:59Z', 'due', undefined, '2027-03-18T04:00:00.000Z'],
  ['when the grace is over', '2027-03-18T04:00:00Z', 'due', 'overdue', '2027-03-19T04:00:00.000Z'],
  ['two days late, never told', '2027-03-17T12:00:00Z', 'upcoming', 'due', '2027-03-20T04:00:00.000Z'],
  ['long after, with nothing told', '2027-05-01T00:00:00Z', 'none', 'due', '2027-05-03T04:00:00.000Z'],
  ['when the grace from then on is over', '2027-05-03T04:00:00Z', 'due', 'overdue', '2027-05-04T04:00:00.000Z'],
  ['a day after booking was told to cancel', '2027-03-19T04:00:00Z', 'overdue', 'overdue', '2027-03-20T04:00:00.000Z'],
] as const)('%s (%s)', (_when, now, told, tell, nextAt) => {
  expect(decide(now, told)).toEqual([tell, nextAt]);
});

test('an overdue balance that is kept is told of until booking says that it is overdue', () => {
  const keep = { unpaidBalance: 'keep' };
  expect(decide('2027-03-18T04:00:00Z', 'due', keep)).toEqual(['overdue', '2027-03-19T04:00:00.000Z']);
  expect(decide('2027-03-19T04:00:00Z', 'overdue', keep)).toEqual(['overdue', '2027-03-20T04:00:00.000Z']);
  expect(decide('2027-03-20T04:00:00Z', 'overdue', { ...keep, heard: true })).toEqual([undefined, null]);
});

test('without reminder days the due day is the first that is told', () => {
  expect(decide('2027-03-10T12:00:00Z', 'none', { reminderDays: 0 })).toEqual([undefined, '2027-03-15T04:00:00.000Z']);
});

test('without grace it is overdue when the due day is over', () => {
  expect(decide('2027-03-15T12:00:00Z', 'due', { graceDays: 0 })).toEqual([undefined, '2027-03-16T04:00:00.000Z']);
});

describe('a grace that would last into the stay', () => {
  const late = { ...balance, arrival: '2027-03-16' };
  const at = (now: string, told: 'none' | 'due' | 'overdue', heard = false) =>
    decideBalance(late, { terms: { ...terms, graceDays: 10 }, told, heard, timezone, now: new Date(now) });

  test('ends when the day of arrival begins', () => {
    expect(at('2027-03-15T12:00:00Z', 'due')).toEqual({ tell: undefined, nextAt: new Date('2027-03-16T04:00:00Z') });
    expect(at('2027-03-16T04:00:00Z', 'due')).toEqual({ tell: 'overdue', nextAt: new Date('2027-03-17T04:00:00Z') });
  });

  test('cancels until the day of arrival is over, and is told of after it until booking has heard', () => {
    const may = (now: string) => mayCancel(late, { terms, timezone, now: new Date(now) });
    expect([may('2027-03-17T03:59:59Z'), may('2027-03-17T04:00:00Z')]).toEqual([true, false]);
    expect(at('2027-03-17T04:00:00Z', 'overdue', true)).toEqual({ tell: undefined, nextAt: null });
    // It is owed.
    const again = { tell: 'overdue', nextAt: new Date('2027-03-18T04:00:00Z') };
    expect(at('2027-03-17T04:00:00Z', 'overdue')).toEqual(again);
    expect(at('2027-03-17T04:00:00Z', 'due')).toEqual(again);
    expect(at('2027-03-16T12:00:00Z', 'none')).toEqual({ tell: 'due', nextAt: new Date('2027-03-17T04:00:00Z') });
  });
});

test('the first look is early enough for every time zone', () => {
  expect(firstLook(balance, terms).toISOString()).toBe('2027-03-07T10:00:00.000Z');
  expect(firstLook({ ...balance, dueOn: '2028-03-07' }, null).toISOString()).toBe('2028-02-28T10:00:00.000Z');
});

describe('a price', () => {
  test('that is paid at once leaves no balance', () => {
    expect(balanceOf({ total: 12_000 }, '2027-06-01')).toBeUndefined();
    expect(
      balanceOf({ total: 12_000, schedule: [{ purpose: 'full', amount: 12_000, dueDate: null }] }, '2027-06-01'),
    ).toBeUndefined();
  });

  test('with a deposit leaves what its schedule says', () => {
    const schedule = [
      { purpose: 'deposit' as const, amount: 3_600, dueDate: null },
      { purpose: 'balance' as const, amount: 8_400, dueDate: '2027-03-15' },
    ];
    expect(balanceOf({ total: 12_000, schedule }, '2027-06-01')).toEqual(balance);
  });
});
