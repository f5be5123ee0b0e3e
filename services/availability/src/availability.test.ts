import { describe, expect, it } from '@jest/globals';
import { type Occupancy, plainRates } from '@monde-sauvage/contracts';
import { decideAvailability, describeDays } from './availability.ts';

const chalet = {
  id: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11',
  nightlyRate: 20_000,
  cleaningFee: 5_000,
  minNights: 2,
  maxNights: 14,
  currency: 'CAD',
  locale: 'fr-CA',
  archived: false,
  whenGoogleUnreachable: 'open' as const,
  capacity: 4,
  ...plainRates,
};
const taken = (over: Partial<Occupancy>): Occupancy => ({
  bookingId: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d12',
  startDate: '2027-03-04',
  endDate: '2027-03-06',
  source: 'website',
  status: 'confirmed',
  googleEventId: null,
  ...over,
});
const range = { from: '2027-03-01', to: '2027-03-05' };
const notConnected = { status: 'not_connected' as const, syncedAt: null, busy: [] };
const database = (...items: Occupancy[]) => ({ status: 'ok' as const, items });
const today = '2027-01-01';

describe('an availability check', () => {
  it('is free when neither the database nor Google has the nights, and quotes the price a booking will have', () => {
    const answer = decideAvailability(chalet, range, database(), notConnected, today);
    expect(answer).toMatchObject({ available: true, conflicts: [], reasons: [] });
    expect(answer.quote).toEqual({
      nights: 4,
      currency: 'CAD',
      total: 85_000,
      lines: [
        { label: '4 nuits', amount: 80_000, kind: 'nights', quantity: 4 },
        { label: 'Frais de ménage', amount: 5_000, kind: 'cleaning' },
      ],
      schedule: [{ purpose: 'full', amount: 85_000, dueDate: null }],
    });
  });

  it('is taken when the database holds one of the nights', () => {
    const answer = decideAvailability(chalet, range, database(taken({})), notConnected, today);
    expect(answer.available).toBe(false);
    expect(answer.conflicts).toEqual([
      { startDate: '2027-03-04', endDate: '2027-03-06', source: 'website', status: 'confirmed' },
    ]);
  });

  it('lets a stay begin on the day another ends', () => {
    const before = taken({ startDate: '2027-02-26', endDate: '2027-03-01' });
    expect(decideAvailability(chalet, range, database(before), notConnected, today).available).toBe(true);
  });

  it('is taken by an external event that only Google knows, and names one both know once', () => {
    const busy = [
      { googleEventId: 'known', startDate: '2027-03-01', endDate: '2027-03-02' },
      { googleEventId: 'new', startDate: '2027-03-02', endDate: '2027-03-03' },
    ];
    const known = taken({ startDate: '2027-03-01', endDate: '2027-03-02', source: 'google', googleEventId: 'known' });
    const google = { status: 'fresh' as const, syncedAt: '2027-01-01T00:00:00.000Z', busy };
    const answer = decideAvailability(chalet, range, database(known), google, today);
    expect(answer.conflicts.map(conflict => conflict.startDate)).toEqual(['2027-03-01', '2027-03-02']);
  });

  it.each([
    ['open', 'unreachable', true],
    ['open', 'stale', true],
    ['closed', 'unreachable', false],
    ['closed', 'stale', false],
    ['closed', 'fresh', true],
    ['closed', 'not_connected', true],
  ] as const)('of an establishment that is %s, with Google %s: available is %s', (choice, status, available) => {
    const google = { status, syncedAt: null, busy: [] };
    const terms = { ...chalet, whenGoogleUnreachable: choice };
    const answer = decideAvailability(terms, range, database(), google, today);
    expect(answer.available).toBe(available);
    expect(answer.reasons.map(reason => reason.code)).toEqual(available ? [] : ['calendar_unreachable']);
  });

  it.each([
    ['too short', { from: '2027-03-01', to: '2027-03-02' }, 'min_nights'],
    ['too long', { from: '2027-03-01', to: '2027-03-20' }, 'max_nights'],
    ['in the past', { from: '2026-12-30', to: '2027-01-02' }, 'past'],
  ])('is refused by the chalet’s own rules when %s', (_, asked, code) => {
    const answer = decideAvailability(chalet, asked, database(), notConnected, today);
    expect(answer.available).toBe(false);
    expect(answer.reasons.map(reason => reason.code)).toContain(code);
  });
});

describe('a stay that nobody could pay', () => {
  it.each([
    ['too_cheap', { nightlyRate: 10, cleaningFee: 0 }],
    ['too_cheap', { nightlyRate: 2_000, cleaningFee: 0, currency: 'HUF' }],
    ['too_expensive', { nightlyRate: 60_000_000 }],
  ])('is not offered, and is said to be %s', (code, rates) => {
    const answer = decideAvailability({ ...chalet, ...rates }, range, database(), notConnected, today);
    expect(answer).toMatchObject({ available: false, reasons: [{ code }] });
  });

  it('is not one that costs nothing', () => {
    const free = { ...chalet, nightlyRate: 0, cleaningFee: 0 };
    expect(decideAvailability(free, range, database(), notConnected, today)).toMatchObject({ available: true });
  });
});

describe('a public calendar', () => {
  it('says for each day why it cannot be had, and keeps the checkout day free', () => {
    const days = describeDays(
      chalet,
      { from: '2026-12-31', to: '2027-01-06' },
      [
        taken({ startDate: '2027-01-01', endDate: '2027-01-02', status: 'pending' }),
        taken({ startDate: '2027-01-02', endDate: '2027-01-03' }),
        taken({ startDate: '2027-01-02', endDate: '2027-01-05', source: 'google' }),
      ],
      '2027-01-01',
    );
    expect(days.map(day => [day.date.slice(5), day.reason])).toEqual([
      ['12-31', 'past'],
      ['01-01', 'held'],
      ['01-02', 'booked'],
      ['01-03', 'external'],
      ['01-04', 'external'],
      ['01-05', undefined],
    ]);
  });

  it('has one entry a day through the change to summer time', () => {
    const days = describeDays(chalet, { from: '2027-03-13', to: '2027-03-16' }, [], '2027-01-01');
    expect(days.map(day => day.date)).toEqual(['2027-03-13', '2027-03-14', '2027-03-15']);
  });
});
