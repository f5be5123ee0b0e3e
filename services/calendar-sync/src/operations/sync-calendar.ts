import { type Actor, mayManage, ok, type Result, refuse, type syncReport } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import type { CalendarSyncer, SyncOutcome } from '../calendar-syncer.ts';
import type { Context } from '../context.ts';
import { findChalet } from './find-chalet.ts';
import { refuseMissingScope } from './refusals.ts';

/** The owner wants a chalet's calendar read now. */
export async function syncCalendar(
  context: Context,
  syncer: CalendarSyncer,
  input: { actor: Actor; chaletId: string },
): Promise<Result<z.input<typeof syncReport>>> {
  const { chaletId } = input;
  const chalet = await findChalet(context, chaletId);
  if (chalet === null || !mayManage(input.actor, chalet.establishmentId)) {
    return refuse('not_found', 'There is no such chalet.');
  }
  const access = await context.google.access(chalet.establishmentId);
  const revoked = refuse('google_not_connected', 'Google withdrew the access to this account. Connect it again.');
  if (access.status === 'revoked') return revoked;
  const outcome = await syncer.sync(chaletId, { join: false });
  switch (outcome.status) {
    case 'synced': {
      const { full, changed, removed, recorded } = outcome;
      return ok({ chaletId, syncedAt: outcome.syncedAt.toISOString(), full, changed, removed, recorded });
    }
    case 'not_connected':
      return refuse('google_not_connected', 'This chalet has no Google calendar. Connect Google and choose one.');
    case 'busy':
      throw new UnavailableError('calendar-sync', 'another sync of this calendar is under way');
    case 'failed': {
      const now = await context.google.access(chalet.establishmentId);
      return now.status === 'revoked' ? revoked : refuseFailedSync(outcome);
    }
  }
}

/** Which of it is Google's, which the owner's, and which ours. @throws UnavailableError when trying again helps */
function refuseFailedSync({ kind, reason }: Extract<SyncOutcome, { status: 'failed' }>): Result<never> {
  switch (kind) {
    case 'not_found':
      return refuse('not_found', calendarIsGone);
    case 'scope':
      return refuseMissingScope;
    case 'forbidden':
      return refuse('forbidden', `Google does not let the connected account read this calendar (${reason}).`);
    case 'internal':
      throw new UnavailableError('calendar-sync', reason);
    default:
      throw new UnavailableError('google', reason);
  }
}

const calendarIsGone =
  'Google does not find this calendar for the connected account. Share it with the account again, or choose another one.';
