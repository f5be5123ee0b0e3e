import type { calendarProblem } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { GoogleFailure } from '../google/classify-error.ts';

/** As it is stored beside the reason that Google gave. */
export type ProblemKind = GoogleFailure['kind'] | 'internal';
export type Problem = z.input<typeof calendarProblem>;

const notAccepted: Omit<Problem, 'since'> = {
  code: 'error',
  message: 'Google did not accept what we sent. We keep trying, and the platform was told.',
};

const told: Partial<Record<string, Omit<Problem, 'since'>>> = {
  revoked: {
    code: 'revoked',
    message:
      'Google gives no access to this account any more: it was withdrawn, or the password was changed. Connect Google again; what waits will follow by itself.',
  },
  not_found: {
    code: 'calendar_gone',
    message:
      'Google does not find this calendar for the connected account: it was deleted, or is no longer shared. Share it with the account again, or choose another one.',
  },
  forbidden: {
    code: 'no_permission',
    message:
      'The connected account may not make changes in this calendar, or not even read it. Give it the right to make changes to events in the settings of the calendar in Google, then choose the calendar again.',
  },
  scope: {
    code: 'no_permission',
    message:
      'The connection lacks a permission that we need. Connect Google again and leave every permission ticked; what waits will follow by itself.',
  },
  quota: {
    code: 'quota',
    message: 'Google asks us to slow down for a while. What waits will follow by itself.',
  },
  retry: {
    code: 'unreachable',
    message: 'Google does not answer. We keep trying; what waits will follow by itself.',
  },
  project: {
    code: 'error',
    message:
      'Google does not let the platform use its calendars at the moment. This is for us to mend, there is nothing that you have to do; what waits will follow by itself.',
  },
  unauthorized: {
    code: 'error',
    message:
      'Google does not accept our sign-in to this account at the moment. We keep trying; if it lasts, connect Google again.',
  },
  invalid: notAccepted,
  duplicate: notAccepted,
  gone: notAccepted,
  changed_meanwhile: notAccepted,
};

const ours: Omit<Problem, 'since'> = {
  code: 'error',
  message: 'Something failed on our side. We keep trying, and the platform was told.',
};

/** What stands beside it as the reason when it was not Google that failed: what did is in the log. */
export const internalReason = 'an error on our side';

/** What is wrong, for the owner: what it means and what to do, never what Google said. */
export function describeProblem(kind: string, since: Date): Problem {
  return { ...(told[kind] ?? ours), since: since.toISOString() };
}
