import { addDays, type CivilDate } from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { Problem } from './problems.ts';

/**
 * Why an event of ours could not be deleted. `calendar_gone`: the connected account does not see the calendar, be it
 * another account's or deleted.
 */
export const leftReason = z.enum(['calendar_gone', 'no_permission', 'revoked']);
export type LeftReason = z.infer<typeof leftReason>;

const daysKept = 30;

/** Events of stays that ended before this date are history: nobody looks for them any more. */
export const leftSince = (today: CivilDate): CivilDate => addDays(today, -daysKept);

const forgotten =
  'When the calendar was deleted there is nothing to do: this note ends by itself a month after the last stay.';

/** What an owner can do about events of bookings that are still in a calendar where they do not belong. */
export function describeLeft(o: { reason: string; account: string | null; events: number; since: Date }): Problem {
  const reason = leftReason.catch('calendar_gone').parse(o.reason);
  const what = o.events === 1 ? 'An event of a booking is' : `${o.events} events of bookings are`;
  const account = o.account === null ? 'the account that was connected then' : `the account ${o.account}`;
  const sentences: Record<LeftReason, string> = {
    calendar_gone: `${what} still in a calendar that the connected account does not see. Connect ${account} again for a moment, or share the calendar with the connected one and allow changes: they are removed by themselves then. Or delete them there by hand. ${forgotten}`,
    no_permission: `${what} still in a calendar where the connected account may not delete. Allow it to make changes in the settings of the calendar in Google, and connect again: they are removed by themselves then. Or delete them there by hand.`,
    revoked: `${what} still in a calendar that is not used any more: Google gave no access when they had to be removed. Connect ${account} again and they are removed by themselves, or delete them there by hand.`,
  };
  return { code: reason, message: sentences[reason], since: o.since.toISOString() };
}
