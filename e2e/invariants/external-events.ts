import { bookingOf, type CalendarEvent, isLive, isSeries, isUndecided, nightsTaken } from './google-copy.ts';
import { by } from './look.ts';

interface Nights {
  chaletId: string;
  googleEventId: string;
  startDate: string;
  endDate: string;
}

/** A row of source google that takes nights; `revision` is the newest that booking heard of. */
export interface ExternalRow extends Nights {
  bookingId: string;
  revision: number | null;
}

/** What calendar-sync keeps of an owner's event that takes nights. */
export interface External extends Nights {
  revision: number;
}

/** A chalet's calendar, and its events as Google has them; undefined when they cannot be seen. */
export interface CalendarSight {
  chaletId: string;
  calendarId: string;
  timezone: string;
  events: CalendarEvent[] | undefined;
}

const keyOf = (it: Nights): string => `${it.chaletId} ${it.googleEventId}`;
const name = (it: Nights): string => `external event ${it.googleEventId} of chalet ${it.chaletId}`;

interface Bounds {
  /** Events of mirrors that wait for a stated reason: the booking's, also while they have lost the link to it. */
  explained: ReadonlySet<string>;
  notOverFrom: string;
  isYoung: (item: CalendarEvent) => boolean;
}

/** One row per external event that takes nights, on its nights: by calendar-sync's account, and by Google's. */
export function compareExternalEvents(
  o: Bounds & {
    kept: readonly External[];
    rows: readonly ExternalRow[];
    sights: readonly CalendarSight[];
  },
): string[] {
  const violations: string[] = [];
  const rows = by(o.rows, keyOf);
  for (const event of o.kept) {
    const [row, ...others] = rows.get(keyOf(event)) ?? [];
    if (row === undefined) violations.push(`${name(event)} takes nights and has no row`);
    else if (others.length > 0) violations.push(`${name(event)} has ${others.length + 1} rows`);
    else if (row.startDate !== event.startDate || row.endDate !== event.endDate) {
      violations.push(`${name(event)} takes other nights than its row ${row.bookingId}`);
    } else if ((row.revision ?? 0) < event.revision) {
      violations.push(`${name(event)} is at revision ${event.revision}, its row knows ${row.revision ?? 'none'}`);
    }
  }
  const kept = new Set(o.kept.map(keyOf));
  for (const row of o.rows) {
    if (!kept.has(keyOf(row))) violations.push(`row ${row.bookingId} is of ${name(row)}, which takes no nights`);
  }
  const byChalet = by(o.rows, row => row.chaletId);
  for (const sight of o.sights) {
    if (sight.events) violations.push(...compareWithGoogle(sight, sight.events, byChalet.get(sight.chaletId) ?? [], o));
  }
  return violations;
}

function compareWithGoogle(
  sight: CalendarSight,
  events: readonly CalendarEvent[],
  rows: readonly ExternalRow[],
  o: Bounds,
): string[] {
  const violations: string[] = [];
  const rowOf = new Map(rows.map(row => [row.googleEventId, row]));
  const where = `in ${sight.calendarId} (chalet ${sight.chaletId})`;
  for (const item of events) {
    const row = rowOf.get(item.id);
    // Those of a booking are judged with it, unless copied by hand; a series by its instances, not listed here.
    const isOfBooking = bookingOf(item) !== undefined || o.explained.has(item.id);
    if ((isOfBooking && !row) || isSeries(item) || isUndecided(item) || o.isYoung(item)) continue;
    const nights = nightsTaken(item, sight.timezone);
    if (nights === null) {
      if (row) violations.push(`row ${row.bookingId} is of event ${item.id} ${where}, which takes no nights in Google`);
    } else if (row && (row.startDate !== nights.start || row.endDate !== nights.end)) {
      violations.push(`row ${row.bookingId} has other nights than event ${item.id} ${where} in Google`);
    } else if (!row && nights.end >= o.notOverFrom) {
      violations.push(`event ${item.id} ${where} takes nights in Google and has no row`);
    }
  }
  const listed = new Set(events.map(item => item.id));
  const series = new Set(events.filter(item => isLive(item) && isSeries(item)).map(item => item.id));
  const gone = rows.filter(
    ({ endDate, googleEventId }) =>
      endDate >= o.notOverFrom && !listed.has(googleEventId) && !series.has(googleEventId.split('_')[0] ?? ''),
  );
  return [
    ...violations,
    ...gone.map(row => `row ${row.bookingId} is of event ${row.googleEventId} ${where}, which Google does not have`),
  ];
}
