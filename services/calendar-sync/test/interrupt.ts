import { eventually } from '@monde-sauvage/testkit';
import type { CrashPoint } from '../src/crash-points.ts';
import type { Timing } from '../src/timing.ts';
import { announce, newBooking, stateOf } from './bookings.ts';
import { type CalendarSystem, ownerEmail } from './calendar-system.ts';
import { seedConnectedChalet } from './chalets.ts';

/** Shorter than the intervals at which what was lost would be found by chance. */
export const soon = { timeoutMs: 60_000 };

let brakes = 0;

/** Each such update of a table fails, as if the database were away just then, until it is mended. */
export async function breakUpdates(system: CalendarSystem, table: string, when: string) {
  brakes += 1;
  const name = `brake_${brakes}`;
  await system.pool.query(`CREATE SEQUENCE ${name}_fired`);
  await system.pool.query(`CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('${name}_fired'); RAISE EXCEPTION 'the database is away'; END $$`);
  await system.pool.query(
    `CREATE TRIGGER ${name} BEFORE UPDATE ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}()`,
  );
  const hasFired = async () => (await system.pool.query(`SELECT is_called FROM ${name}_fired`)).rows[0]?.is_called;
  return {
    fired: () => eventually(hasFired, { describe: 'the database failed', ...soon }),
    mend: () => system.pool.query(`DROP TRIGGER ${name} ON ${table}`),
  };
}

/** Starts the service anew; the first who passes that point waits until `go`. */
export async function holdAt(system: CalendarSystem, at: CrashPoint, timing: Partial<Timing> = {}) {
  let struck = 0;
  const gate = Promise.withResolvers<void>();
  const passing = async (point: CrashPoint) => {
    if (point !== at) return;
    struck += 1;
    if (struck === 1) await gate.promise;
  };
  await system.restart({}, { passing, timing });
  return {
    go: () => gate.resolve(),
    isHeld: () => eventually(() => struck >= 1, { describe: `held: ${at}`, ...soon }),
  };
}

/** A booking that waits for its calendar, which the account does not see any more. */
export async function seedBlocked(system: CalendarSystem) {
  const chalet = await seedConnectedChalet(system);
  const booking = newBooking(chalet);
  system.google.shareCalendar(chalet.calendarId, ownerEmail, null);
  await announce(system, booking);
  await eventually(async () => (await stateOf(system, booking.id)) === 'blocked');
  return { chalet, booking };
}
