import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  addDays,
  bookingRequests,
  calendarRequests,
  establishmentEvents,
  establishmentRequests,
  ok,
} from '@monde-sauvage/contracts';
import { handle, serveRequests } from '@monde-sauvage/messaging';
import { createMetrics } from '@monde-sauvage/service-kit';
import { eventually, silentLogger } from '@monde-sauvage/testkit';
import type { z } from 'zod';
import {
  admin,
  type BookingSystem,
  book,
  bookInTheEnd,
  granted,
  refusalOf,
  seedChalet,
  startBookingSystem,
} from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

type Consultation = z.input<typeof calendarRequests.consult.output>;

/** Plays calendar-sync for as long as `use` takes; `asked` counts how often it was consulted. */
async function withCalendar(answer: Partial<Consultation>, use: (asked: () => number) => Promise<void>) {
  let asked = 0;
  const server = await serveRequests({
    nc: system.nc,
    service: 'calendar-sync',
    handlers: [
      handle(calendarRequests.consult, async () => {
        asked += 1;
        return ok({ status: 'fresh', syncedAt: null, busy: [], ...answer });
      }),
    ],
    logger: silentLogger,
    metrics: createMetrics('calendar-sync'),
  });
  try {
    await use(() => asked);
  } finally {
    await server.drain();
  }
}

async function seedClosedChalet() {
  const seeded = await seedChalet(system);
  const patch = { whenGoogleUnreachable: 'closed' } as const;
  const { owner: actor, establishment } = seeded;
  const input = { actor, establishmentId: establishment.id, patch };
  expect(granted(await system.ask(establishmentRequests.updateEstablishment, input))).toMatchObject(patch);
  return seeded.chalet;
}

describe('an establishment', () => {
  it('starts with what was always done, and its owner chooses otherwise', async () => {
    const { establishment, owner: actor, chalet } = await seedChalet(system);
    const defaults = { calendarDrift: 'restore', whenGoogleUnreachable: 'open', guestInvitations: false };
    expect(establishment).toMatchObject(defaults);
    const patch = { calendarDrift: 'ask', whenGoogleUnreachable: 'closed', guestInvitations: true } as const;
    const establishmentId = establishment.id;
    granted(await system.ask(establishmentRequests.updateEstablishment, { actor, establishmentId, patch }));
    expect(granted(await system.ask(establishmentRequests.getEstablishment, { establishmentId }))).toMatchObject(patch);
    const { rows } = await system.pool.query<{ subject: string; body: unknown }>(
      `SELECT subject, body FROM outbox WHERE body ->> 'id' IN ($1, $2) AND subject LIKE '%.updated'`,
      [establishmentId, chalet.id],
    );
    const bodyOf = (wanted: string) => rows.find(({ subject }) => subject === wanted)?.body;
    expect(bodyOf('establishment.updated')).toMatchObject(patch);
    expect(bodyOf('chalet.updated')).toMatchObject({ whenGoogleUnreachable: 'closed' });
  });

  it('that says nothing of its calendars, as older publishers do, has the defaults', () => {
    const { establishmentUpdated, chaletUpdated } = establishmentEvents;
    const at = new Date().toISOString();
    const id = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
    const place = {
      name: 'A',
      timezone: 'UTC',
      currency: 'CAD',
      locale: 'en',
      createdAt: at,
      updatedAt: at,
      version: 1,
    };
    expect(establishmentUpdated.body.parse({ id, ...place, cancellationPolicy: 'strict' })).toMatchObject({
      calendarDrift: 'restore',
      whenGoogleUnreachable: 'open',
      guestInvitations: false,
    });
    const numbers = { capacity: 1, nightlyRate: 0, cleaningFee: 0, minNights: 1, maxNights: 1 };
    expect(
      chaletUpdated.body.parse({ id, establishmentId: id, ...place, ...numbers, description: '', archived: false }),
    ).toMatchObject({ whenGoogleUnreachable: 'open' });
  });
});

describe('a booking while the calendar is closed without Google', () => {
  it('is refused with the reason when Google cannot be reached, and when nobody answers for it', async () => {
    const chalet = await seedClosedChalet();
    for (const status of ['unreachable', 'stale'] as const) {
      await withCalendar({ status }, async () => {
        expect(await book(system, chalet.id, 10)).toMatchObject({
          ok: false,
          refusal: { code: 'dates_unavailable', message: expect.stringContaining('cannot be consulted') },
        });
      });
    }
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    // One that fails, or says what nobody understands, says nothing either.
    await withCalendar({ syncedAt: 'yesterday' }, async () => {
      expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
    });
    const range = { chaletId: chalet.id, from: system.today(), to: addDays(system.today(), 60) };
    expect(granted(await system.ask(bookingRequests.findOverlaps, range)).items).toEqual([]);
  });

  it('is placed when the calendar is clear, or the chalet has none', async () => {
    const chalet = await seedClosedChalet();
    await withCalendar({ status: 'fresh' }, async asked => {
      let tries = 0;
      // Again when the answer came too late for a guest.
      await eventually(async () => {
        tries += 1;
        return (await book(system, chalet.id, 10)).ok;
      });
      expect(asked()).toBe(tries);
    });
    await withCalendar({ status: 'not_connected' }, async () => void (await bookInTheEnd(system, chalet.id, 20)));
  });

  it('is refused when the calendar has one of the nights, also when the event is not in the database yet', async () => {
    const chalet = await seedClosedChalet();
    const day = (days: number) => addDays(system.today(), days);
    const busy = [{ googleEventId: 'phone', startDate: day(11), endDate: day(12) }];
    await withCalendar({ busy }, async () => {
      expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
      // Arrival on the day the event ends.
      await bookInTheEnd(system, chalet.id, 12);
    });
  });

  it('that was placed once is answered the same to the same key, whatever Google does', async () => {
    const chalet = await seedClosedChalet();
    const key = `key-${chalet.id}`;
    await withCalendar({ status: 'fresh' }, async () => {
      const first = await bookInTheEnd(system, chalet.id, 10, 2, key);
      expect(granted(await book(system, chalet.id, 10, 2, key))).toEqual(first);
    });
    await withCalendar({ status: 'unreachable' }, async () => {
      granted(await book(system, chalet.id, 10, 2, key));
    });
  });

  it('asks nobody where the establishment is open', async () => {
    const { chalet } = await seedChalet(system);
    await withCalendar({ status: 'unreachable' }, async asked => {
      granted(await book(system, chalet.id, 10));
      expect(asked()).toBe(0);
    });
    expect(
      granted(await system.ask(bookingRequests.list, { actor: admin, establishmentId: chalet.establishmentId })).items,
    ).toHaveLength(1);
  });
});
