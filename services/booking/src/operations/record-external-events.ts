import type { ExternalEventChange } from '@monde-sauvage/contracts';
import type { BookingRecord, Change } from '../booking.ts';
import { fromRow } from '../booking-rows.ts';
import { inTransaction, lockChalet, saveChanges, type Tx, withConflicts } from '../booking-store.ts';
import type { BookingContext, Origin } from '../context.ts';
import { newReference } from '../credentials.ts';
import { recordExternalEvent } from '../external-events.ts';

/**
 * Records changes of external events, one transaction a chalet, whatever their number. Comes as a request and as
 * events: whichever is second finds the revision known. Changes for a chalet that does not exist are dropped.
 */
export async function recordExternalEvents(
  ctx: BookingContext,
  changes: readonly ExternalEventChange[],
  origin: Origin,
): Promise<{ recorded: number; known: number }> {
  let recorded = 0;
  for (const [chaletId, events] of Map.groupBy(changes, change => change.chaletId)) {
    recorded += await recordForChalet(ctx, chaletId, newestOfEach(events), origin);
  }
  const known = changes.length - recorded;
  ctx.metrics.externalChanges.inc({ outcome: 'recorded' }, recorded);
  ctx.metrics.externalChanges.inc({ outcome: 'known' }, known);
  return { recorded, known };
}

const newestOfEach = (events: readonly ExternalEventChange[]): ExternalEventChange[] => [
  ...new Map(events.toSorted((a, b) => a.revision - b.revision).map(event => [event.googleEventId, event])).values(),
];

async function recordForChalet(
  ctx: BookingContext,
  chaletId: string,
  events: readonly ExternalEventChange[],
  origin: Origin,
): Promise<number> {
  const at = ctx.now();
  return inTransaction(ctx, async tx => {
    const chalet = await lockChalet(tx, chaletId);
    if (!chalet) {
      ctx.logger.warn({ chaletId, changes: events.length }, 'external events of a chalet that does not exist');
      return 0;
    }
    const { known, current } = await findKnown(tx, chaletId, events);
    const before: BookingRecord[] = [];
    const changes: Change[] = [];
    const marks: { googleEventId: string; revision: number; bookingId: string | null }[] = [];
    for (const event of events) {
      const mark = known.get(event.googleEventId);
      const row = mark?.bookingId ? current.get(mark.bookingId) : undefined;
      const decision = recordExternalEvent(event, mark, row, {
        at,
        establishmentId: chalet.establishmentId,
        locale: chalet.locale,
        newIdentity: () => ({ id: ctx.newId(), reference: newReference() }),
      });
      if (decision.kind === 'known') continue;
      marks.push({ googleEventId: event.googleEventId, revision: event.revision, bookingId: decision.bookingId });
      if (!decision.change) continue;
      if (row) before.push(row);
      changes.push(decision.change);
    }
    const settled = changes.length > 0 ? await withConflicts(tx, before, changes, at) : [];
    await saveChanges(tx, settled, { newId: ctx.newId, traceparent: origin.traceparent });
    await saveMarks(tx, chaletId, marks, at);
    return marks.length;
  });
}

async function findKnown(tx: Tx, chaletId: string, events: readonly ExternalEventChange[]) {
  const marks = await tx.externalEvent.findMany({
    where: { chaletId, googleEventId: { in: events.map(event => event.googleEventId) } },
  });
  const ids = marks.flatMap(mark => mark.bookingId ?? []);
  const rows = ids.length > 0 ? await tx.booking.findMany({ where: { id: { in: ids }, source: 'google' } }) : [];
  return {
    known: new Map(marks.map(mark => [mark.googleEventId, mark])),
    current: new Map(rows.map(row => [row.id, fromRow(row)])),
  };
}

async function saveMarks(
  tx: Tx,
  chaletId: string,
  marks: readonly { googleEventId: string; revision: number; bookingId: string | null }[],
  at: Date,
): Promise<void> {
  if (marks.length === 0) return;
  const json = JSON.stringify(
    marks.map(mark => ({
      chalet_id: chaletId,
      google_event_id: mark.googleEventId,
      revision: mark.revision,
      booking_id: mark.bookingId,
      updated_at: at.toISOString(),
    })),
  );
  await tx.$executeRaw`
    INSERT INTO external_events AS e
    SELECT m.* FROM jsonb_populate_recordset(NULL::external_events, ${json}::jsonb) AS m
    ON CONFLICT (chalet_id, google_event_id) DO UPDATE SET
      revision = excluded.revision, booking_id = excluded.booking_id, updated_at = excluded.updated_at
    WHERE excluded.revision > e.revision`;
}
