import { untilQuiet } from '@monde-sauvage/testkit';
import type pg from 'pg';
import type { Estate } from './estate.ts';
import type { World } from './world.ts';

interface Work {
  what: string;
  count: number;
}

/** A calendar that is due within this time is about to be read; the periodic sync is minutes away. */
const soonMs = 30_000;

const calendarWork = `
  SELECT 'events not published by calendar-sync' AS what, count(*)::int AS count
    FROM outbox WHERE published_at IS NULL
  UNION ALL
  SELECT 'mirror ' || state || ' due ' || coalesce(last_error, ''), count(*)::int FROM mirrors
   WHERE next_attempt_at IS NOT NULL AND ($1::uuid IS NULL OR establishment_id = $1) GROUP BY 1
  UNION ALL
  SELECT 'lanes held', count(*)::int FROM lanes l
   WHERE lease_until > now()
     AND ($1::uuid IS NULL OR EXISTS (SELECT FROM chalets c WHERE c.id = l.chalet_id AND c.establishment_id = $1))
  UNION ALL
  SELECT 'calendar due ' || status || ' ' || coalesce(reason, ''), count(*)::int FROM calendars
   WHERE (next_sync_at < now() + make_interval(secs => ${soonMs / 1_000}) OR lease_until > now() OR status <> 'ok')
     AND ($1::uuid IS NULL OR establishment_id = $1) GROUP BY 1
  UNION ALL
  SELECT 'events left in a calendar', count(*)::int FROM left_mirrors
   WHERE next_attempt_at < now() + make_interval(secs => ${soonMs / 1_000}) AND ($1::uuid IS NULL OR establishment_id = $1)
  UNION ALL
  SELECT 'decision ' || status, count(*)::int FROM drift_decisions
   WHERE status IN ('cancelling', 'restoring') AND ($1::uuid IS NULL OR establishment_id = $1) GROUP BY 1
  UNION ALL
  SELECT 'calendar without a channel', count(*)::int FROM calendars c JOIN connections USING (establishment_id)
   WHERE connections.status = 'active' AND ($1::uuid IS NULL OR c.establishment_id = $1)
     AND NOT EXISTS (SELECT FROM channels h WHERE h.chalet_id = c.chalet_id AND h.generation = c.generation
                                               AND h.stopped_at IS NULL AND h.expires_at IS NOT NULL)`;

const read = async (pool: pg.Pool, sql: string, values: unknown[] = []): Promise<string[]> => {
  const { rows } = await pool.query<Work>(sql, values);
  return rows.flatMap(({ what, count }) => (count > 0 ? [`${count} ${what}`] : []));
};

/** Whether nothing is under way for one establishment, by calendar-sync's own account. */
export async function isCalm(estate: Estate): Promise<boolean> {
  return (await read(estate.world.calendars, calendarWork, [estate.establishmentId])).length === 0;
}

/** Everything that is still to be done, in words. */
export async function findWork(world: World): Promise<string[]> {
  await world.fleet.whole();
  await world.google.pushesSettled();
  const [booking, calendar, unsettled] = await Promise.all([
    read(
      world.bookings,
      `SELECT 'events not published by booking' AS what, count(*)::int AS count FROM outbox WHERE published_at IS NULL`,
    ),
    read(world.calendars, calendarWork, [null]),
    world.unsettledEvents(),
  ]);
  return [...booking, ...calendar, ...(unsettled > 0 ? [`${unsettled} events not handled`] : [])];
}

export const becomeQuiet = (world: World): Promise<void> => untilQuiet(() => findWork(world), { timeoutMs: 300_000 });
