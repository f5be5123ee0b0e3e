import type { calendarProblem } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import type { GoogleFailure } from '../google/classify-error.ts';

/** As it is stored beside the reason that Google gave. */
export type ProblemKind = GoogleFailure['kind'] | 'internal';
export type Problem = z.input<typeof calendarProblem>;

const codes: Partial<Record<string, Problem['code']>> = {
  revoked: 'revoked',
  not_found: 'calendar_gone',
  forbidden: 'no_permission',
  quota: 'quota',
  retry: 'unreachable',
};

const sentences: Record<Problem['code'], string> = {
  revoked:
    'Google gives no access to this account any more: it was withdrawn, or the password was changed. Connect Google again; what waits will follow by itself.',
  calendar_gone:
    'Google does not find this calendar for the connected account: it was deleted, or is no longer shared. Share it with the account again, or choose another one.',
  no_permission:
    'The connected account may not make changes in this calendar. Give it that right in the settings of the calendar in Google, then choose the calendar again.',
  quota: 'Google asks us to slow down for a while. What waits will follow by itself.',
  unreachable: 'Google does not answer. We keep trying; what waits will follow by itself.',
  error: 'Google did not accept what we sent. We keep trying, and the platform was told.',
};

/** What is wrong, for the owner: what it means and what to do, never what Google said. */
export function describeProblem(kind: string, since: Date): Problem {
  const code = codes[kind] ?? 'error';
  return { code, message: sentences[code], since: since.toISOString() };
}
