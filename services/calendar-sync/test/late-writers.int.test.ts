import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { calendarRequests } from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import type { Timing } from '../src/timing.ts';
import { announce, cancelled, eventsOf, mirrorOf, newBooking, settled, stateOf } from './bookings.ts';
import { type CalendarSystem, day, granted, ownerEmail, startCalendarSystem } from './calendar-system.ts';
import { type Chalet, choose, connectGoogle, seedChalet, seedConnectedChalet } from './chalets.ts';
import { holdAt, soon } from './interrupt.ts';
import { untilIdle } from './until-idle.ts';

describe('who is late, or ends in the middle', () => {
  let system: CalendarSystem;
  let release: (() => Promise<unknown>) | undefined;
  beforeAll(async () => {
    system = await startCalendarSystem();
  });
  afterEach(async () => {
    system.google.clearFaults();
    await release?.();
    release = undefined;
  });
  afterAll(() => system.drain());

  async function hold(at: CrashPoint, timing: Partial<Timing> = {}) {
    const held = await holdAt(system, at, timing);
    release = async () => {
      held.go();
      await system.restart();
    };
    return held;
  }
  const newAccount = () => system.google.createAccount({ email: `${newId()}@example.com` }).email;
  const calendarOf = (owner: string) => system.google.createCalendar({ owner, summary: 'Chalet 1' }).id;
  const connect = async (chalet: Chalet, account: string) =>
    granted((await connectGoogle(system, chalet, { account })).answer);
  async function seed(count: number) {
    const account = newAccount();
    const chalet = { ...(await seedChalet(system)), calendarId: calendarOf(account) };
    await connect(chalet, account);
    granted(await choose(system, chalet));
    for (let index = 0; index < count; index += 1) {
      const booking = newBooking(chalet, { startDate: day(10 + 3 * index), endDate: day(12 + 3 * index) });
      await announce(system, booking);
    }
    await eventually(() => eventsOf(system, chalet).length === count, { describe: 'every booking has its event' });
    await settled(system, chalet);
    return { account, chalet };
  }

  test('a writer that lost its lane does not say where the event is', async () => {
    const chalet = await seedConnectedChalet(system);
    const booking = newBooking(chalet);
    await announce(system, booking);
    await mirrorOf(system, chalet, booking);
    const [second, third] = ['2', '3'].map(summary => system.google.createCalendar({ owner: ownerEmail, summary }).id);
    const held = await hold('mirror removed from the old calendar, not made in the new one', {
      leaseMs: 2_000,
      renewLeaseEveryMs: 3_600_000,
    });
    granted(await choose(system, chalet, second));
    await held.isHeld();
    granted(await choose(system, chalet, third));
    await eventually(() => eventsOf(system, chalet, third).length === 1, soon);
    await settled(system, chalet);
    held.go();
    // It ends what it was at.
    await system.restart();
    await announce(system, cancelled(booking));
    await eventually(async () => (await stateOf(system, booking.id)) === 'removed', soon);
    await settled(system, chalet);
    expect(eventsOf(system, chalet, third)).toEqual([]);
  });

  test('what is left while its account is being connected again goes at once', async () => {
    const { account, chalet } = await seed(1);
    const held = await hold('mirror removed from Google, not committed');
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await held.isHeld();
    await connect(chalet, account);
    held.go();
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'nothing is left', ...soon });
  });

  test('one that Google keeps from the account is tried again when the owner mended that meanwhile', async () => {
    const { account, chalet } = await seed(1);
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 1);
    await settled(system, chalet);
    const held = await hold('left mirror removed from Google, not forgotten');
    system.google.addFault({
      match: { method: 'DELETE', calendarId: chalet.calendarId },
      status: 403,
      reason: 'forbidden',
    });
    await connect(chalet, account);
    await held.isHeld();
    await connect(chalet, account);
    held.go();
    await eventually(() => eventsOf(system, chalet).length === 0, { describe: 'nothing is left', ...soon });
  });

  test('a sync in which one replica ends is taken over by the other', async () => {
    const chalet = await seedConnectedChalet(system);
    await untilIdle(system, chalet.chaletId);
    const held = await hold('calendar listed, nothing applied', { leaseMs: 2_000, renewLeaseEveryMs: 3_600_000 });
    const before = release;
    const replica = await system.start({}, { timing: { leaseMs: 2_000 } });
    release = async () => {
      await replica.drain();
      await before?.();
    };
    const again = () =>
      system.pool.query(
        "UPDATE calendars SET lease_owner = NULL, lease_until = NULL, check_at = NULL, next_sync_at = now() + interval '4 minutes'",
      );
    await again();
    // Until the one that ends is the one that reads.
    const ids: string[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      const { id } = system.google.createEvent(chalet.calendarId, {
        summary: 'Own',
        start: { date: day(20 + tries) },
        end: { date: day(21 + tries) },
      });
      ids.push(id ?? '');
      const isHeld = await Promise.race([
        held.isHeld().then(() => true),
        untilIdle(system, chalet.chaletId).then(() => false),
      ]);
      if (isHeld) break;
    }
    await held.isHeld();
    await eventually(
      async () =>
        (
          await system.pool.query('SELECT FROM external_events WHERE chalet_id = $1 AND google_event_id = $2', [
            chalet.chaletId,
            ids.at(-1),
          ])
        ).rowCount === 1,
      { describe: 'the event is known', ...soon },
    );
  }, 180_000);

  test('who disconnects and wants events removed: those that were left before and can be removed now go as well', async () => {
    const { account, chalet } = await seed(3);
    const second = newAccount();
    const other = calendarOf(second);
    await connect(chalet, second);
    granted(await choose(system, chalet, other));
    await eventually(() => eventsOf(system, chalet, other).length === 3);
    await settled(system, chalet);
    system.google.addFault({ match: { method: 'DELETE', calendarId: chalet.calendarId }, status: 503, times: 2 });
    await connect(chalet, account);
    const { owner: actor, establishmentId } = chalet;
    await eventually(
      async () => {
        const answer = await system.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors: true });
        return answer.ok;
      },
      { describe: 'it is disconnected' },
    );
    expect(eventsOf(system, chalet)).toHaveLength(0);
  });
});
