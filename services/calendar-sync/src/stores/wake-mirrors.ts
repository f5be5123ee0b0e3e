import type { Context, Transaction } from '../context.ts';
import { wakeLeft } from './left-mirror-store.ts';

/**
 * Has the mirrors of an establishment, or of one of its chalets, looked at again: those of stays that are not over, all
 * that are or may be in Google, since these may have to be removed, all that were blocked, and cancelled ones that name an
 * event. What was left in calendars out of reach is tried again as well. Returns how many mirrors.
 */
export async function wakeMirrors(
  tx: Transaction,
  o: { establishmentId: string; chaletId?: string | undefined; now: Date },
): Promise<number> {
  await wakeLeft(tx, o.establishmentId, o.now);
  const yesterday = new Date(o.now.getTime() - 86_400_000);
  return tx.$executeRaw`
    UPDATE mirrors
       SET next_attempt_at = ${o.now}::timestamptz, wakes = wakes + 1, attempts = 0,
           state = CASE WHEN state IN ('synced', 'removed') THEN state ELSE 'wanted' END
     WHERE establishment_id = ${o.establishmentId}::uuid
       AND (${o.chaletId ?? null}::uuid IS NULL OR chalet_id = ${o.chaletId ?? null}::uuid)
       AND (place_event_id IS NOT NULL OR state = 'blocked' OR (active AND end_date >= ${yesterday}::date)
            OR (NOT active AND linked_event_id IS NOT NULL))`;
}

/** Has booking told that its cancelled stays have no event any more, where their places were forgotten. */
export const wakeLinkedWithoutPlace = (tx: Pick<Transaction, 'mirror'>, establishmentId: string, now: Date) =>
  tx.mirror.updateMany({
    where: { establishmentId, active: false, linkedEventId: { not: null }, placeEventId: null },
    data: { nextAttemptAt: now, wakes: { increment: 1 }, attempts: 0 },
  });

/** Questions about stays that are over by now are none any more: their events are put right. Returns how many. */
export const wakeOverStays = ({ db, now }: Pick<Context, 'db' | 'now'>): Promise<number> =>
  db.$executeRaw`
    UPDATE mirrors SET next_attempt_at = ${now()}::timestamptz, wakes = wakes + 1
      FROM drift_decisions decision, chalets chalet
     WHERE decision.booking_id = mirrors.booking_id AND chalet.id = mirrors.chalet_id
       AND decision.status = 'waiting' AND mirrors.state = 'awaiting_decision' AND mirrors.next_attempt_at IS NULL
       AND mirrors.end_date < (${now()}::timestamptz AT TIME ZONE chalet.timezone)::date`;

/** Has one mirror looked at again, whatever it waits for. */
export const wakeMirror = (tx: Pick<Transaction, 'mirror'>, bookingId: string, now: Date) =>
  tx.mirror.updateMany({ where: { bookingId }, data: { nextAttemptAt: now, wakes: { increment: 1 }, attempts: 0 } });
