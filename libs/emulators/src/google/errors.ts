import type { Reply } from './http.ts';

interface ErrorDetail {
  domain?: string;
  location?: string;
  locationType?: 'parameter' | 'header';
  /** Canonical status name, which Google adds to a few errors only. */
  status?: string;
  /** Seconds or an HTTP date. */
  retryAfter?: number | string;
  /** `error.status` and `error.details`, without `error.errors` (AIP-193). */
  newerShape?: boolean;
}

/** Google: Cloud APIs, "Errors": the canonical names of HTTP statuses. */
const canonical: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/** `rateLimitExceeded` is `RATE_LIMIT_EXCEEDED` there (Google: `google.rpc.ErrorInfo`). */
const newerReason = (reason: string): string => reason.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase();

function newerError({ code, message, reason }: GoogleApiError): object {
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: newerReason(reason),
    domain: 'googleapis.com',
    metadata: { service: 'calendar-json.googleapis.com' },
  };
  return { code, message, status: canonical[code] ?? 'UNKNOWN', details: [info] };
}

/** A refusal of the Calendar API; becomes Google's JSON error body in `errorReply`. */
export class GoogleApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly detail: ErrorDetail;

  constructor(code: number, reason: string, message: string, detail: ErrorDetail = {}) {
    super(message);
    this.name = 'GoogleApiError';
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }
}

/** The body and headers of an error as the Calendar API sends them (Google: handle API errors). */
export function errorReply(error: GoogleApiError): Reply {
  const { domain = 'global', location, locationType, status, retryAfter } = error.detail;
  const item = {
    domain,
    reason: error.reason,
    message: error.message,
    ...(location === undefined ? {} : { locationType: locationType ?? 'parameter', location }),
  };
  return {
    status: error.code,
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      ...(error.code === 401 ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/"' } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify({
      error: error.detail.newerShape
        ? newerError(error)
        : { errors: [item], code: error.code, message: error.message, ...(status === undefined ? {} : { status }) },
    }),
  };
}

export const notFound = (message = 'Not Found'): GoogleApiError => new GoogleApiError(404, 'notFound', message);

export const invalid = (message: string, location?: string): GoogleApiError =>
  new GoogleApiError(400, 'invalid', message, location === undefined ? {} : { location });

export const required = (message: string): GoogleApiError => new GoogleApiError(400, 'required', message);

export const duplicate = (): GoogleApiError =>
  new GoogleApiError(409, 'duplicate', 'The requested identifier already exists.');

export const alreadyDeleted = (): GoogleApiError => new GoogleApiError(410, 'deleted', 'Resource has been deleted');

export const fullSyncRequired = (): GoogleApiError =>
  new GoogleApiError(410, 'fullSyncRequired', 'Sync token is no longer valid, a full sync is required.', {
    domain: 'calendar',
    location: 'syncToken',
  });

export const updatedMinTooLongAgo = (): GoogleApiError =>
  new GoogleApiError(410, 'updatedMinTooLongAgo', 'The requested minimum modification time lies too far in the past.', {
    domain: 'calendar',
    location: 'updatedMin',
  });

export const conditionNotMet = (): GoogleApiError =>
  new GoogleApiError(412, 'conditionNotMet', 'Precondition Failed', { location: 'If-Match', locationType: 'header' });

export const invalidCredentials = (): GoogleApiError =>
  new GoogleApiError(401, 'authError', 'Invalid Credentials', {
    location: 'Authorization',
    locationType: 'header',
    status: 'UNAUTHENTICATED',
  });

export const insufficientPermissions = (): GoogleApiError =>
  new GoogleApiError(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.', {
    status: 'PERMISSION_DENIED',
  });

export const requiredAccessLevel = (role: 'writer' | 'owner' | 'reader'): GoogleApiError =>
  new GoogleApiError(403, 'requiredAccessLevel', `You need to have ${role} access to this calendar.`, {
    domain: 'calendar',
  });
