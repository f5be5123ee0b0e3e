import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, bookingRequests, type ExternalEventChange, establishmentRequests } from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { admin, type BookingSystem, book, granted, seedChalet, startBookingSystem } from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

/** A website booking with an event of the owner over it, both flagged. */
async function seedConflict() {
  const { chalet, owner } = await seedChalet(system);
  const booking = granted(await book(system, chalet.id, 10));
  const day = (days: number) => addDays(system.today(), days);
  const about = {
    chaletId: chalet.id,
    establishmentId: chalet.establishmentId,
    calendarId: 'calendar',
    googleEventId: newId(),
  };
  let revision = 0;
  const record = async (change: { from: number; to: number } | 'removed') => {
    revision += 1;
    const event: ExternalEventChange =
      change === 'removed'
        ? { kind: 'removed', ...about, reason: 'transparent', revision }
        : {
            kind: 'changed',
            ...about,
            startDate: day(change.from),
            endDate: day(change.to),
            title: 'Famille',
            etag: `"${revision}"`,
            revision,
          };
    granted(await system.ask(bookingRequests.recordExternalEvents, { changes: [event] }));
  };
  const rows = async () =>
    granted(
      await system.ask(bookingRequests.list, { actor: owner, establishmentId: chalet.establishmentId, limit: 100 }),
    ).items.filter(({ status }) => status !== 'cancelled');
  const inConflict = async () =>
    granted(
      await system.ask(bookingRequests.list, {
        actor: owner,
        establishmentId: chalet.establishmentId,
        conflict: 'true',
        limit: 100,
      }),
    ).items.length;
  const flags = async () => Object.fromEntries((await rows()).map(({ source, conflict }) => [source, conflict]));
  await record({ from: 11, to: 13 });
  expect(await flags()).toEqual({ website: true, google: true });
  expect(await inConflict()).toBe(2);
  return { booking, chalet, record, flags, inConflict };
}

/** Whether each version of a booking that was announced said that it is in conflict, oldest first. */
async function announced(bookingId: string): Promise<boolean[]> {
  const { rows } = await system.pool.query<{ conflict: boolean }>(
    `SELECT (body ->> 'conflict')::boolean AS conflict FROM outbox
      WHERE body ->> 'id' = $1 AND subject LIKE 'booking.%' ORDER BY (body ->> 'version')::int`,
    [bookingId],
  );
  return rows.map(({ conflict }) => conflict);
}

/** As `/metrics` counts them, of all chalets. */
async function counted(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${system.service.port}/metrics`)).text();
  return Number(/^booking_conflicts\S* (\d+)$/m.exec(text)?.[1]);
}

describe('a conflict between a website booking and an event of the owner', () => {
  it.each([
    ['moves away', { from: 12, to: 14 }],
    ['goes, or takes no nights any more', 'removed'],
  ] as const)('clears by itself when the event %s, and every turn is announced', async (_, change) => {
    const { booking, record, flags, inConflict } = await seedConflict();
    await record(change);
    expect(await inConflict()).toBe(0);
    expect(Object.values(await flags())).not.toContain(true);
    expect(await announced(booking.id)).toEqual([false, true, false]);
  });

  it('is counted for whoever watches the platform', async () => {
    const before = await counted();
    const { record } = await seedConflict();
    expect(await counted()).toBe(before + 2);
    await record('removed');
    expect(await counted()).toBe(before);
  });

  it('clears when the guest cancels, at both rows', async () => {
    const { booking, flags } = await seedConflict();
    granted(await system.ask(bookingRequests.cancel, { actor: admin, bookingId: booking.id }));
    expect(await flags()).toEqual({ google: false });
    expect(await announced(booking.id)).toEqual([false, true, false]);
  });

  it('clears when the hold runs out', async () => {
    const { booking, flags } = await seedConflict();
    system.travel(31);
    system.service.nudgeHolds();
    await eventually(async () => (await flags()).google === false && (await flags()).website === undefined);
    expect((await announced(booking.id)).at(-1)).toBe(false);
  });

  it('comes back with the event, and stays through a change of the establishment', async () => {
    const { chalet, record, flags } = await seedConflict();
    await record({ from: 20, to: 22 });
    await record({ from: 9, to: 11 });
    expect(await flags()).toEqual({ website: true, google: true });
    const { establishmentId } = chalet;
    const patch = { calendarDrift: 'ask' } as const;
    granted(await system.ask(establishmentRequests.updateEstablishment, { actor: admin, establishmentId, patch }));
    expect(await flags()).toEqual({ website: true, google: true });
  });
});
