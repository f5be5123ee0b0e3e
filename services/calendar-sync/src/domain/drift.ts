import type { CivilDate, driftKind } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { GoogleEvent } from './classify-event.ts';
import { keptOf, markOfOurs, type WrittenEvent } from './mirror-event.ts';

export type DriftKind = z.infer<typeof driftKind>;
type Shown = Pick<WrittenEvent, 'summary' | 'startDate' | 'endDate'>;
type Written = Shown & Partial<Pick<WrittenEvent, 'description' | 'guest' | 'kept'>>;

/** What somebody did in Google to an event of ours. */
export interface Drift {
  kinds: DriftKind[];
  /** What the event shows now; null when it was deleted. */
  found: Shown | null;
  /** In words for the audit trail: without the title, which may say anything about anybody. */
  words: string;
}

/** In the place of a drift: the list and our own writes crossed, so that only reading the event tells. */
export const unverified = 'unverified';

/** Said of an event that became a series: what ends it has to be read from Google first. */
export const madeToRepeat = 'made to repeat in Google';

export const deleted: Drift = { kinds: ['deleted'], found: null, words: 'deleted in Google' };

/** How an event in Google differs from what we wrote there; undefined when it does not in anything that we mind. */
export function findDrift(written: Written, event: GoogleEvent, bookingId: string): Drift | undefined {
  if (event.status === 'cancelled') return deleted;
  const found = {
    summary: event.summary ?? '',
    startDate: event.start?.date ?? localDate(event.start?.dateTime),
    endDate: event.end?.date ?? localDate(event.end?.dateTime),
  };
  const differences: [DriftKind, string][] = [];
  if (found.startDate !== written.startDate || found.endDate !== written.endDate || isTimed(event)) {
    differences.push(['moved', `moved in Google from ${datesOf(written)} to ${datesOf(found)}`]);
  }
  if (event.recurrence?.length) differences.push(['moved', madeToRepeat]);
  if (found.summary !== written.summary) differences.push(['renamed', 'renamed in Google']);
  if (event.transparency === 'transparent') differences.push(['marked_free', 'marked as free in Google']);
  if (!hasMark(event, bookingId)) differences.push(['unlinked', 'lost its link to the booking in Google']);
  const kept = keptOf(written, event);
  if (written.kept?.details && !kept.details)
    differences.push(['unlinked', 'lost the details of the booking in Google']);
  if (written.kept?.guest && !kept.guest) differences.push(['unlinked', 'lost its guest in Google']);
  if (differences.length === 0) return undefined;
  return {
    kinds: [...new Set(differences.map(([kind]) => kind))],
    found,
    words: differences.map(([, words]) => words).join(', '),
  };
}

/** Whether somebody meant something by it for the booking: who drops our properties, our text or the guest did not. */
export const isMeant = (drift: Drift): boolean => drift.kinds.some(kind => kind !== 'unlinked');

const datesOf = ({ startDate, endDate }: Shown): string => `${startDate || 'no date'} – ${endDate || 'no date'}`;

const isTimed = (event: GoogleEvent): boolean => Boolean(event.start?.dateTime || event.end?.dateTime);

function hasMark(event: GoogleEvent, bookingId: string): boolean {
  const mark = event.extendedProperties?.private;
  return mark?.booking_id === bookingId && mark.source === markOfOurs;
}

const localDate = (dateTime: string | null | undefined): CivilDate => dateTime?.slice(0, 10) ?? '';
