import { overlaps, type Stay } from '@monde-sauvage/contracts';
import { advance, amend, type BookingRecord, type Change, isActive } from './booking.ts';

/**
 * Brings the conflict flags in line with a set of changes of one chalet: an external event and a website booking that
 * want the same night are flagged, both of them, and cleared when one goes away.
 * @param active the chalet's active bookings before the changes: all that touch `range`, and all that touch those
 * @returns the changes, amended with their flag, followed by one more change for each other booking whose flag turned
 */
export function settleConflicts(
  active: readonly BookingRecord[],
  changes: readonly Change[],
  range: Stay,
  o: { at: Date },
): Change[] {
  const before = new Map(active.map(booking => [booking.id, booking]));
  const after = new Map(before);
  for (const { booking } of changes) after.set(booking.id, booking);
  const standing = [...after.values()].filter(isActive);
  const isContested = (booking: BookingRecord) =>
    isActive(booking) && standing.some(other => other.source !== booking.source && overlaps(other, booking));

  const amended = changes.map(change => {
    const conflict = isContested(change.booking);
    return conflict === change.booking.conflict ? change : amend(change, before.get(change.booking.id), { conflict });
  });
  const changedIds = new Set(changes.map(change => change.booking.id));
  const turned = standing
    .filter(booking => !changedIds.has(booking.id) && overlaps(booking, range))
    .filter(booking => isContested(booking) !== booking.conflict)
    .map(booking =>
      advance(
        booking,
        { conflict: !booking.conflict },
        {
          at: o.at,
          by: 'calendar',
          action: booking.conflict ? 'conflict_cleared' : 'conflict_found',
          event: 'updated',
        },
      ),
    );
  return [...amended, ...turned];
}
