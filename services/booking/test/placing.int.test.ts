import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bookingRequests, establishmentRequests } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import {
  admin,
  type BookingSystem,
  book,
  granted,
  refusalOf,
  seedChalet,
  startBookingSystem,
  wish,
} from './booking-system.ts';

let system: BookingSystem;
beforeAll(async () => {
  system = await startBookingSystem();
});
afterAll(() => system.drain());

const count = async (sql: string, values: unknown[]): Promise<number> =>
  Number((await system.pool.query(sql, values)).rows[0]?.n);

describe('placing a booking', () => {
  it('answers a pending booking with its price, its hold and a token for its guest', async () => {
    const { chalet } = await seedChalet(system);
    const created = granted(await book(system, chalet.id, 10));
    expect(created).toMatchObject({
      status: 'pending',
      source: 'website',
      googleEventId: null,
      version: 1,
      nights: 2,
      price: {
        currency: 'CAD',
        total: 45_000,
        lines: [
          { label: '2 nuits', amount: 40_000 },
          { label: 'Frais de ménage', amount: 5_000 },
        ],
      },
    });
    expect(created.reference).toMatch(/^MS-[A-Z2-9]{6}$/);
    const actor = granted(await system.ask(establishmentRequests.authenticate, { token: created.manageToken }));
    expect(actor).toEqual({ kind: 'guest', bookingId: created.id });
    const { manageToken, ...booking } = created;
    expect(granted(await system.ask(bookingRequests.get, { actor, bookingId: created.id }))).toMatchObject(booking);
  });

  it('confirms a stay that costs nothing, and keeps its nights', async () => {
    const { chalet } = await seedChalet(system, { nightlyRate: 0, cleaningFee: 0 });
    const created = granted(await book(system, chalet.id, 10));
    expect(created).toMatchObject({ status: 'confirmed', holdExpiresAt: null, price: { total: 0 } });
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('dates_unavailable');
  });

  it('refuses a name that no database can store', async () => {
    const { chalet } = await seedChalet(system);
    const halfAnEmoji = { name: 'John \ud83c', email: 'john.doe@example.com' };
    const booking = { ...wish(system, chalet.id, 10), customer: halfAnEmoji };
    expect(refusalOf(await system.ask(bookingRequests.create, { booking }))).toBe('validation_failed');
  });

  it('announces the whole booking on the stream', async () => {
    const { chalet } = await seedChalet(system);
    const created = granted(await book(system, chalet.id, 10));
    const manager = await system.nc.jetstreamManager();
    const message = await eventually(async () => {
      const last = await manager.streams.getMessage('BOOKING', { last_by_subj: 'booking.created' });
      const body = last.json<{ id: string }>();
      return body.id === created.id && last;
    });
    expect(message.json()).toMatchObject({ version: 1, customer: { name: 'John Doe' }, policy: { name: 'moderate' } });
    expect(message.header.get('ce-subject')).toBe(created.id);
    const history = await system.ask(bookingRequests.history, { actor: admin, bookingId: created.id });
    expect(granted(history).items).toMatchObject([{ version: 1, by: 'guest', action: 'placed' }]);
    expect(JSON.stringify(granted(history))).not.toContain('John');
  });

  it('gives one night to one of fifty guests who ask at once', async () => {
    const { chalet } = await seedChalet(system);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, guest) => book(system, chalet.id, 20 + (guest % 2), 2)),
    );
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    const refusals = answers.filter(answer => !answer.ok);
    expect(new Set(refusals.map(refusalOf))).toEqual(new Set(['dates_unavailable']));
    expect(await count(`SELECT count(*) n FROM bookings WHERE chalet_id = $1`, [chalet.id])).toBe(1);
    expect(await count(`SELECT count(*) n FROM outbox WHERE body->>'chaletId' = $1`, [chalet.id])).toBe(1);
  });

  it('gives one night to one guest when several replicas answer', async () => {
    const replica = await system.startReplica();
    try {
      for (let day = 10; day < 40; day += 3) {
        const { chalet } = await seedChalet(system);
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, guest) => book(system, chalet.id, day + (guest % 3), 3)),
        );
        expect(answers.filter(answer => answer.ok).length).toBe(1);
      }
    } finally {
      await replica.drain();
    }
  });

  it('books once each when connections to the database are cut meanwhile', async () => {
    const { chalet } = await seedChalet(system);
    const answers = Promise.allSettled(
      Array.from({ length: 40 }, (_, guest) => book(system, chalet.id, 10 + guest * 2)),
    );
    for (let cut = 0; cut < 5; cut += 1) {
      await system.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'booking' AND datname = current_database() AND random() < 0.3`,
      );
    }
    // A guest who got no answer may have been booked or not; one who got an answer is in the database, once.
    const answered = (await answers).flatMap(answer =>
      answer.status === 'fulfilled' ? [granted(answer.value).id] : [],
    );
    const { rows } = await system.pool.query('SELECT id FROM bookings WHERE chalet_id = $1', [chalet.id]);
    expect(rows.map(row => row.id)).toEqual(expect.arrayContaining(answered));
    expect(answered.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThanOrEqual(40);
  });

  it('lets a guest arrive on the day another leaves', async () => {
    const { chalet } = await seedChalet(system);
    granted(await book(system, chalet.id, 10, 2));
    granted(await book(system, chalet.id, 12, 2));
    granted(await book(system, chalet.id, 8, 2));
    expect(refusalOf(await book(system, chalet.id, 11, 2))).toBe('dates_unavailable');
  });

  it('names what is wrong with a stay that breaks the rules of its chalet', async () => {
    const { chalet } = await seedChalet(system, { minNights: 3 });
    const answer = await system.ask(bookingRequests.create, {
      booking: { ...wish(system, chalet.id, -1, 2), guests: 9 },
    });
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: 'validation_failed', errors: [{ path: 'startDate' }, { path: 'endDate' }, { path: 'guests' }] },
    });
    expect(refusalOf(await book(system, '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11', 3))).toBe('not_found');
  });

  it('places no booking in an archived chalet, and does again once it is offered again', async () => {
    const { chalet, owner } = await seedChalet(system);
    const archive = (archived: boolean) =>
      system.ask(establishmentRequests.updateChalet, { actor: owner, chaletId: chalet.id, patch: { archived } });
    granted(await archive(true));
    expect(refusalOf(await book(system, chalet.id, 10))).toBe('validation_failed');
    granted(await archive(false));
    granted(await book(system, chalet.id, 10));
  });
});

describe('an idempotency key', () => {
  it('gets the same answer for the same request, manage token included', async () => {
    const { chalet } = await seedChalet(system);
    const first = granted(await book(system, chalet.id, 10, 2, 'key-again'));
    expect(granted(await book(system, chalet.id, 10, 2, 'key-again'))).toEqual(first);
    const stored = JSON.stringify((await system.pool.query('SELECT * FROM idempotency_keys')).rows);
    expect(stored).not.toContain('key-again');
    expect(stored).not.toContain(first.manageToken);
  });

  it('places one booking when the same request arrives many times at once', async () => {
    const { chalet } = await seedChalet(system);
    const answers = await Promise.all(Array.from({ length: 20 }, () => book(system, chalet.id, 10, 2, 'key-at-once')));
    const tokens = new Set(answers.map(answer => granted(answer).manageToken));
    expect(tokens.size).toBe(1);
    expect(await count(`SELECT count(*) n FROM bookings WHERE chalet_id = $1`, [chalet.id])).toBe(1);
  });

  it('is refused for another request, also on another chalet and at the same moment', async () => {
    const [one, two] = [(await seedChalet(system)).chalet, (await seedChalet(system)).chalet];
    granted(await book(system, one.id, 10, 2, 'key-other'));
    expect(refusalOf(await book(system, one.id, 11, 2, 'key-other'))).toBe('idempotency_key_reused');
    const answers = await Promise.all([one, two].map(chalet => book(system, chalet.id, 30, 2, 'key-two-chalets')));
    expect(answers.filter(answer => answer.ok)).toHaveLength(1);
    expect(answers.filter(answer => !answer.ok).map(refusalOf)).toEqual(['idempotency_key_reused']);
  });

  it('repeats the answer even when the request would be refused by now', async () => {
    const { chalet, owner } = await seedChalet(system);
    const first = granted(await book(system, chalet.id, 10, 2, 'key-archived'));
    granted(
      await system.ask(establishmentRequests.updateChalet, {
        actor: owner,
        chaletId: chalet.id,
        patch: { archived: true },
      }),
    );
    expect(granted(await book(system, chalet.id, 10, 2, 'key-archived'))).toEqual(first);
  });
});

describe('cancelling', () => {
  it('ends a booking once, however often it is asked', async () => {
    const { chalet, owner } = await seedChalet(system);
    const { id: bookingId } = granted(await book(system, chalet.id, 10));
    const actor = { kind: 'guest', bookingId } as const;
    const cancelled = granted(await system.ask(bookingRequests.cancel, { actor, bookingId, reason: 'grippe' }));
    expect(cancelled).toMatchObject({ status: 'cancelled', cancelReason: 'guest', version: 2, holdExpiresAt: null });
    expect(granted(await system.ask(bookingRequests.cancel, { actor: owner, bookingId }))).toEqual(cancelled);
    const snapshot = granted(await system.ask(bookingRequests.getSnapshot, { bookingId }));
    expect(snapshot.refundPercentage).toBe(100);
    granted(await book(system, chalet.id, 10));
  });

  it("does not show or cancel somebody else's booking", async () => {
    const { chalet } = await seedChalet(system);
    const other = await seedChalet(system);
    const { id: bookingId } = granted(await book(system, chalet.id, 10));
    const strangers = [other.owner, { kind: 'guest', bookingId: other.chalet.id } as const];
    for (const actor of strangers) {
      expect(refusalOf(await system.ask(bookingRequests.get, { actor, bookingId }))).toBe('not_found');
      expect(refusalOf(await system.ask(bookingRequests.cancel, { actor, bookingId }))).toBe('not_found');
      expect(refusalOf(await system.ask(bookingRequests.history, { actor, bookingId }))).toBe('not_found');
    }
  });
});
