import { addDays, type CivilDate, overlaps } from '@monde-sauvage/contracts';
import { z } from 'zod';
import { bookingOf, nightsTaken } from '../../invariants/google-copy.ts';
import { type Addition, type Estate, placeKey } from './estate.ts';
import { liveMirrors, showOf } from './owner.ts';
import { timezone, today } from './world.ts';

const bookingRow = z.object({
  id: z.string(),
  chaletId: z.string(),
  chaletName: z.string(),
  source: z.enum(['website', 'google']),
  status: z.enum(['pending', 'confirmed', 'cancelled']),
  startDate: z.string(),
  endDate: z.string(),
  customer: z.string(),
  googleEventId: z.string().nullable(),
  conflict: z.boolean(),
  version: z.int(),
});
type Row = z.output<typeof bookingRow>;

const mirrorRow = z.object({ id: z.string(), version: z.int(), state: z.string(), place: z.string().nullable() });
const calendarRow = z.object({ chaletId: z.string(), calendarId: z.string(), status: z.string() });

/** What is wrong with one establishment when everything has come to rest; empty when every promise is kept. */
export async function findWrongs(estate: Estate): Promise<string[]> {
  const facts = await readFacts(estate);
  return [
    ...answeredIsSo(estate, facts),
    ...noNightTwice(facts),
    ...everyVersionArrived(facts),
    ...mirrorsAreRight(estate, facts),
    ...nothingIsUndone(estate, facts),
    ...externalEventsAreRight(estate, facts),
    ...conflictsAreFlagged(facts),
    ...(await whatWasToldWasHeard(estate)),
  ];
}

interface Facts {
  rows: Row[];
  mirrors: Map<string, z.output<typeof mirrorRow>>;
  /** Chosen calendar of each chalet. */
  chosen: Map<string, string>;
  /** Bookings whose events were changed in Google, and wait for the owner's decision. */
  questions: Set<string>;
  troubled: string[];
}

async function readFacts(estate: Estate): Promise<Facts> {
  const { world, establishmentId } = estate;
  const [rows, mirrors, calendars, connections, questions, left] = await Promise.all([
    world.bookings.query(
      `SELECT b.id, chalet_id AS "chaletId", c.name AS "chaletName", source, status, start_date AS "startDate",
              end_date AS "endDate", customer_name AS customer, google_event_id AS "googleEventId", conflict, b.version
         FROM bookings b JOIN chalets c ON c.id = chalet_id WHERE b.chalet_id = ANY($1::uuid[]) ORDER BY start_date, b.id`,
      [estate.chalets.map(({ id }) => id)],
    ),
    world.calendars.query(
      'SELECT booking_id AS id, version, state, place_event_id AS place FROM mirrors WHERE establishment_id = $1',
      [establishmentId],
    ),
    world.calendars.query(
      'SELECT chalet_id AS "chaletId", calendar_id AS "calendarId", status FROM calendars WHERE establishment_id = $1',
      [establishmentId],
    ),
    world.calendars.query('SELECT status FROM connections WHERE establishment_id = $1', [establishmentId]),
    world.calendars.query<{ id: string }>(
      `SELECT booking_id AS id FROM drift_decisions WHERE establishment_id = $1 AND status = 'waiting'`,
      [establishmentId],
    ),
    world.calendars.query('SELECT FROM left_mirrors WHERE establishment_id = $1', [establishmentId]),
  ]);
  const chosen = z.array(calendarRow).parse(calendars.rows);
  return {
    rows: z.array(bookingRow).parse(rows.rows),
    mirrors: new Map(
      z
        .array(mirrorRow)
        .parse(mirrors.rows)
        .map(mirror => [mirror.id, mirror]),
    ),
    chosen: new Map(chosen.map(({ chaletId, calendarId }) => [chaletId, calendarId])),
    questions: new Set(questions.rows.map(({ id }) => id)),
    troubled: [
      ...(left.rowCount ? [`${left.rowCount} events are left in calendars`] : []),
      ...chosen.filter(({ status }) => status !== 'ok').map(({ status }) => `a calendar is ${status}`),
      ...connections.rows.filter(({ status }) => status !== 'active').map(({ status }) => `Google is ${status}`),
    ],
  };
}

/** B, and that payments arrive. */
function answeredIsSo(estate: Estate, { rows, troubled }: Facts): string[] {
  const byId = new Map(rows.map(row => [row.id, row]));
  const wanted = { pending: 'pending', paid: 'confirmed', cancelled: 'cancelled' } as const;
  const wrong = estate.stays.flatMap(({ booking, state, perhapsCancelled }) => {
    const status = byId.get(booking.id)?.status;
    return status === wanted[state] || (perhapsCancelled && status === 'cancelled')
      ? []
      : [`booking ${booking.id} should be ${wanted[state]} and is ${status ?? 'gone'}`];
  });
  return [...troubled, ...wrong];
}

const isActive = (row: Row): boolean => row.status !== 'cancelled';
const pairs = <T>(list: readonly T[]): [T, T][] =>
  list.flatMap((one, index) => list.slice(index + 1).map(other => [one, other] as [T, T]));

/** A. */
function noNightTwice({ rows }: Facts): string[] {
  const holding = rows.filter(row => isActive(row) && row.source === 'website');
  return pairs(holding).flatMap(([one, other]) =>
    one.chaletId === other.chaletId && overlaps(one, other)
      ? [`bookings ${one.id} and ${other.id} hold the same night`]
      : [],
  );
}

/** C, for the one consumer there is here. */
function everyVersionArrived({ rows, mirrors }: Facts): string[] {
  return rows.flatMap(row => {
    if (row.source !== 'website') return [];
    const seen = mirrors.get(row.id)?.version;
    return seen === row.version
      ? []
      : [`booking ${row.id} is at version ${row.version}, calendar-sync at ${seen ?? 'none'}`];
  });
}

/** So that nothing is told again without need. */
async function whatWasToldWasHeard({ world, chalets }: Estate): Promise<string[]> {
  const { told, heard } = await world.hashCalendars(chalets.map(({ id }) => id));
  return chalets.flatMap(({ id }) =>
    told.get(id) === heard.get(id)
      ? []
      : [`booking heard other things of the calendar of chalet ${id} than it was told`],
  );
}

/** D, the way to Google: exactly the events that there should be, in the right calendars, as they should look. */
function mirrorsAreRight(estate: Estate, { rows, chosen, mirrors, questions }: Facts): string[] {
  const wrongs: string[] = [];
  // What an event lost in Google stays lost while its owner is asked about the rest: where it stands says whose it is.
  const asked = new Map([...questions].map(id => [mirrors.get(id)?.place, id]));
  const found = Map.groupBy(
    liveMirrors(estate).filter(one => !wasLeft(estate, one, { rows, chosen })),
    ({ id, calendar, event }) => bookingOf(toItem(event)) ?? asked.get(id) ?? `${id} in ${calendar}`,
  );
  for (const row of rows) {
    if (row.source !== 'website') continue;
    const events = found.get(row.id) ?? [];
    found.delete(row.id);
    const say = (what: string) => wrongs.push(`booking ${row.id} (${row.status}) ${what}`);
    const calendar = isActive(row) ? chosen.get(row.chaletId) : undefined;
    const title = `${row.status === 'confirmed' ? '[CONFIRMED] ' : ''}${row.chaletName} - ${row.customer}`;
    const isAsked = questions.has(row.id);
    if (calendar === undefined) {
      if (isAsked) say('waits for a decision about nothing');
      if (events.length > 0) say(`has ${events.length} events in Google and should have none`);
      if (row.googleEventId !== null) say(`names event ${row.googleEventId}, which should be gone`);
      continue;
    }
    const state = mirrors.get(row.id)?.state;
    if (isAsked) {
      if (!estate.asks) say('waits for a decision, and nobody wanted to be asked');
      if (state !== 'awaiting_decision') say(`waits for a decision, and has a mirror that is ${state ?? 'missing'}`);
      if (events.length > 1) say(`has ${events.length} events in Google`);
      const isRight = events.some(({ calendar: where, event }) => where === calendar && showsAll(event, row, title));
      if (isRight) say('waits for a decision about an event that is right');
      continue;
    }
    if (state !== 'synced') say(`has a mirror that is ${state ?? 'missing'}`);
    const [only, ...others] = events;
    if (only === undefined || others.length > 0) {
      say(`has ${events.length} events in Google and should have one`);
      continue;
    }
    const { event } = only;
    if (only.calendar !== calendar) say('has its event in another calendar');
    if (row.googleEventId !== only.id) say(`names event ${row.googleEventId ?? 'none'}, Google has ${only.id}`);
    if (event.start?.date !== row.startDate || event.end?.date !== row.endDate) say('has its event on other dates');
    if (event.summary !== title) say(`has the title ${event.summary}, not ${title}`);
    if (event.transparency === 'transparent') say('has an event that is shown as free');
    for (const addition of estate.additions.get(placeKey(only)) ?? []) {
      if (!holds(event, addition)) say(`has lost what the owner added: ${JSON.stringify(addition)}`);
    }
  }
  for (const [name, events] of found) wrongs.push(`${events.length} events in Google are of no booking: ${name}`);
  return wrongs;
}

const showsAll = (event: Found['event'], row: Row, title: string): boolean =>
  event.start?.date === row.startDate &&
  event.end?.date === row.endDate &&
  event.summary === title &&
  event.transparency !== 'transparent';

/** Where the owner wants to be asked, nothing that was done to an event is undone before it was decided. */
function nothingIsUndone(estate: Estate, { rows, chosen }: Facts): string[] {
  return [...estate.done].flatMap(([key, { bookingId, shown }]) => {
    const row = rows.find(({ id }) => id === bookingId);
    const [calendar = '', id = ''] = key.split(' ');
    if (row === undefined || !isActive(row) || chosen.get(row.chaletId) !== calendar) return [];
    const now = showOf(estate, { calendar, id });
    return now === shown ? [] : [`booking ${bookingId} was put right without asking: ${shown} became ${now}`];
  });
}

type Found = ReturnType<typeof liveMirrors>[number];

/** What a disconnection left in a calendar is the owner's, unless its chalet uses that calendar again. */
function wasLeft(estate: Estate, found: Found, { rows, chosen }: Pick<Facts, 'rows' | 'chosen'>): boolean {
  if (estate.disconnected !== 'leaving events') return false;
  const bookingId = bookingOf(toItem(found.event));
  const chaletId = rows.find(({ id }) => id === bookingId)?.chaletId;
  return chaletId === undefined || chosen.get(chaletId) !== found.calendar;
}

function holds(event: Found['event'], addition: Addition): boolean {
  if ('note' in addition) return (event.description ?? '').includes(addition.note);
  if ('invited' in addition) return (event.attendees ?? []).some(({ email }) => email === addition.invited);
  return event.colorId === addition.colour;
}

const toItem = (event: unknown) =>
  z
    .object({
      id: z.string(),
      status: z.string().nullish(),
      start: z.object({ date: z.string().nullish(), dateTime: z.string().nullish() }).nullish(),
      end: z.object({ date: z.string().nullish(), dateTime: z.string().nullish() }).nullish(),
      transparency: z.string().nullish(),
      attendees: z.array(z.object({ self: z.boolean().nullish(), responseStatus: z.string().nullish() })).nullish(),
      extendedProperties: z.object({ private: z.record(z.string(), z.string()).nullish() }).nullish(),
    })
    .parse(event);

interface Nights {
  chaletId: string;
  id: string;
  startDate: CivilDate;
  endDate: CivilDate;
}

/** What the owner's own events take, by looking at the calendars as a person would. */
function nightsInGoogle(estate: Estate, chosen: Map<string, string>): Nights[] {
  const own = new Set(estate.ownEvents.map(({ id }) => id));
  const window = { timeMin: `${addDays(today(), -60)}T00:00:00Z`, timeMax: `${addDays(today(), 500)}T00:00:00Z` };
  return [...chosen].flatMap(([chaletId, calendarId]) =>
    estate.world.google.viewEvents(calendarId, window).flatMap(event => {
      if (!own.has(event.recurringEventId ?? event.id ?? '')) return [];
      const item = toItem(event);
      if (item.attendees?.some(({ self, responseStatus }) => self && responseStatus === 'declined')) return [];
      const nights = nightsTaken(item, timezone);
      return nights === null ? [] : [{ chaletId, id: item.id, startDate: nights.start, endDate: nights.end }];
    }),
  );
}

/** D, the way from Google: one row for each of the owner's events that takes nights, and no other. */
function externalEventsAreRight(estate: Estate, { rows, chosen }: Facts): string[] {
  const sayNights = (it: Nights) => `${it.id} ${it.startDate}–${it.endDate} of ${it.chaletId}`;
  const wanted = nightsInGoogle(estate, chosen).map(sayNights).sort();
  const kept = rows
    .filter(row => row.source === 'google' && isActive(row))
    .map(row => sayNights({ ...row, id: row.googleEventId ?? '' }))
    .sort();
  const count = (list: string[], text: string) => list.filter(one => one === text).length;
  return [...new Set([...wanted, ...kept])].flatMap(text => {
    const [should, is] = [count(wanted, text), count(kept, text)];
    return should === is ? [] : [`event ${text} takes nights in Google ${should} times, and has ${is} rows`];
  });
}

/** Both sides of a conflict are flagged, and nothing else is. */
function conflictsAreFlagged({ rows }: Facts): string[] {
  return rows.flatMap(row => {
    const contested =
      isActive(row) &&
      rows.some(
        other =>
          isActive(other) && other.source !== row.source && other.chaletId === row.chaletId && overlaps(other, row),
      );
    if (contested === row.conflict) return [];
    return [
      `booking ${row.id} (${row.source}, ${row.status}) is ${row.conflict ? 'flagged' : 'not flagged'} as a conflict`,
    ];
  });
}
