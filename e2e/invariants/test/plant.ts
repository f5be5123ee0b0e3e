import { expect, it } from '@jest/globals';
import type { Databases } from '../databases.ts';
import { id, payment, type World } from './world.ts';

export type Plant = [violation: string, plant: [service: keyof Databases, sql: string][], expected: string];

/** A checker that cannot fail is worth nothing: each violation is planted, and must be told in these words. */
export function finds(world: () => World, invariant: string, plants: Plant[]): void {
  it.each(plants)('%s', async (_, statements, expected) => {
    expect(await world().violations(invariant)).toEqual([]);
    for (const [service, sql] of statements) await world().sql(service, sql);
    expect(await world().violations(invariant)).toEqual([expected]);
  });
}

export const change = (number: number, what: string): string =>
  `UPDATE bookings SET ${what} WHERE id = '${id(number)}'`;
export const mirror = (number: number, what: string): string =>
  `UPDATE mirrors SET ${what} WHERE booking_id = '${id(number)}'`;
export const pay = (number: number, what: string): string =>
  `UPDATE payments SET ${what} WHERE id = '${payment(number)}'`;
