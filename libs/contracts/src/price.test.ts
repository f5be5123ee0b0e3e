import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addDays, datesOf, dayOfWeek, nightsOf, type Stay } from './civil-date.ts';
import { leastInstallment, price, priceStay, roundHalfUp, scheduleOf } from './price.ts';
import { type DepositTerms, plainRates, type Rates, type Season, seasonOf, type Tax } from './rates.ts';

const today = '2027-01-10';
const ratesOf = (fields: Partial<Rates> = {}): Rates => ({
  ...plainRates,
  nightlyRate: 20_000,
  cleaningFee: 0,
  currency: 'CAD',
  locale: 'en-CA',
  ...fields,
});
const stayOf = (startDate: string, nights: number): Stay => ({ startDate, endDate: addDays(startDate, nights) });
const seasonFrom = (startDate: string, endDate: string, fields: Partial<Season> = {}): Season => ({
  name: 'High season',
  startDate,
  endDate,
  nightlyRate: 30_000,
  weekendRate: null,
  minNights: null,
  maxNights: null,
  ...fields,
});
const taxOf = (name: string, rateMillionths: number, appliesTo: Tax['appliesTo'] = everything): Tax => ({
  name,
  rateMillionths,
  appliesTo,
});
const everything: Tax['appliesTo'] = ['nights', 'extra_guests', 'cleaning'];
const gst = taxOf('GST', 50_000);
const qst = taxOf('QST', 99_750);
const linesOf = (rates: Partial<Rates>, stay: Stay, guests: number | null = null) =>
  priceStay(ratesOf(rates), stay, { guests, today }).lines.map(({ label, amount }) => `${label}: ${amount}`);

describe('the nights of a stay', () => {
  const high = seasonFrom('2027-07-01', '2027-09-01');
  it.each<[string, Partial<Rates>, Stay, string[]]>([
    ['outside of every season', {}, stayOf('2027-02-10', 3), ['3 nights: 60000']],
    ['over the change to summer time', {}, stayOf('2027-03-13', 2), ['2 nights: 40000']],
    ['over the end of summer time', {}, stayOf('2027-11-06', 2), ['2 nights: 40000']],
    ['over a leap day', {}, stayOf('2028-02-28', 2), ['2 nights: 40000']],
    ['over February of another year', {}, { startDate: '2027-02-28', endDate: '2027-03-01' }, ['1 night: 20000']],
    ['before a season that begins at checkout', { seasons: [high] }, stayOf('2027-06-29', 2), ['2 nights: 40000']],
    [
      'into a season, each by its own',
      { seasons: [high] },
      stayOf('2027-06-29', 4),
      ['2 nights: 40000', '2 nights, High season: 60000'],
    ],
    [
      'out of a season, whose last day is not in it',
      { seasons: [high] },
      stayOf('2027-08-31', 2),
      ['1 night, High season: 30000', '1 night: 20000'],
    ],
    [
      'around a season, those before and after it together',
      { seasons: [seasonFrom('2027-02-12', '2027-02-13')] },
      stayOf('2027-02-10', 5),
      ['4 nights: 80000', '1 night, High season: 30000'],
    ],
    [
      'from one season into the next',
      { seasons: [high, seasonFrom('2027-09-01', '2027-10-01', { name: 'Autumn', nightlyRate: 15_000 })] },
      stayOf('2027-08-30', 4),
      ['2 nights, High season: 60000', '2 nights, Autumn: 30000'],
    ],
    ['from Thursday to Friday', { weekendRate: 25_000 }, stayOf('2027-02-11', 1), ['1 night: 20000']],
    ['from Friday to Saturday', { weekendRate: 25_000 }, stayOf('2027-02-12', 1), ['1 weekend night: 25000']],
    ['from Sunday to Monday', { weekendRate: 25_000 }, stayOf('2027-02-14', 1), ['1 night: 20000']],
    [
      'of a whole week',
      { weekendRate: 25_000 },
      stayOf('2027-02-10', 7),
      ['5 nights: 100000', '2 weekend nights: 50000'],
    ],
    [
      'that begin on a Saturday',
      { weekendRate: 25_000 },
      stayOf('2027-02-13', 2),
      ['1 weekend night: 25000', '1 night: 20000'],
    ],
    [
      'of a weekend in a season that has no weekend rate',
      { weekendRate: 25_000, seasons: [high] },
      stayOf('2027-07-02', 2),
      ['2 nights, High season: 60000'],
    ],
    [
      'of a weekend in a season that has one, over its border',
      { weekendRate: 25_000, seasons: [seasonFrom('2027-07-03', '2027-09-01', { weekendRate: 40_000 })] },
      stayOf('2027-07-02', 3),
      ['1 weekend night: 25000', '1 weekend night, High season: 40000', '1 night, High season: 30000'],
    ],
  ])('%s', (_, rates, stay, lines) => {
    expect(linesOf(rates, stay)).toEqual(lines);
  });
});

describe('a discount by length of stay', () => {
  const lengthDiscounts = [
    { nights: 28, percentage: 25 },
    { nights: 7, percentage: 10 },
  ];
  it.each([
    [6, ['6 nights: 120000']],
    [7, ['7 nights: 140000', '10% off (7 nights or more): -14000']],
    [27, ['27 nights: 540000', '10% off (7 nights or more): -54000']],
    [28, ['28 nights: 560000', '25% off (28 nights or more): -140000']],
  ])('of %i nights', (nights, lines) => {
    expect(linesOf({ lengthDiscounts }, stayOf('2027-02-10', nights))).toEqual(lines);
  });

  it('is the best that applies, and takes nothing off cleaning or extra guests', () => {
    const better = [{ nights: 5, percentage: 20 }, ...lengthDiscounts];
    const rates = { lengthDiscounts: better, cleaningFee: 5_000, includedGuests: 2, extraGuestFee: 1_000 };
    expect(linesOf(rates, stayOf('2027-02-10', 7), 3)).toEqual([
      '7 nights: 140000',
      '20% off (5 nights or more): -28000',
      '1 extra guest, 7 nights: 7000',
      'Cleaning fee: 5000',
    ]);
  });

  it('of half a cent is rounded in favour of the guest', () => {
    const rates = { nightlyRate: 45, lengthDiscounts: [{ nights: 2, percentage: 5 }] };
    expect(linesOf(rates, stayOf('2027-02-10', 2))).toEqual(['2 nights: 90', '5% off (2 nights or more): -5']);
  });
});

describe('extra guests', () => {
  const rates = { includedGuests: 2, extraGuestFee: 1_500 };
  it.each([
    [null, ['3 nights: 60000']],
    [2, ['3 nights: 60000']],
    [3, ['3 nights: 60000', '1 extra guest, 3 nights: 4500']],
    [5, ['3 nights: 60000', '3 extra guests, 3 nights: 13500']],
  ])('of %j guests where two are included', (guests, lines) => {
    expect(linesOf(rates, stayOf('2027-02-10', 3), guests)).toEqual(lines);
  });

  it('pay nothing where nobody said how many are included', () => {
    expect(linesOf({ extraGuestFee: 1_500 }, stayOf('2027-02-10', 3), 9)).toEqual(['3 nights: 60000']);
  });
});

describe('taxes', () => {
  it('are each rounded on their own, on the same sum', () => {
    expect(linesOf({ cleaningFee: 5_000, taxes: [gst, qst] }, stayOf('2027-02-10', 2))).toEqual([
      '2 nights: 40000',
      'Cleaning fee: 5000',
      'GST (5%): 2250',
      'QST (9.975%): 4489',
    ]);
  });

  it.each([
    ['half a cent up', 10, 50_000, 1],
    ['less than half a cent down', 9, 50_000, 0],
    ['4.9875 up', 50, 99_750, 5],
    ['4.48875 down', 45, 99_750, 4],
  ])('are rounded: %s', (_, nightlyRate, rate, amount) => {
    const { lines } = priceStay(ratesOf({ nightlyRate, taxes: [taxOf('T', rate)] }), stayOf('2027-02-10', 1), {
      guests: null,
      today,
    });
    expect(lines.slice(1).map(line => line.amount)).toEqual(amount === 0 ? [] : [amount]);
  });

  it('apply to what they say, after the discount', () => {
    const rates = {
      cleaningFee: 5_000,
      includedGuests: 1,
      extraGuestFee: 1_000,
      lengthDiscounts: [{ nights: 2, percentage: 50 }],
      taxes: [taxOf('Lodging', 35_000, ['nights']), taxOf('Service', 100_000, ['cleaning', 'extra_guests'])],
    };
    expect(linesOf(rates, stayOf('2027-02-10', 2), 2)).toEqual([
      '2 nights: 40000',
      '50% off (2 nights or more): -20000',
      '1 extra guest, 2 nights: 2000',
      'Cleaning fee: 5000',
      'Lodging (3.5%): 700',
      'Service (10%): 700',
    ]);
  });
});

it('speaks the language of the establishment', () => {
  const rates = {
    locale: 'fr-CA',
    weekendRate: 25_000,
    cleaningFee: 5_000,
    includedGuests: 2,
    extraGuestFee: 1_000,
    lengthDiscounts: [{ nights: 7, percentage: 10 }],
    taxes: [taxOf('TPS', 50_000), taxOf('TVQ', 99_750)],
  };
  expect(linesOf(rates, stayOf('2027-02-10', 7), 3)).toEqual([
    '5 nuits: 100000',
    '2 nuits de fin de semaine: 50000',
    'Rabais de 10 % (7 nuits et plus): -15000',
    '1 personne supplémentaire, 7 nuits: 7000',
    'Frais de ménage: 5000',
    'TPS (5 %): 7350',
    'TVQ (9,975 %): 14663',
  ]);
});

describe('the schedule of a price', () => {
  const deposit: DepositTerms = {
    percentage: 30,
    balanceDaysBefore: 30,
    reminderDays: 7,
    unpaidBalance: 'keep',
    graceDays: 3,
  };
  const scheduled = (fields: Partial<Rates>, arrival: string, on = today) =>
    priceStay(ratesOf(fields), stayOf(arrival, 1), { guests: null, today: on }).schedule;

  it('is all at once without a deposit', () => {
    expect(scheduled({}, '2027-06-01')).toEqual([{ purpose: 'full', amount: 20_000, dueDate: null }]);
  });

  it('is a deposit now and the rest some days before arrival, through a leap day', () => {
    expect(scheduled({ deposit, nightlyRate: 33_333 }, '2028-03-30')).toEqual([
      { purpose: 'deposit', amount: 10_000, dueDate: null },
      { purpose: 'balance', amount: 23_333, dueDate: '2028-02-29' },
    ]);
  });

  it.each([
    ['the day before the balance is due', '2027-05-01', 2],
    ['the day on which it is due', '2027-05-02', 1],
    ['later', '2027-05-20', 1],
  ])('of a booking made %s', (_, on, payments) => {
    expect(scheduled({ deposit }, '2027-06-01', on)).toHaveLength(payments);
  });

  it('does not split off what is too little to be paid by card', () => {
    expect(scheduled({ deposit, nightlyRate: 3_000 }, '2027-06-01')).toHaveLength(1);
    expect(scheduled({ deposit: { ...deposit, percentage: 99 } }, '2027-06-01')).toHaveLength(1);
    const forints = { deposit, currency: 'HUF' };
    expect(scheduled({ ...forints, nightlyRate: 58_300 }, '2027-06-01')).toHaveLength(1);
    expect(scheduled({ ...forints, nightlyRate: 58_400 }, '2027-06-01')).toHaveLength(2);
  });

  it('of a price that an older version wrote is all at once', () => {
    expect(scheduleOf({ total: 500 })).toEqual([{ purpose: 'full', amount: 500, dueDate: null }]);
  });
});

describe('for any rates and any stay', () => {
  const amount = fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.constantFrom(0, 1, 100_000_000));
  const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
  const percentage = fc.integer({ min: 1, max: 100 });
  const seasons = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 2, maxLength: 12 }).chain(days => {
    const borders = days.toSorted((a, b) => a - b).map(day => addDays('2027-11-20', day));
    const ranges = borders.flatMap((startDate, index) => {
      const endDate = borders[index + 1];
      return index % 2 === 0 && endDate !== undefined ? [{ startDate, endDate }] : [];
    });
    return fc.tuple(
      ...ranges.map(range =>
        fc.record({ nightlyRate: amount, weekendRate: nullable(amount) }).map(its => ({
          ...seasonFrom(range.startDate, range.endDate),
          ...its,
        })),
      ),
    );
  });
  const anyRates: fc.Arbitrary<Rates> = fc.record({
    nightlyRate: amount,
    weekendRate: nullable(amount),
    seasons,
    cleaningFee: amount,
    includedGuests: nullable(fc.integer({ min: 1, max: 10 })),
    extraGuestFee: amount,
    lengthDiscounts: fc.array(fc.record({ nights: fc.integer({ min: 2, max: 60 }), percentage }), { maxLength: 4 }),
    taxes: fc.array(
      fc.record({
        name: fc.constant('T'),
        rateMillionths: fc.integer({ min: 0, max: 1_000_000 }),
        appliesTo: fc.subarray(everything, { minLength: 1 }),
      }),
      { maxLength: 4 },
    ),
    deposit: nullable(
      fc.record({
        percentage: fc.integer({ min: 1, max: 99 }),
        balanceDaysBefore: fc.integer({ min: 1, max: 365 }),
        reminderDays: fc.constant(7),
        unpaidBalance: fc.constant('keep' as const),
        graceDays: fc.constant(3),
      }),
    ),
    currency: fc.constantFrom('CAD', 'JPY', 'HUF'),
    locale: fc.constantFrom('fr-CA', 'en-CA'),
  });
  const anyStay = fc
    .record({ day: fc.integer({ min: 0, max: 500 }), nights: fc.integer({ min: 1, max: 365 }) })
    .map(({ day, nights }) => stayOf(addDays('2027-10-20', day), nights));
  const guests = nullable(fc.integer({ min: 1, max: 20 }));

  it('the lines add up to the total, in whole units, and never below nothing', () => {
    fc.assert(
      fc.property(anyRates, anyStay, guests, (rates, stay, who) => {
        const priced = priceStay(rates, stay, { guests: who, today });
        expect(price.parse(priced)).toEqual(priced);
        expect(priced.lines.reduce((sum, line) => sum + line.amount, 0)).toBe(priced.total);
        expect(priced.lines.every(line => Number.isSafeInteger(line.amount))).toBe(true);
        expect(priced.lines.every(line => line.amount >= 0 || line.kind === 'discount')).toBe(true);
      }),
    );
  });

  it('the nights cost what each of them costs, whatever the order of the seasons', () => {
    fc.assert(
      fc.property(anyRates, anyStay, (rates, stay) => {
        const each = datesOf(stay).map(night => {
          const { nightlyRate, weekendRate } = seasonOf(rates.seasons, night) ?? rates;
          return [5, 6].includes(dayOfWeek(night)) ? (weekendRate ?? nightlyRate) : nightlyRate;
        });
        const priced = priceStay(rates, stay, { guests: null, today });
        const nights = priced.lines.filter(line => line.kind === 'nights');
        expect(nights.reduce((sum, line) => sum + line.amount, 0)).toBe(each.reduce((sum, rate) => sum + rate, 0));
        expect(nights.reduce((sum, line) => sum + (line.quantity ?? 0), 0)).toBe(nightsOf(stay));
        const reversed = { ...rates, seasons: rates.seasons.toReversed() };
        expect(priceStay(reversed, stay, { guests: null, today })).toEqual(priced);
      }),
    );
  });

  it('a stay costs what its two halves cost, where nothing depends on its length', () => {
    const additive = anyRates.map(rates => ({ ...rates, cleaningFee: 0, lengthDiscounts: [], taxes: [] }));
    fc.assert(
      fc.property(additive, anyStay, guests, fc.nat(), (rates, stay, who, cut) => {
        const middle = addDays(stay.startDate, cut % nightsOf(stay));
        fc.pre(middle > stay.startDate);
        const total = (part: Stay) => priceStay(rates, part, { guests: who, today }).total;
        expect(total({ ...stay, endDate: middle }) + total({ ...stay, startDate: middle })).toBe(total(stay));
      }),
    );
  });

  it('deposit and balance are the whole price, neither of them too little to be paid', () => {
    fc.assert(
      fc.property(anyRates, anyStay, fc.integer({ min: -400, max: 400 }), (rates, stay, day) => {
        const on = addDays(stay.startDate, day);
        const priced = priceStay(rates, stay, { guests: null, today: on });
        const schedule = scheduleOf(priced);
        expect(schedule.reduce((sum, { amount }) => sum + amount, 0)).toBe(priced.total);
        if (schedule.length === 1) return;
        expect(schedule.every(({ amount }) => amount >= leastInstallment(rates.currency))).toBe(true);
        expect(schedule.map(({ dueDate }) => dueDate === null || dueDate > on)).toEqual([true, true]);
      }),
    );
  });

  it('rounding is exact to half a unit', () => {
    const part = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(fc.nat(), part, (whole, rate) => {
        const twiceOff =
          2n * BigInt(roundHalfUp(whole, rate, 1_000_000)) * 1_000_000n - 2n * BigInt(whole) * BigInt(rate);
        expect(twiceOff > -1_000_000n && twiceOff <= 1_000_000n).toBe(true);
      }),
    );
  });
});
