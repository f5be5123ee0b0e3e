import { addDays, type CivilDate } from '@monde-sauvage/contracts';
import type { GoogleAdmin } from '@monde-sauvage/emulators';
import { newId } from '@monde-sauvage/service-kit';
import type { Action, Edit, Form, Look } from './actions.ts';
import { type Addition, at, type Estate, placeKey } from './estate.ts';
import { timezone } from './world.ts';

type GoogleEvent = ReturnType<GoogleAdmin['getEvent']>;
type Times = Pick<GoogleEvent, 'start' | 'end'>;

const unlisted = { date: null, dateTime: null, timeZone: null };

/** Where an event stands: all day, or at hours that a day, a night or another zone's date have something to do with. */
function timesOf(form: Form, date: CivilDate, nights: number): Times {
  const local = (day: CivilDate, time: string) => ({ ...unlisted, dateTime: `${day}T${time}`, timeZone: timezone });
  const last = addDays(date, nights);
  switch (form) {
    case 'all_day':
      return { start: { ...unlisted, date }, end: { ...unlisted, date: last } };
    case 'day_time':
      return { start: local(date, '09:30:00'), end: local(date, '17:00:00') };
    case 'over_night':
      return { start: local(date, '16:00:00'), end: local(last, '11:00:00') };
    case 'utc': {
      const utc = (day: CivilDate, time: string) => ({ ...unlisted, dateTime: `${day}T${time}Z` });
      return { start: utc(date, '03:30:00'), end: utc(last, '04:30:00') };
    }
    case 'late_evening':
      return { start: local(date, '23:30:00'), end: local(last, '02:30:00') };
  }
}

const shiftTime = (time: GoogleEvent['start'], days: number): NonNullable<GoogleEvent['start']> => {
  if (time?.date) return { ...unlisted, date: addDays(time.date, days) };
  if (!time?.dateTime) return {};
  // By the wall clock: an hour that does not exist there is Google's to understand.
  const [date = '', clock = ''] = time.dateTime.split('T');
  const wall = clock.replace(/(Z|[+-]\d{2}:\d{2})$/, '');
  return { ...unlisted, dateTime: `${addDays(date, days)}T${wall}`, timeZone: time.timeZone ?? timezone };
};

const looks: Record<Look, (email: string) => Partial<GoogleEvent>> = {
  plain: () => ({}),
  free: () => ({ transparency: 'transparent' }),
  private: () => ({ visibility: 'private' }),
  declined: email => ({ attendees: [{ email, responseStatus: 'declined' }] }),
};

/** What Google refuses (an event that is deleted already) did not happen. */
function unlessRefused(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'GoogleApiError')) throw error;
  }
}

/** What the owner does in Google. */
export const actInGoogle = (estate: Estate, action: Action): void => unlessRefused(() => perform(estate, action));

function perform(estate: Estate, action: Action): void {
  const { google } = estate.world;
  const add = (calendar: string, event: GoogleEvent): void => {
    const made = google.createEvent(calendar, event);
    estate.ownEvents.push({ calendar, id: made.id ?? '', isSeries: event.recurrence != null });
  };
  const single = (pick: number) =>
    at(
      estate.ownEvents.filter(one => !one.isSeries),
      pick,
    );
  const series = (pick: number) =>
    at(
      estate.ownEvents.filter(one => one.isSeries),
      pick,
    );
  switch (action.do) {
    case 'add': {
      const calendar = estate.calendars[action.calendar] ?? '';
      const times = timesOf(action.form, addDays(estate.start, action.from), action.nights);
      add(calendar, { summary: 'Famille Tremblay', ...times, ...looks[action.look](estate.email) });
      return;
    }
    case 'add series': {
      const calendar = estate.calendars[action.calendar] ?? '';
      const times = timesOf(action.form, addDays(estate.start, action.from), action.nights);
      const rule = `RRULE:FREQ=${action.weekly ? 'WEEKLY' : 'DAILY'};INTERVAL=${action.weekly ? 1 : 3};COUNT=${action.count}`;
      const zoned = { start: { timeZone: timezone, ...times.start }, end: { timeZone: timezone, ...times.end } };
      add(calendar, { summary: 'Ménage', ...(times.start?.dateTime ? zoned : times), recurrence: [rule] });
      return;
    }
    case 'move': {
      const one = single(action.pick);
      if (one) shift(estate, one, action.by);
      return;
    }
    case 'resize': {
      const one = single(action.pick);
      const start = one && google.getEvent(one.calendar, one.id).start;
      if (!one || !start?.date) return;
      google.patchEvent(one.calendar, one.id, { end: { ...unlisted, date: addDays(start.date, action.nights) } });
      return;
    }
    case 'remove': {
      const one = at(estate.ownEvents, action.pick);
      if (one) google.deleteEvent(one.calendar, one.id);
      return;
    }
    case 'remove unnoticed': {
      // Its deletion is listed by no full list, and the next list is a full one.
      const one = at(estate.ownEvents, action.pick);
      if (!one) return;
      google.deleteEvent(one.calendar, one.id);
      google.expireSyncTokens(one.calendar);
      return;
    }
    case 'restore': {
      const one = at(estate.ownEvents, action.pick);
      if (one) google.patchEvent(one.calendar, one.id, { status: 'confirmed' });
      return;
    }
    case 'toggle free': {
      const one = at(estate.ownEvents, action.pick);
      if (!one) return;
      const isFree = google.getEvent(one.calendar, one.id).transparency === 'transparent';
      google.patchEvent(one.calendar, one.id, { transparency: isFree ? 'opaque' : 'transparent' });
      return;
    }
    case 'rename': {
      const one = at(estate.ownEvents, action.pick);
      if (one) google.patchEvent(one.calendar, one.id, { summary: 'Famille Roy' });
      return;
    }
    case 'shorten series': {
      const one = series(action.pick);
      const rule = one && google.getEvent(one.calendar, one.id).recurrence?.[0];
      if (!one || !rule) return;
      google.patchEvent(one.calendar, one.id, { recurrence: [rule.replace(/COUNT=\d+/, `COUNT=${action.count}`)] });
      return;
    }
    case 'move instance': {
      const one = instanceOf(estate, series(action.pick), action.instance);
      if (one) shift(estate, one, action.by);
      return;
    }
    case 'remove instance': {
      const one = instanceOf(estate, series(action.pick), action.instance);
      if (one) google.deleteEvent(one.calendar, one.id);
      return;
    }
    case 'copy a mirror': {
      const mirror = at(liveMirrors(estate), action.pick);
      if (!mirror) return;
      const { summary = null, description = null, extendedProperties = null, start, end } = mirror.event;
      const moved = { start: shiftTime(start, action.by), end: shiftTime(end, action.by) };
      add(mirror.calendar, {
        summary,
        description,
        ...(extendedProperties && { extendedProperties }),
        ...moved,
      });
    }
  }
}

function shift(estate: Estate, o: { calendar: string; id: string }, days: number): void {
  const { google } = estate.world;
  const { start, end } = google.getEvent(o.calendar, o.id);
  google.patchEvent(o.calendar, o.id, { start: shiftTime(start, days), end: shiftTime(end, days) });
}

function instanceOf(estate: Estate, of: { calendar: string; id: string } | undefined, pick: number) {
  if (!of) return undefined;
  const window = {
    timeMin: `${addDays(estate.start, -30)}T00:00:00Z`,
    timeMax: `${addDays(estate.start, 120)}T00:00:00Z`,
  };
  const instances = estate.world.google
    .viewEvents(of.calendar, window)
    .filter(event => event.recurringEventId === of.id);
  const id = at(instances, pick)?.id;
  return id ? { calendar: of.calendar, id } : undefined;
}

/** Events of bookings as they are in the calendars now. */
export function liveMirrors(estate: Estate): { calendar: string; id: string; event: GoogleEvent }[] {
  const own = new Set(estate.ownEvents.map(({ id }) => id));
  return estate.calendars.flatMap(calendar =>
    estate.world.google.listEvents(calendar).flatMap(event => {
      const { id } = event;
      return id && !own.has(event.recurringEventId ?? id) ? [{ calendar, id, event }] : [];
    }),
  );
}

/** What is written into a deleted event says nothing. */
function added(estate: Estate, seen: { calendar: string; id: string }, addition: Addition): void {
  if (estate.world.google.getEvent(seen.calendar, seen.id).status === 'cancelled') return;
  const key = placeKey(seen);
  const others = (estate.additions.get(key) ?? []).filter(one => !('colour' in one && 'colour' in addition));
  estate.additions.set(key, [...others, addition]);
}

/** @param inUse the calendars that some chalet uses now */
export async function editMirror(
  estate: Estate,
  o: { pick: number; how: Edit; by: number },
  inUse: ReadonlySet<string>,
): Promise<void> {
  noteMirrors(estate);
  const seen = at(estate.seenMirrors, o.pick);
  if (!seen) return;
  // As the owner finds it: an event that is not written yet, or is being written, is put right without asking.
  const bookingId = estate.asks ? await settledMirror(estate, seen) : undefined;
  unlessRefused(() => performEdit(estate, seen, o, inUse));
  const key = placeKey(seen);
  const isMeant = ['move', 'rename', 'free', 'delete', 'timed'].includes(o.how);
  const goesOn = ['note', 'invite', 'colour'].includes(o.how);
  if (bookingId !== undefined && isMeant) estate.done.set(key, { bookingId, shown: showOf(estate, seen) });
  else if (!goesOn) estate.done.delete(key);
}

/** The booking whose mirror this is, if there is nothing to be done about it. */
async function settledMirror(
  { world }: Estate,
  { calendar, id }: { calendar: string; id: string },
): Promise<string | undefined> {
  const { etag } = world.google.getEvent(calendar, id);
  const { rows } = await world.calendars.query<{ id: string }>(
    `SELECT booking_id AS id FROM mirrors
      WHERE place_calendar_id = $1 AND place_event_id = $2 AND active AND next_attempt_at IS NULL
        AND (state = 'awaiting_decision' OR (state = 'synced' AND etag = $3))`,
    [calendar, id, etag],
  );
  return rows[0]?.id;
}

/** What a person sees of an event; null when it was deleted. */
export function showOf({ world }: Estate, { calendar, id }: { calendar: string; id: string }): string | null {
  const { status, summary, start, end, transparency } = world.google.getEvent(calendar, id);
  return status === 'cancelled'
    ? null
    : JSON.stringify({ summary, start, end, isFree: transparency === 'transparent' });
}

function noteMirrors(estate: Estate): void {
  for (const { calendar, id } of liveMirrors(estate)) {
    if (!estate.seenMirrors.some(seen => seen.id === id && seen.calendar === calendar)) {
      estate.seenMirrors.push({ calendar, id });
    }
  }
}

function performEdit(
  estate: Estate,
  seen: { calendar: string; id: string },
  o: { how: Edit; by: number },
  inUse: ReadonlySet<string>,
): void {
  const { google } = estate.world;
  const { calendar, id } = seen;
  const event = google.getEvent(calendar, id);
  if (event.status === 'cancelled' && ['bring_back', 'unlink'].includes(o.how)) {
    // Nobody reads a calendar that no chalet uses: what is brought back there is the owner's.
    if (!inUse.has(calendar)) return;
    estate.broughtBack = true;
  }
  switch (o.how) {
    case 'move':
      shift(estate, seen, o.by === 0 ? 1 : o.by);
      return;
    case 'rename':
      google.patchEvent(calendar, id, { summary: 'John, with the dog' });
      return;
    case 'free':
      google.patchEvent(calendar, id, { transparency: 'transparent' });
      return;
    case 'unlink': {
      estate.additions.delete(placeKey(seen));
      const { summary = null, start = {}, end = {} } = event;
      google.updateEvent(calendar, id, { summary, start, end });
      return;
    }
    case 'delete':
      estate.additions.delete(placeKey(seen));
      google.deleteEvent(calendar, id);
      return;
    case 'note': {
      const note = `Keys under mat ${newId()}`;
      google.patchEvent(calendar, id, { description: `${event.description ?? ''}\n${note}` });
      added(estate, seen, { note });
      return;
    }
    case 'invite': {
      const invited = `${newId()}@example.com`;
      google.patchEvent(calendar, id, { attendees: [...(event.attendees ?? []), { email: invited }] });
      added(estate, seen, { invited });
      return;
    }
    case 'colour': {
      const colour = String(1 + Math.abs(o.by));
      google.patchEvent(calendar, id, { colorId: colour });
      added(estate, seen, { colour });
      return;
    }
    case 'timed': {
      const date = event.start?.date;
      if (date) google.patchEvent(calendar, id, timesOf('over_night', date, 2));
      return;
    }
    case 'bring_back':
      google.patchEvent(calendar, id, { status: 'confirmed' });
  }
}
