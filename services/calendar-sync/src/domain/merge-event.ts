import { isDeepStrictEqual } from 'node:util';
import type { GoogleEvent } from './classify-event.ts';
import type { WrittenEvent } from './mirror-event.ts';

type Attendees = NonNullable<GoogleEvent['attendees']>;
type Written = Pick<WrittenEvent, 'description' | 'guest'>;

/** Google's own pages turn the line breaks of a description into HTML. */
const lineBreak = /\r?\n|<br\s*\/?>/i;

const sameAddress = (a: string | null | undefined, b: string | null | undefined): boolean =>
  a?.toLowerCase() === b?.toLowerCase();

/** Whether the description or the attendees hold what others wrote: a guest's answer, notes, further guests. */
export function isShared(written: Written, found: GoogleEvent): boolean {
  if ((found.description ?? '') !== (written.description ?? '')) return true;
  const attendees = found.attendees ?? [];
  if (attendees.length !== (written.guest ? 1 : 0)) return true;
  return attendees.some(
    one => !sameAddress(one.email, written.guest?.email) || (one.responseStatus ?? 'needsAction') !== 'needsAction',
  );
}

/**
 * Whether a patch would replace texts or guests that others have changed too: then the event has to be read first, and
 * what is theirs kept.
 */
export function mustBeMerged(event: GoogleEvent, written: WrittenEvent): boolean {
  return written.shared && (changesDescription(event, written) || changesGuest(event, written));
}

/**
 * The patch that makes Google show `event`. Google merges a patch by key, so an all-day date must take away the time of
 * an event that got one; description and attendees are replaced whole, so they are only sent when our part of them is
 * another than what was written, with what others wrote into them.
 * @param written what we wrote last; null when that is unknown
 * @param found the event as Google holds it; null when nobody else has written into it
 */
export function patchOf(event: GoogleEvent, written: Written | null, found: GoogleEvent | null): GoogleEvent {
  const { description: _description, attendees: _attendees, start, end, ...rest } = event;
  const noTime = { dateTime: null, timeZone: null };
  // Of a deleted event Google may have kept nothing but the id.
  const restored = found?.status === 'cancelled';
  return {
    ...rest,
    start: { ...start, ...noTime },
    end: { ...end, ...noTime },
    ...(found?.recurrence?.length ? { recurrence: null } : {}),
    ...(restored || changesDescription(event, written) ? { description: mergeDescription(event, written, found) } : {}),
    ...(restored || changesGuest(event, written) ? { attendees: mergeAttendees(event, written, found) } : {}),
  };
}

const changesDescription = (event: GoogleEvent, written: Written | null): boolean =>
  written?.description === undefined || written.description !== event.description;

function changesGuest(event: GoogleEvent, written: Written | null): boolean {
  if (written?.guest === undefined) return true;
  const guest = event.attendees?.[0];
  return (
    (written.guest?.email ?? '') !== (guest?.email ?? '') || (written.guest?.name ?? '') !== (guest?.displayName ?? '')
  );
}

/** Our text in the place of what it was; notes stay around it, or follow it when our old text was edited as well. */
function mergeDescription(event: GoogleEvent, written: Written | null, found: GoogleEvent | null): string {
  const ours = event.description ?? '';
  const theirs = found?.description ?? '';
  if (theirs.includes(ours)) return theirs;
  const before = written?.description;
  if (before === '') return [ours, theirs].join('\n');
  if (before !== undefined && theirs.includes(before)) return theirs.replace(before, () => ours);
  const known = new Set([before ?? '', ours].flatMap(text => text.split(lineBreak)).map(line => line.trim()));
  // What we wrote is not known when the answer to the very first write was lost: then the line with the reference, which
  // says how the booking stood, is ours whatever it says.
  const reference = `${ours.split(' (')[0]} (`;
  const isOurs = (line: string) =>
    line === '' || known.has(line) || (before === undefined && line.startsWith(reference));
  const notes = theirs.split(lineBreak).filter(line => !isOurs(line.trim()));
  return [ours, ...notes].join('\n');
}

function mergeAttendees(event: GoogleEvent, written: Written | null, found: GoogleEvent | null): Attendees {
  const [guest] = event.attendees ?? [];
  const present = found?.attendees ?? [];
  const others = present.filter(
    ({ email }) =>
      !(guest && sameAddress(email, guest.email)) && !(written?.guest && sameAddress(email, written.guest.email)),
  );
  if (guest === undefined) return others;
  return [{ ...present.find(({ email }) => sameAddress(email, guest.email)), ...guest }, ...others];
}

/** Whether Google holds already what the patch would make; the version alone is no reason for a call. */
export function showsPatch(found: GoogleEvent, patch: GoogleEvent): boolean {
  const mark = patch.extendedProperties?.private;
  const foundMark = found.extendedProperties?.private;
  return (
    found.status !== 'cancelled' &&
    found.summary === patch.summary &&
    isAllDay(found.start, patch.start) &&
    isAllDay(found.end, patch.end) &&
    found.transparency !== 'transparent' &&
    !found.recurrence?.length &&
    foundMark?.booking_id === mark?.booking_id &&
    foundMark?.source === mark?.source &&
    (patch.description === undefined || (found.description ?? '') === patch.description) &&
    (patch.attendees === undefined || isDeepStrictEqual(found.attendees ?? [], patch.attendees))
  );
}

const isAllDay = (found: GoogleEvent['start'], wanted: GoogleEvent['start']): boolean =>
  found?.date === wanted?.date && !found?.dateTime;
