import type { CivilDate } from '@monde-sauvage/contracts';
import type { EventClass } from './classify-event.ts';

/** Our copy of an owner's event. */
export interface ExternalEvent {
  googleEventId: string;
  calendarId: string;
  startDate: CivilDate;
  endDate: CivilDate;
  title: string | null;
  etag: string;
  status: 'active' | 'removed';
  revision: number;
}

export interface Observed {
  googleEventId: string;
  found: EventClass;
}

/** A row to write, and what to tell the booking service. */
export type ExternalChange =
  | { kind: 'changed'; row: ExternalEvent }
  | { kind: 'removed'; row: ExternalEvent; reason: string };

/**
 * What a list of a calendar changes in our copy of the owner's events. Only what matters to nights or names counts as
 * a change; a new etag alone is not news. After a full list, rows that were not seen are removed by absence, as a full
 * list carries no deletions, but only those that end after `absentAfter`: older ones were not asked for.
 */
export function planExternalChanges(o: {
  calendarId: string;
  known: ExternalEvent[];
  observed: Observed[];
  full: { absentAfter: CivilDate } | undefined;
  /** Of events that were never heard of. */
  firstRevision: number;
}): ExternalChange[] {
  const known = new Map(o.known.map(row => [row.googleEventId, row]));
  const newest = new Map(o.observed.map(one => [one.googleEventId, one.found]));
  const changes: ExternalChange[] = [];
  for (const [googleEventId, found] of newest) {
    const row = known.get(googleEventId);
    if (found.kind === 'external') {
      const { startDate, endDate, title, etag } = found;
      const next = {
        googleEventId,
        calendarId: o.calendarId,
        startDate,
        endDate,
        title,
        etag,
        status: 'active' as const,
      };
      if (row === undefined) changes.push({ kind: 'changed', row: { ...next, revision: o.firstRevision } });
      else if (differs(row, next)) changes.push({ kind: 'changed', row: { ...next, revision: row.revision + 1 } });
    } else if (row?.status === 'active') {
      changes.push(remove(row, found.kind === 'mirror' ? 'is a mirror of a booking' : found.reason));
    }
  }
  for (const row of o.full === undefined ? [] : o.known) {
    if (row.status !== 'active' || newest.has(row.googleEventId)) continue;
    if (o.full && row.endDate > o.full.absentAfter) changes.push(remove(row, 'no longer in the calendar'));
  }
  return changes;
}

export const remove = (row: ExternalEvent, reason: string): ExternalChange => ({
  kind: 'removed',
  row: { ...row, status: 'removed', revision: row.revision + 1 },
  reason,
});

const differs = (row: ExternalEvent, next: Omit<ExternalEvent, 'revision'>): boolean =>
  row.status !== next.status ||
  row.calendarId !== next.calendarId ||
  row.startDate !== next.startDate ||
  row.endDate !== next.endDate ||
  row.title !== next.title;
