import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { chaletPatch, chaletSnapshot, establishmentPatch, newChalet, newEstablishment } from './establishment.ts';
import { type Season, stayLimits } from './rates.ts';

const problems = (schema: z.ZodType, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(issue => `${issue.path.join('.')}: ${issue.message}`);

const summer = { name: 'Été', startDate: '2027-06-20', endDate: '2027-09-01', nightlyRate: 30_000 };
const autumn = { name: 'Automne', startDate: '2027-09-01', endDate: '2027-11-01', nightlyRate: 20_000 };

describe('seasons', () => {
  it('may follow each other, in any order', () => {
    expect(problems(chaletPatch, { seasons: [autumn, summer] })).toEqual([]);
  });

  it.each([
    [
      'overlap',
      [summer, { ...autumn, startDate: '2027-08-31' }],
      ['seasons.1.startDate: overlaps the season "Été" (2027-06-20 to 2027-09-01, checkout)'],
    ],
    ['are empty', [{ ...summer, endDate: '2027-06-20' }], ['seasons.0.endDate: must be after startDate']],
    [
      'end on a day that does not exist',
      [{ ...summer, endDate: '2027-09-31' }],
      ['seasons.0.endDate: must be an existing date written YYYY-MM-DD'],
    ],
    [
      'have a rate in fractions of a cent',
      [{ ...summer, nightlyRate: 0.5 }],
      ['seasons.0.nightlyRate: Invalid input: expected int, received number'],
    ],
  ])('that %s are refused with what is wrong', (_, seasons, expected) => {
    expect(problems(chaletPatch, { seasons })).toEqual(expected);
  });

  it('are fifty at most', () => {
    const seasons = Array.from({ length: 51 }, (_, year) => ({
      ...summer,
      startDate: `${2000 + year}-06-20`,
      endDate: `${2000 + year}-09-01`,
    }));
    expect(problems(chaletPatch, { seasons })).toHaveLength(1);
    expect(problems(chaletPatch, { seasons: seasons.slice(1) })).toEqual([]);
  });

  it.each([
    ['more at least than at most', { minNights: 7, maxNights: 5 }, 'seasons.0.maxNights'],
    ['more at least than the chalet at most', { minNights: 30 }, 'seasons.0.minNights'],
    ['less at most than the chalet at least', { maxNights: 2 }, 'seasons.0.maxNights'],
  ])('that leave no stay possible are refused: %s', (_, limits, path) => {
    const chalet = { name: 'Chalet 1', capacity: 4, nightlyRate: 20_000, minNights: 3, maxNights: 14 };
    expect(problems(newChalet, { ...chalet, seasons: [{ ...summer, ...limits }] })).toEqual([
      expect.stringMatching(new RegExp(`^${path}: leaves no stay possible`)),
    ]);
  });

  it('decide about the length of the stays that arrive in them', () => {
    const its: Season = { ...summer, weekendRate: null, minNights: 7, maxNights: null };
    const chalet = { minNights: 2, maxNights: 28, seasons: [its] };
    expect(stayLimits(chalet, '2027-06-19')).toEqual({ minNights: 2, maxNights: 28 });
    expect(stayLimits(chalet, '2027-06-20')).toEqual({ minNights: 7, maxNights: 28 });
    expect(stayLimits(chalet, '2027-08-31')).toEqual({ minNights: 7, maxNights: 28 });
    expect(stayLimits(chalet, '2027-09-01')).toEqual({ minNights: 2, maxNights: 28 });
  });
});

describe('discounts, taxes and deposit', () => {
  it.each([
    [{ lengthDiscounts: [{ nights: 1, percentage: 10 }] }, 'lengthDiscounts.0.nights'],
    [{ lengthDiscounts: [{ nights: 7, percentage: 101 }] }, 'lengthDiscounts.0.percentage'],
    [
      {
        lengthDiscounts: [
          { nights: 7, percentage: 10 },
          { nights: 7, percentage: 20 },
        ],
      },
      'lengthDiscounts',
    ],
    [{ includedGuests: 0 }, 'includedGuests'],
    [{ extraGuestFee: -1 }, 'extraGuestFee'],
    [{ currency: 'USD' }, ''],
  ])('of a chalet: %j is refused', (patch, path) => {
    expect(problems(chaletPatch, patch)).toEqual([expect.stringMatching(new RegExp(`^${path}: `))]);
  });

  it.each([
    [{ taxes: [{ name: 'GST', rateMillionths: 50_000.5 }] }, 'taxes.0.rateMillionths'],
    [{ taxes: [{ name: 'GST', rateMillionths: 1_000_001 }] }, 'taxes.0.rateMillionths'],
    [{ taxes: [{ name: 'GST', rateMillionths: 1, appliesTo: [] }] }, 'taxes.0.appliesTo'],
    [
      {
        taxes: [
          { name: 'GST', rateMillionths: 1 },
          { name: 'GST', rateMillionths: 2 },
        ],
      },
      'taxes',
    ],
    [{ deposit: { percentage: 100, balanceDaysBefore: 30 } }, 'deposit.percentage'],
    [{ deposit: { percentage: 30, balanceDaysBefore: 0 } }, 'deposit.balanceDaysBefore'],
    [{ currency: 'USD' }, ''],
  ])('of an establishment: %j is refused', (patch, path) => {
    expect(problems(establishmentPatch, patch)).toEqual([expect.stringMatching(new RegExp(`^${path}: `))]);
  });

  it('apply to everything, and keep an unpaid balance, unless something else is said', () => {
    const establishment = { name: 'Monde Sauvage', timezone: 'America/Toronto', currency: 'CAD', locale: 'fr-CA' };
    const taxes = [{ name: 'TPS', rateMillionths: 50_000 }];
    const deposit = { percentage: 30, balanceDaysBefore: 30 };
    expect(newEstablishment.parse({ ...establishment, taxes, deposit })).toMatchObject({
      taxes: [{ appliesTo: ['nights', 'extra_guests', 'cleaning'] }],
      deposit: { unpaidBalance: 'keep', graceDays: 3, reminderDays: 7 },
    });
  });
});

describe('a cancellation policy', () => {
  const custom = (...tiers: [number, number][]) => ({
    cancellationPolicy: {
      name: 'custom',
      tiers: tiers.map(([daysBefore, percentage]) => ({ daysBefore, percentage })),
    },
  });
  it.each([
    ['a standard one', { cancellationPolicy: 'strict' }],
    ['tiers of its own', custom([30, 100], [7, 50], [0, 10])],
    ['tiers in another order', custom([0, 10], [30, 100], [7, 50])],
    ['nothing back ever', custom([0, 0])],
    ['the same from two days on', custom([30, 50], [7, 50])],
  ])('is %s', (_, patch) => {
    expect(establishmentPatch.safeParse(patch)).toMatchObject({ success: true });
  });

  it('with tiers that contradict each other is refused with where', () => {
    expect(problems(establishmentPatch, custom([30, 50], [7, 100]))).toEqual([
      'cancellationPolicy.tiers.1.percentage: must not be more than that of a tier with more days before arrival',
    ]);
  });

  it.each([
    ['no such name', { cancellationPolicy: 'lenient' }],
    ['no tiers', custom()],
    ['more back for cancelling later', custom([30, 50], [7, 100])],
    ['more back for cancelling later, in another order', custom([7, 100], [30, 50])],
    ['the same day twice', custom([7, 50], [7, 40])],
    ['more than was paid', custom([7, 101])],
    ['more than ten tiers', custom(...Array.from({ length: 11 }, (_, day): [number, number] => [day, 10]))],
  ])('with %s is refused', (_, patch) => {
    expect(establishmentPatch.safeParse(patch).success).toBe(false);
  });
});

it('a chalet that an older version announced costs what it cost', () => {
  const at = '2027-01-01T00:00:00.000Z';
  const id = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
  const older = {
    ...{ id, establishmentId: id, name: 'Chalet 1', description: '', capacity: 4, nightlyRate: 1, cleaningFee: 0 },
    ...{ minNights: 1, maxNights: 28, currency: 'CAD', timezone: 'America/Toronto', locale: 'fr-CA', archived: false },
    ...{ createdAt: at, updatedAt: at, version: 1 },
  };
  expect(chaletSnapshot.parse(older)).toMatchObject({
    ...{ weekendRate: null, seasons: [], includedGuests: null, extraGuestFee: 0, lengthDiscounts: [] },
    ...{ taxes: [], deposit: null },
  });
});
