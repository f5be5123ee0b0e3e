import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, bookingRequests, calendarEvents, establishmentRequests } from '@monde-sauvage/contracts';
import { describeDrift } from '@monde-sauvage/persistence';
import fc from 'fast-check';
import {
  admin,
  awaitVersion,
  type BookingSystem,
  book,
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

describe("an establishment's bookings", () => {
  it('come in pages by arrival, each once', async () => {
    const { establishment, owner, chalet } = await seedChalet(system);
    const actor = owner;
    const second = granted(
      await system.ask(establishmentRequests.createChalet, {
        actor,
        establishmentId: establishment.id,
        chalet: { name: 'Chalet 2', capacity: 2, nightlyRate: 10_000 },
      }),
    );
    for (const day of [30, 10, 20]) {
      granted(await book(system, chalet.id, day));
      granted(await book(system, second.id, day));
    }
    const seen: { id: string; startDate: string }[] = [];
    let cursor: string | undefined;
    do {
      const page = granted(
        await system.ask(bookingRequests.list, { actor, establishmentId: establishment.id, limit: 2, cursor }),
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(new Set(seen.map(booking => booking.id)).size).toBe(6);
    expect(seen.map(booking => booking.startDate)).toEqual(seen.map(booking => booking.startDate).toSorted());

    const touching = await system.ask(bookingRequests.list, {
      actor,
      establishmentId: establishment.id,
      from: addDays(system.today(), 11),
      to: addDays(system.today(), 20),
      chaletId: second.id,
      status: 'pending',
    });
    expect(granted(touching).items).toMatchObject([{ chaletId: second.id, startDate: addDays(system.today(), 10) }]);
  });

  it('are not there for another owner, nor behind a made-up cursor', async () => {
    const { establishment, owner, chalet } = await seedChalet(system);
    const { owner: stranger } = await seedChalet(system);
    const list = (actor: typeof owner, cursor?: string) =>
      system.ask(bookingRequests.list, { actor, establishmentId: establishment.id, cursor });
    expect(refusalOf(await list(stranger))).toBe('not_found');
    expect(refusalOf(await list(owner, 'nonsense'))).toBe('validation_failed');
    const booking = granted(await book(system, chalet.id, 10));
    const cursor = Buffer.from(JSON.stringify([2 ** 31, booking.id])).toString('base64url');
    const history = await system.ask(bookingRequests.history, { actor: owner, bookingId: booking.id, cursor });
    expect(refusalOf(history)).toBe('validation_failed');
  });
});

describe('an owner key', () => {
  it('opens its establishment until it is deleted', async () => {
    const { establishment, owner } = await seedChalet(system);
    const establishmentId = establishment.id;
    const created = granted(
      await system.ask(establishmentRequests.createKey, { actor: admin, establishmentId, name: 'Bureau' }),
    );
    const who = await system.ask(establishmentRequests.authenticate, { token: created.key });
    expect(granted(who)).toEqual({ kind: 'owner', establishmentId, keyId: created.id });
    const listed = granted(await system.ask(establishmentRequests.listKeys, { actor: owner, establishmentId }));
    expect(listed.items).toMatchObject([{ id: created.id, name: 'Bureau' }]);
    expect(JSON.stringify(listed)).not.toContain(created.key);
    granted(await system.ask(establishmentRequests.deleteKey, { actor: owner, establishmentId, keyId: created.id }));
    expect(refusalOf(await system.ask(establishmentRequests.authenticate, { token: created.key }))).toBe(
      'unauthorized',
    );
  });
});

describe('a change of an establishment', () => {
  it('reaches its chalets, and bookings are priced and dated by the new one', async () => {
    const { establishment, owner, chalet } = await seedChalet(system);
    granted(
      await system.ask(establishmentRequests.updateEstablishment, {
        actor: owner,
        establishmentId: establishment.id,
        patch: { locale: 'en-CA', cancellationPolicy: 'strict' },
      }),
    );
    const booking = granted(await book(system, chalet.id, 10));
    expect(booking.price?.lines[0]?.label).toBe('2 nights');
    const { rows } = await system.pool.query(
      `SELECT subject, body->>'locale' AS locale, (body->>'version')::int AS version FROM outbox
       WHERE body->>'id' = $1 ORDER BY version`,
      [chalet.id],
    );
    expect(rows).toEqual([
      { subject: 'chalet.created', locale: 'fr-CA', version: 1 },
      { subject: 'chalet.updated', locale: 'en-CA', version: 2 },
    ]);
  });
});

describe('the anti-entropy sweep', () => {
  it('finds a digest of ids and versions, and has everything said again', async () => {
    const { chalet } = await seedChalet(system);
    const bookings = [granted(await book(system, chalet.id, 10)), granted(await book(system, chalet.id, 20))];
    const digests = [];
    const scope = { endingFrom: system.today(), source: 'website' as const };
    for (let after: string | null = null; ; ) {
      const page: { items: { chaletId: string; count: number; hash: string }[]; next: string | null } = granted(
        await system.ask(bookingRequests.digestChalets, { ...scope, after, limit: 2 }),
      );
      digests.push(...page.items);
      after = page.next;
      if (after === null) break;
    }
    const parts = bookings.map(booking => `${booking.id}:${booking.version}`).toSorted();
    const hash = createHash('md5').update(parts.join(',')).digest('hex');
    expect(digests.find(digest => digest.chaletId === chalet.id)).toMatchObject({ count: 2, chaletVersion: 1, hash });
    const everything = { endingFrom: system.today(), source: 'all' as const, after: null, limit: 500 };
    const all = granted(await system.ask(bookingRequests.digestChalets, everything));
    expect(all.items.find(digest => digest.chaletId === chalet.id)).toMatchObject({ count: 2, hash });
    expect(granted(await system.ask(bookingRequests.resendChalet, { ...scope, chaletId: chalet.id }))).toEqual({
      queued: 4,
    });
  });

  it('finds a hash of what was heard of its calendar: links of website bookings, events that take nights', async () => {
    const { chalet, establishment } = await seedChalet(system);
    const linked = granted(await book(system, chalet.id, 10));
    granted(await book(system, chalet.id, 15));
    const link = { bookingId: linked.id, googleEventId: 'mirror', calendarId: 'calendar', revision: 7 };
    await system.publish(calendarEvents.eventLinked, link);
    await awaitVersion(system, linked.id, 2);
    const about = { chaletId: chalet.id, establishmentId: establishment.id, calendarId: 'calendar' };
    const stay = { startDate: addDays(system.today(), 40), endDate: addDays(system.today(), 40) };
    const changed = (googleEventId: string) =>
      ({ kind: 'changed', ...about, ...stay, googleEventId, title: 'x', etag: '1', revision: 3 }) as const;
    const changes = [changed('stays'), changed('gone'), { ...changed('stays'), title: null, revision: 4 }];
    const removed = { kind: 'removed', ...about, googleEventId: 'gone', reason: 'deleted', revision: 4 } as const;
    granted(await system.ask(bookingRequests.recordExternalEvents, { changes: [...changes, removed] }));
    granted(await system.ask(bookingRequests.recordExternalEvents, { changes: [changed('back')] }));
    const back = { kind: 'removed', ...about, googleEventId: 'back', reason: 'deleted', revision: 4 } as const;
    granted(await system.ask(bookingRequests.recordExternalEvents, { changes: [back] }));
    granted(await system.ask(bookingRequests.recordExternalEvents, { changes: [{ ...changed('back'), revision: 5 }] }));
    const hashFrom = async (endingFrom: string, withCalendar?: boolean) => {
      const scope = { endingFrom, source: 'website' as const, after: null, limit: 500, withCalendar };
      const { items } = granted(await system.ask(bookingRequests.digestChalets, scope));
      return items.find(({ chaletId }) => chaletId === chalet.id)?.calendarHash;
    };
    const hashOf = (lines: string[]) => createHash('md5').update(lines.toSorted().join(',')).digest('hex');
    const events = ['stays:4', 'back:5'];
    expect(await hashFrom(system.today(), true)).toBe(hashOf([...events, `${linked.id}:mirror`]));
    // An event that ends on the day on which it begins takes that night.
    expect(await hashFrom(addDays(system.today(), 41), true)).toBe(hashOf(events));
    expect(await hashFrom(addDays(system.today(), 42), true)).toBe(hashOf([]));
    expect(await hashFrom(system.today())).toBeUndefined();
  });
});

describe('the database', () => {
  it('is what the Prisma schema says', async () => {
    const prismaDir = fileURLToPath(new URL('../prisma', import.meta.url));
    const drift = await describeDrift({ databaseUrl: system.pool.options.connectionString ?? '', prismaDir });
    expect(drift).toBe('');
  });

  it('agrees with a simple model about which stays overlap', async () => {
    const stays = fc.array(fc.record({ day: fc.nat(20), nights: fc.integer({ min: 1, max: 5 }) }), {
      minLength: 2,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(stays, async wishes => {
        const { chalet } = await seedChalet(system);
        const taken = new Set<number>();
        for (const { day, nights } of wishes) {
          const days = Array.from({ length: nights }, (_, night) => day + night);
          const free = days.every(night => !taken.has(night));
          expect((await book(system, chalet.id, day, nights)).ok).toBe(free);
          if (free) for (const night of days) taken.add(night);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('itself refuses two website bookings of one night', async () => {
    const { chalet } = await seedChalet(system);
    const { id } = granted(await book(system, chalet.id, 10));
    const copy = system.pool.query(
      `INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object(
         'id', gen_random_uuid(), 'reference', 'MS-COPY', 'manage_token_hash', 'copy'))).* FROM bookings b WHERE id = $1`,
      [id],
    );
    await expect(copy).rejects.toMatchObject({ code: '23P01', constraint: 'bookings_no_overlap' });
  });
});
