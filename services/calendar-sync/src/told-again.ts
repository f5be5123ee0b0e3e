import { bookingRequests, type CivilDate, calendarEvents, type ExternalEventChange } from '@monde-sauvage/contracts';
import { request, startDigestSweep } from '@monde-sauvage/messaging';
import { civilDateFromDb, civilDateToDb } from '@monde-sauvage/persistence';
import type { Worker } from '@monde-sauvage/service-kit';
import type { Context } from './context.ts';
import type { ExternalEvent, Mirror } from './generated/prisma/client.ts';
import { writeEvents } from './stores/outbox-store.ts';
import { transact } from './stores/transact.ts';

const batchSize = 200;

/**
 * What this service said of calendars, compared with what booking has heard: a stream that was lost loses neither the
 * owner's nights nor a link. What differs is told again: booking knows each revision that it has heard.
 */
export function startTellingAgain(context: Context): Worker {
  const { config, logger, metrics, nats: nc, now } = context;
  const counter = metrics.counter('calendar_told_again_total', 'Chalets of which booking had missed calendar news');
  return startDigestSweep({
    ...{ nc, now, logger, metrics },
    name: 'calendar-told',
    everyMs: config.SWEEP_INTERVAL_SECONDS * 1_000,
    source: 'website',
    withCalendar: true,
    async compare(digests, endingFrom) {
      const ids = digests.map(({ chaletId }) => chaletId);
      const ours = await hashToldCalendars(context, ids, endingFrom);
      return digests.flatMap(({ chaletId, calendarHash: theirs }) => {
        const own = ours.get(chaletId);
        // An older version of booking does not say.
        if (theirs === undefined || own === undefined) return [];
        return [{ id: chaletId, difference: theirs === own ? null : `${theirs} / ${own}` }];
      });
    },
    async repair(chaletId, difference, endingFrom) {
      logger.warn({ chaletId, difference }, 'booking has missed news of a calendar; told again');
      await tellAgain(context, chaletId, endingFrom);
      counter.inc();
    },
  });
}

/**
 * The same lines as booking's: which event each booking was last said to have, and the owner's events that take nights.
 * @returns md5 of the lines by chalet id
 */
export async function hashToldCalendars(
  { db }: Pick<Context, 'db'>,
  chaletIds: string[],
  endingFrom: CivilDate,
): Promise<Map<string, string>> {
  const from = civilDateToDb(endingFrom);
  const rows = await db.$queryRaw<{ id: string; hash: string }[]>`
    SELECT c.id, (
      SELECT md5(coalesce(string_agg(line, ',' ORDER BY line COLLATE "C"), '')) FROM (
        SELECT booking_id || ':' || linked_event_id AS line FROM mirrors
         WHERE chalet_id = c.id AND end_date >= ${from}::date AND linked_event_id IS NOT NULL
        UNION ALL
        -- What takes a day takes its night.
        SELECT google_event_id || ':' || revision FROM external_events
         WHERE chalet_id = c.id AND status = 'active' AND end_date >= ${from}::date - 1
           AND greatest(end_date, start_date + 1) >= ${from}::date) AS lines) AS hash
    FROM unnest(${chaletIds}::uuid[]) AS c (id)`;
  return new Map(rows.map(({ id, hash }) => [id, hash]));
}

/** Removed events and links too: their removal may be what was missed. */
async function tellAgain(context: Context, chaletId: string, endingFrom: CivilDate): Promise<void> {
  const { db } = context;
  const chalet = await db.chalet.findUnique({ where: { id: chaletId } });
  if (!chalet) return;
  const where = { chaletId, endDate: { gte: civilDateToDb(endingFrom) } };
  for (let after = ''; ; ) {
    const rows = await db.externalEvent.findMany({
      where: { ...where, googleEventId: { gt: after } },
      orderBy: { googleEventId: 'asc' },
      take: batchSize,
    });
    if (rows.length > 0) {
      const changes = rows.map(row => asChange(row, chalet.establishmentId));
      const answer = await request(context.nats, bookingRequests.recordExternalEvents, { changes });
      if (!answer.ok) throw new Error(`booking refused external events: ${answer.refusal.message}`);
    }
    if (rows.length < batchSize) break;
    after = rows.at(-1)?.googleEventId ?? after;
  }
  for (let after: string | undefined; ; ) {
    const rows = await db.mirror.findMany({
      where: { ...where, revision: { gt: 0 }, ...(after === undefined ? {} : { bookingId: { gt: after } }) },
      orderBy: { bookingId: 'asc' },
      take: batchSize,
    });
    await transact(db, tx => writeEvents(tx, context, calendarEvents.eventLinked, rows.map(asLink)));
    context.nudge.relay();
    if (rows.length < batchSize) break;
    after = rows.at(-1)?.bookingId;
  }
}

function asChange(row: ExternalEvent, establishmentId: string): ExternalEventChange {
  const { chaletId, googleEventId, calendarId, revision, title, etag } = row;
  const about = { chaletId, establishmentId, googleEventId, calendarId, revision };
  if (row.status !== 'active') return { kind: 'removed', ...about, reason: 'takes no nights any more' };
  const stay = { startDate: civilDateFromDb(row.startDate), endDate: civilDateFromDb(row.endDate) };
  return { kind: 'changed', ...about, ...stay, title, etag };
}

const asLink = ({ bookingId, linkedEventId, linkedCalendarId, placeCalendarId, revision }: Mirror) => ({
  aggregateId: bookingId,
  // Where an event was that is gone is not known any more, and nobody's business.
  body: { bookingId, googleEventId: linkedEventId, calendarId: linkedCalendarId ?? placeCalendarId ?? '', revision },
});
