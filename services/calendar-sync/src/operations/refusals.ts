import { type Result, refuse } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { GoogleCallError } from '../google/classify-error.ts';
import type { Access } from '../google/google-accounts.ts';

export const refuseNotConnected = (access: Exclude<Access, { status: 'active' }>): Result<never> =>
  refuse(
    'google_not_connected',
    access.status === 'revoked'
      ? 'Google withdrew the access to this account. Connect it again.'
      : 'Connect a Google account first.',
  );

export const refuseMissingScope = refuse(
  'forbidden',
  'The connection lacks a permission that we need. Connect Google again and leave every permission ticked.',
);

/** What Google answered, for the owner who waits. @throws UnavailableError when trying again helps */
export function refuseGoogleFailure(error: GoogleCallError): Result<never> {
  const { failure } = error;
  if (failure.kind === 'revoked') return refuseNotConnected({ status: 'revoked', reason: failure.reason });
  if (failure.kind === 'scope') return refuseMissingScope;
  if (failure.kind === 'forbidden') return refuse('forbidden', `Google does not allow this: ${failure.reason}`);
  throw new UnavailableError('google', failure.reason, { cause: error });
}
