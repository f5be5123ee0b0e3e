import type { googleFreshness } from '@monde-sauvage/contracts';
import type { z } from 'zod';

export type Freshness = z.infer<typeof googleFreshness>;

/** How a try to bring the copy up to date ended; `late`: it has not, and the asker waits no longer. */
export type RefreshOutcome = 'synced' | 'failed' | 'not_connected' | 'busy' | 'late';

export interface CopyState {
  status: string;
  lastSyncAt: Date | null;
}

/** Whether the last try to read the calendar failed: a success puts the status back. */
export const isFailing = ({ status }: CopyState): boolean => status === 'failing' || status === 'blocked';

/** A copy is only called fresh while Google answers, however young it is. */
export const isFresh = (copy: CopyState, oldest: Date): boolean =>
  !isFailing(copy) && copy.lastSyncAt !== null && copy.lastSyncAt >= oldest;

/**
 * What an asker is told after a try: Google that says no or nothing is unreachable; a try that another one took over,
 * and that did not fail, leaves a copy that is merely old.
 * @param after the calendar as it is now
 */
export function freshnessAfter(after: CopyState, outcome: RefreshOutcome, oldest: Date): Freshness {
  if (isFresh(after, oldest)) return 'fresh';
  if (outcome === 'not_connected') return 'not_connected';
  return outcome === 'late' || outcome === 'failed' || isFailing(after) ? 'unreachable' : 'stale';
}
