import type { ExternalEventChange } from '@monde-sauvage/contracts';
import { calendarEvents } from '@monde-sauvage/contracts';
import { civilDateFromDb } from '@monde-sauvage/persistence';
import type { Context, Transaction } from '../context.ts';
import type { ExternalChange, ExternalEvent } from '../domain/plan-external-changes.ts';
import type { Prisma, ExternalEvent as Row } from '../generated/prisma/client.ts';
import { writeEvents } from './outbox-store.ts';

const fromRow = (row: Row): ExternalEvent => ({
  googleEventId: row.googleEventId,
  calendarId: row.calendarId,
  startDate: civilDateFromDb(row.startDate),
  endDate: civilDateFromDb(row.endDate),
  title: row.title,
  etag: row.etag,
  status: row.status === 'active' ? 'active' : 'removed',
  revision: row.revision,
});

/** Writes changes to our copy and announces them, in the caller's transaction; returns what is announced. */
export async function writeExternalChanges(
  tx: Transaction,
  context: Context,
  about: { chaletId: string; establishmentId: string },
  changes: ExternalChange[],
): Promise<ExternalEventChange[]> {
  if (changes.length === 0) return [];
  const rows = changes.map(({ row }) => row);
  await tx.$executeRaw`
    INSERT INTO external_events (chalet_id, google_event_id, calendar_id, start_date, end_date, title, etag, status,
                                 revision)
    SELECT ${about.chaletId}::uuid, row."googleEventId", row."calendarId", row."startDate", row."endDate", row.title,
           row.etag, row.status, row.revision
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS row ("googleEventId" text, "calendarId" text, "startDate" date, "endDate" date, title text, etag text,
                status text, revision int)
    ON CONFLICT (chalet_id, google_event_id) DO UPDATE SET
      calendar_id = excluded.calendar_id, start_date = excluded.start_date, end_date = excluded.end_date,
      title = excluded.title, etag = excluded.etag, status = excluded.status, revision = excluded.revision`;
  const { chaletId, establishmentId } = about;
  const aggregateId = chaletId;
  const changed = changes.flatMap(change => {
    if (change.kind !== 'changed') return [];
    const { status: _, ...row } = change.row;
    return [{ kind: 'changed' as const, chaletId, establishmentId, ...row }];
  });
  const removed = changes.flatMap(change => {
    if (change.kind !== 'removed') return [];
    const { calendarId, googleEventId, revision } = change.row;
    const { reason } = change;
    return [{ kind: 'removed' as const, chaletId, establishmentId, calendarId, googleEventId, revision, reason }];
  });
  await writeEvents(
    tx,
    context,
    calendarEvents.externalEventChanged,
    changed.map(body => ({ aggregateId, body })),
  );
  await writeEvents(
    tx,
    context,
    calendarEvents.externalEventRemoved,
    removed.map(body => ({ aggregateId, body })),
  );
  return [...changed, ...removed];
}

/** Rows that are read and written together: a calendar can hold tens of thousands of events. */
export const batchSize = 500;

/** What is known of some events of a chalet. */
export const findExternalEvents = async (
  tx: Transaction,
  chaletId: string,
  googleEventIds: string[],
): Promise<ExternalEvent[]> =>
  (await tx.externalEvent.findMany({ where: { chaletId, googleEventId: { in: googleEventIds } } })).map(fromRow);

/**
 * Changes those of a chalet's events that take nights and are in `which`, batch by batch, as `plan` says: it must leave none
 * of them as it was.
 */
export async function changeExternalEvents(
  tx: Transaction,
  context: Context,
  about: { chaletId: string; establishmentId: string },
  o: {
    which: Prisma.Sql;
    plan: (rows: ExternalEvent[]) => ExternalChange[];
    told?: (changes: ExternalEventChange[]) => void;
  },
): Promise<void> {
  for (;;) {
    const found = await tx.$queryRaw<{ id: string }[]>`
      SELECT google_event_id AS id FROM external_events
       WHERE chalet_id = ${about.chaletId}::uuid AND status = 'active' AND ${o.which}
       LIMIT ${batchSize}::int`;
    if (found.length === 0) return;
    const ids = found.map(({ id }) => id);
    const changes = o.plan(await findExternalEvents(tx, about.chaletId, ids));
    if (changes.length < found.length) throw new Error('events that were to be changed are not');
    const written = await writeExternalChanges(tx, context, about, changes);
    o.told?.(written);
  }
}

/** Per chalet without a calendar, how many of the owner's events still take nights: what a disconnection left. */
export const countLeftEvents = (
  context: Pick<Context, 'db' | 'now'>,
  establishmentId: string,
): Promise<{ chaletId: string; events: number }[]> =>
  context.db.$queryRaw<{ chaletId: string; events: number }[]>`
    SELECT chalet.id AS "chaletId", count(*)::int AS events
      FROM chalets chalet
      JOIN external_events event ON event.chalet_id = chalet.id AND event.status = 'active'
       AND event.end_date >= (${context.now()}::timestamptz AT TIME ZONE chalet.timezone)::date
     WHERE chalet.establishment_id = ${establishmentId}::uuid
       AND NOT EXISTS (SELECT 1 FROM calendars calendar WHERE calendar.chalet_id = chalet.id)
     GROUP BY chalet.id
     ORDER BY chalet.id`;
