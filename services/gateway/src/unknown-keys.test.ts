import { describe, expect, it } from '@jest/globals';
import { type HttpRoute, httpRoutes, nothing } from '@monde-sauvage/contracts';
import { z } from 'zod';
import { bodyExamples } from './openapi-examples.ts';
import { findUnknownKeys } from './unknown-keys.ts';

/** What the gateway would say of a body that its route's schema takes. */
const unknownIn = (route: HttpRoute, body: unknown) => findUnknownKeys(body, route.body.parse(body));
const { cancelBooking, createBooking, createChalet, createEstablishment, updateChalet, updateEstablishment } =
  httpRoutes;
const exampleOf = (operation: string) => z.looseObject({}).parse(bodyExamples[operation]);
const season = { name: 'Winter', startDate: '2027-01-01', endDate: '2027-02-01', nightlyRate: 1 };

describe('keys that nobody knows', () => {
  it.each<[string, HttpRoute, unknown, string[]]>([
    ['a chalet', createChalet, { ...exampleOf('createChalet'), minNigths: 3 }, ['minNigths']],
    [
      'the seasons of a chalet',
      updateChalet,
      { seasons: [season, { ...season, startDate: '2027-02-01', endDate: '2027-03-01', minNigths: 3 }] },
      ['seasons.1.minNigths'],
    ],
    [
      'the discounts of a chalet',
      updateChalet,
      { lengthDiscounts: [{ nights: 7, percentage: 10, percent: 20 }] },
      ['lengthDiscounts.0.percent'],
    ],
    [
      'the taxes of an establishment',
      updateEstablishment,
      { taxes: [{ name: 'GST', rateMillionths: 50_000, applyTo: ['nights'] }] },
      ['taxes.0.applyTo'],
    ],
    [
      'the deposit of an establishment',
      updateEstablishment,
      { deposit: { percentage: 30, balanceDaysBefore: 30, reminderDay: 5, graceDay: 1 } },
      ['deposit.reminderDay', 'deposit.graceDay'],
    ],
    [
      'the policy of an establishment',
      createEstablishment,
      {
        ...exampleOf('createEstablishment'),
        cancellationPolicy: { name: 'custom', tiers: [{ daysBefore: 1, percentage: 100, amount: 1 }] },
        depositt: null,
      },
      ['cancellationPolicy.tiers.0.amount', 'depositt'],
    ],
    [
      'the customer of a booking',
      createBooking,
      { ...exampleOf('createBooking'), customer: { name: 'A', email: 'a@b.ca', telephone: '5' }, guest: 3 },
      ['customer.telephone', 'guest'],
    ],
    ['a cancellation', cancelBooking, { raison: 'malade' }, ['raison']],
  ])('are found in %s', (_, route, body, paths) => {
    expect(unknownIn(route, body).sort()).toEqual(paths.toSorted());
  });

  it('are found under names that objects have by themselves', () => {
    const body: unknown = JSON.parse('{"reason": "x", "__proto__": {"reason": "y"}, "toString": 1}');
    expect(unknownIn(cancelBooking, body)).toEqual(['__proto__', 'toString']);
  });

  it('are not what is trimmed, filled in or left out', () => {
    const body = { name: '  Winter  ', cleaningFee: 0, capacity: 2, nightlyRate: 1, seasons: [season] };
    expect(unknownIn(createChalet, body)).toEqual([]);
    expect(unknownIn(cancelBooking, undefined)).toEqual([]);
  });
});

it('every example of the documentation is known to its route', () => {
  const routes = Object.entries<HttpRoute>(httpRoutes).filter(([name]) => name in bodyExamples);
  const withBody = routes.filter(([, route]) => route.body !== nothing);
  expect(withBody.map(([name, route]) => [name, unknownIn(route, bodyExamples[name])])).toEqual(
    withBody.map(([name]) => [name, []]),
  );
});
