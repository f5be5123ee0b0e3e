import { eventually } from '@monde-sauvage/testkit';
import type { CalendarSystem } from './calendar-system.ts';

/** Waits until every push has arrived and the chalet's calendar is neither being read nor about to be. */
export async function untilIdle(system: CalendarSystem, chaletId: string): Promise<void> {
  await system.google.pushesSettled();
  await eventually(
    async () => {
      const { rowCount } = await system.pool.query(
        `SELECT FROM calendars
          WHERE chalet_id = $1 AND lease_owner IS NULL AND next_sync_at > now() + interval '1 minute' AND check_at IS NULL`,
        [chaletId],
      );
      return rowCount === 1;
    },
    { describe: 'no sync is under way or due' },
  );
}
