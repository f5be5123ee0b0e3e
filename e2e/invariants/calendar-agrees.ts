import { z } from 'zod';
import { type CalendarSight, compareExternalEvents, type External, type ExternalRow } from './external-events.ts';
import { bookingOf, type CalendarEvent } from './google-copy.ts';
import {
  by,
  chaletPages,
  count,
  endingFrom,
  type Finding,
  type Look,
  notOverFrom,
  one,
  settledBefore,
} from './look.ts';
import { findEventProblem, findMirrorProblem, isCopyByHand, isExplained } from './mirrors.ts';

const calendar = z.object({ chaletId: z.string(), calendarId: z.string(), status: z.string(), timezone: z.string() });
const websiteBooking = z.object({
  id: z.string(),
  chaletId: z.string(),
  status: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  googleEventId: z.string().nullable(),
  changedAt: z.date(),
});
const mirror = z.object({
  bookingId: z.string(),
  active: z.boolean(),
  state: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  placeCalendarId: z.string().nullable(),
  placeEventId: z.string().nullable(),
  lastError: z.string().nullable(),
  changedAt: z.date(),
});
const externalRow = z.object({
  bookingId: z.string(),
  chaletId: z.string(),
  googleEventId: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  revision: z.int().nullable(),
});
const external = z.object({
  chaletId: z.string(),
  googleEventId: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  revision: z.int(),
});

/**
 * D: exactly one event per active website booking of a chalet with a calendar, none for cancelled ones, and one row per
 * external event that takes nights. The databases among themselves, and with the emulator's calendars where it is used.
 */
export async function checkCalendarAgrees(look: Look): Promise<Finding> {
  const sights = await seeCalendars(look);
  const claims = by(
    [...sights.values()].flatMap(sight => sight.events ?? []).filter(item => bookingOf(item) !== undefined),
    item => bookingOf(item) ?? '',
  );
  const seen = { bookings: 0, external: 0, waiting: 0 };
  const violations: string[] = [];
  for await (const chalets of chaletPages(look)) {
    const page = await readPage(look, chalets);
    const mirrors = one(page.mirrors, row => row.bookingId);
    const externalIds = new Set(page.externalRows.map(row => row.googleEventId));
    for (const booking of page.bookings) {
      const its = mirrors.get(booking.id);
      if (booking.changedAt > settledBefore(look) || (its && its.changedAt > settledBefore(look))) continue;
      if (isExplained(its)) {
        seen.waiting += 1;
        continue;
      }
      const sight = sights.get(booking.chaletId);
      const isOver = booking.endDate < notOverFrom(look);
      const claimed = (claims.get(booking.id) ?? []).filter(item => !isCopyByHand(item, its, externalIds.has(item.id)));
      const problem =
        findMirrorProblem(booking, its, { calendarId: sight?.calendarId ?? null, isOver }) ??
        (sight?.events && !claimed.some(item => isYoung(look, item))
          ? findEventProblem(booking, claimed, { isOver })
          : undefined);
      if (problem !== undefined) violations.push(`booking ${booking.id} ${problem}`);
    }
    violations.push(
      ...compareExternalEvents({
        kept: page.externals,
        rows: page.externalRows,
        sights: chalets.flatMap(chaletId => sights.get(chaletId) ?? []),
        explained: new Set(page.mirrors.filter(isExplained).flatMap(({ placeEventId }) => placeEventId ?? [])),
        notOverFrom: notOverFrom(look),
        isYoung: item => isYoung(look, item),
      }),
    );
    seen.bookings += page.bookings.length;
    seen.external += page.externalRows.length;
  }
  const read = [...sights.values()].filter(sight => sight.events !== undefined).length;
  const where = look.google ? `${read} of them read in Google's emulator` : 'Google itself not asked';
  return {
    invariant: 'D',
    promise: 'one event per booking, one row per event',
    looked: `${count(seen.bookings, 'website booking')}, ${seen.external} external, ${count(sights.size, 'calendar')} (${where}), ${seen.waiting} waiting for a stated reason`,
    violations,
  };
}

/** What came about a moment ago may still be on its way to the database. */
const isYoung = (look: Look, item: CalendarEvent): boolean =>
  look.graceMs > 0 && item.updated != null && new Date(item.updated) > settledBefore(look);

/** Every chosen calendar by its chalet, with its events where the emulator has them and the service can read them. */
async function seeCalendars(look: Look): Promise<Map<string, CalendarSight>> {
  const { google, databases } = look;
  const chosen = await databases['calendar-sync'].rows(
    calendar,
    `SELECT c.chalet_id AS "chaletId", c.calendar_id AS "calendarId", c.status, coalesce(h.timezone, 'UTC') AS timezone
     FROM calendars c LEFT JOIN chalets h ON h.id = c.chalet_id ORDER BY c.chalet_id`,
  );
  const sights = new Map<string, CalendarSight>();
  for (const { chaletId, calendarId, status, timezone } of chosen) {
    // A calendar that cannot be read has a reason, which the owner sees: nothing there is known, so nothing is judged.
    const events = status === 'ok' ? await google?.eventsOf(calendarId) : undefined;
    sights.set(chaletId, { chaletId, calendarId, timezone, events });
  }
  return sights;
}

async function readPage(
  look: Look,
  chalets: string[],
): Promise<{
  bookings: z.output<typeof websiteBooking>[];
  mirrors: z.output<typeof mirror>[];
  externalRows: ExternalRow[];
  externals: External[];
}> {
  const { booking, 'calendar-sync': sync } = look.databases;
  const scope = [chalets, endingFrom(look)];
  const [bookings, externalRows, mirrors, externals] = await Promise.all([
    booking.rows(
      websiteBooking,
      `SELECT id, chalet_id AS "chaletId", status, start_date AS "startDate", end_date AS "endDate",
              google_event_id AS "googleEventId", updated_at AS "changedAt"
       FROM bookings WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2 AND source = 'website' ORDER BY id`,
      scope,
    ),
    booking.rows(
      externalRow,
      `SELECT b.id AS "bookingId", b.chalet_id AS "chaletId", b.google_event_id AS "googleEventId",
              b.start_date AS "startDate", b.end_date AS "endDate", e.revision
       FROM bookings b LEFT JOIN external_events e ON e.chalet_id = b.chalet_id AND e.google_event_id = b.google_event_id
       WHERE b.chalet_id = ANY($1::uuid[]) AND b.end_date >= $2 AND b.source = 'google' AND b.status <> 'cancelled'
       ORDER BY b.id`,
      scope,
    ),
    sync.rows(
      mirror,
      `SELECT booking_id AS "bookingId", active, state, start_date AS "startDate", end_date AS "endDate",
              place_calendar_id AS "placeCalendarId", place_event_id AS "placeEventId", last_error AS "lastError",
              updated_at AS "changedAt"
       FROM mirrors WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2`,
      scope,
    ),
    sync.rows(
      external,
      `SELECT chalet_id AS "chaletId", google_event_id AS "googleEventId", start_date AS "startDate",
              end_date AS "endDate", revision
       FROM external_events WHERE chalet_id = ANY($1::uuid[]) AND end_date >= $2 AND status = 'active'
       ORDER BY chalet_id, google_event_id`,
      scope,
    ),
  ]);
  return { bookings, externalRows, mirrors, externals };
}
