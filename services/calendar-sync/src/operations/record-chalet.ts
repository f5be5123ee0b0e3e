import type { ChaletSnapshot, EstablishmentSnapshot } from '@monde-sauvage/contracts';
import type { Context, Transaction } from '../context.ts';
import { transact } from '../stores/transact.ts';

/** Keeps the newest copy of a chalet; mirrors to come follow its name, as do those of stays that are not over. */
export async function recordChalet(context: Context, chalet: ChaletSnapshot): Promise<void> {
  const waiting = await transact(context.db, tx => storeChalet(tx, context, chalet));
  if (waiting === undefined) return;
  context.nudge.syncs();
  if (waiting > 0) context.nudge.mirrors();
}

/** What follows from a change is planned with it: the event comes again, but then says nothing new. */
async function storeChalet(tx: Transaction, context: Context, chalet: ChaletSnapshot): Promise<number | undefined> {
  const before = await tx.chalet.findUnique({ where: { id: chalet.id }, select: { timezone: true } });
  const changed = await tx.$executeRaw`
    INSERT INTO chalets (id, establishment_id, name, timezone, locale, archived, version)
    VALUES (${chalet.id}::uuid, ${chalet.establishmentId}::uuid, ${chalet.name}, ${chalet.timezone}, ${chalet.locale},
            ${chalet.archived}, ${chalet.version})
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, timezone = excluded.timezone, locale = excluded.locale, archived = excluded.archived,
      version = excluded.version
    WHERE excluded.version > chalets.version`;
  if (changed === 0) return undefined;
  const now = context.now();
  if (before !== null && before.timezone !== chalet.timezone) {
    // Events with times take other nights now: read them all again.
    await tx.calendar.updateMany({
      where: { chaletId: chalet.id },
      data: { syncToken: null, nextSyncAt: now },
    });
  }
  // The writer compares each with what it wrote and calls Google only where the title is another now.
  return tx.$executeRaw`
    UPDATE mirrors SET next_attempt_at = ${now}::timestamptz, wakes = wakes + 1
     WHERE chalet_id = ${chalet.id}::uuid AND active AND state IN ('wanted', 'synced')
       AND end_date >= (${now}::timestamptz AT TIME ZONE ${chalet.timezone})::date`;
}

/** Keeps the newest copy of an establishment. Questions that wait for an owner who is asked no more are answered: restore. */
export async function recordEstablishment(context: Context, establishment: EstablishmentSnapshot): Promise<void> {
  const { id, name, timezone, locale, calendarDrift, guestInvitations, version } = establishment;
  const woken = await transact(context.db, async tx => {
    const changed = await tx.$executeRaw`
      INSERT INTO establishments (id, name, timezone, locale, calendar_drift, guest_invitations, version)
      VALUES (${id}::uuid, ${name}, ${timezone}, ${locale}, ${calendarDrift}, ${guestInvitations}, ${version})
      ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, timezone = excluded.timezone, locale = excluded.locale,
        calendar_drift = excluded.calendar_drift, guest_invitations = excluded.guest_invitations,
        version = excluded.version
      WHERE excluded.version > establishments.version`;
    if (changed === 0 || calendarDrift === 'ask') return 0;
    return tx.$executeRaw`
      UPDATE mirrors SET next_attempt_at = ${context.now()}::timestamptz, wakes = wakes + 1
       WHERE booking_id IN (SELECT booking_id FROM drift_decisions
                             WHERE establishment_id = ${id}::uuid AND status = 'waiting')`;
  });
  if (woken > 0) context.nudge.mirrors();
}
