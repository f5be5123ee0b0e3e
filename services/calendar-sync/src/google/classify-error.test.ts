import { describe, expect, test } from '@jest/globals';
import { classifyGoogleError } from './classify-error.ts';

const answer = (status: number, reason: string, headers: Record<string, string> = {}) => ({
  message: 'refused',
  response: {
    status,
    headers: new Headers(headers),
    data: { error: { code: status, message: 'said', errors: [{ domain: 'global', reason, message: 'said' }] } },
  },
});
const tokenAnswer = (status: number, error: string) => ({
  message: error,
  response: {
    status,
    headers: new Headers(),
    data: { error, error_description: 'Token has been expired or revoked.' },
  },
});
const kindOf = (error: unknown) => classifyGoogleError(error).kind;

describe('an error of Google', () => {
  test('without an answer will pass, and may have taken effect', () => {
    expect(kindOf(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))).toBe('retry');
    expect(kindOf(new DOMException('The operation timed out', 'TimeoutError'))).toBe('retry');
    expect(kindOf('nonsense')).toBe('retry');
  });

  test('about too many calls is not taken for a lack of permission', () => {
    for (const reason of ['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded']) {
      expect(kindOf(answer(403, reason))).toBe('quota');
    }
    expect(kindOf(answer(429, 'rateLimitExceeded'))).toBe('quota');
    expect(kindOf(answer(403, 'forbidden'))).toBe('forbidden');
  });

  test('tells who has to act: who shares the calendar, who connected it, or who runs the platform', () => {
    expect(kindOf(answer(403, 'forbidden'))).toBe('forbidden');
    expect(kindOf(answer(403, 'requiredAccessLevel'))).toBe('forbidden');
    expect(kindOf(answer(403, 'insufficientPermissions'))).toBe('scope');
    expect(kindOf(answer(403, 'accessNotConfigured'))).toBe('project');
  });

  test('that is a page of HTML is told by its status', () => {
    const page = (status: number) => ({
      message: 'Request failed',
      response: { status, headers: new Headers(), data: '<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>' },
    });
    expect([502, 503, 429, 403, 404, 410].map(status => kindOf(page(status)))).toEqual([
      ...['retry', 'retry', 'quota', 'forbidden', 'not_found', 'gone'],
    ]);
    expect(classifyGoogleError(page(502))).not.toHaveProperty('reason', expect.stringContaining('<'));
  });

  test('in the shape of newer services means the same', () => {
    const newer = (status: number, reason: string) => ({
      message: 'refused',
      response: {
        status,
        headers: new Headers(),
        data: {
          error: {
            code: status,
            message: "Quota exceeded for quota metric 'Queries'",
            status: status === 429 ? 'RESOURCE_EXHAUSTED' : 'PERMISSION_DENIED',
            details: [
              { '@type': 'type.googleapis.com/google.rpc.Help', links: [] },
              { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com', metadata: {} },
            ],
          },
        },
      },
    });
    expect(classifyGoogleError(newer(403, 'RATE_LIMIT_EXCEEDED'))).toMatchObject({
      kind: 'quota',
      reason: expect.stringContaining('rateLimitExceeded'),
    });
    expect(kindOf(newer(403, 'USER_RATE_LIMIT_EXCEEDED'))).toBe('quota');
    expect(kindOf(newer(429, 'RATE_LIMIT_EXCEEDED'))).toBe('quota');
    expect(kindOf(newer(403, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'))).toBe('scope');
    expect(kindOf(newer(403, 'SERVICE_DISABLED'))).toBe('project');
    expect(kindOf(newer(403, 'SOMETHING_NEW'))).toBe('forbidden');
  });

  test('tells how long to wait where Google says so', () => {
    expect(classifyGoogleError(answer(429, 'rateLimitExceeded', { 'retry-after': '7' }))).toMatchObject({
      kind: 'quota',
      retryAfterMs: 7_000,
    });
    expect(classifyGoogleError(answer(503, 'backendError', { 'retry-after': '1' }))).toMatchObject({
      kind: 'retry',
      retryAfterMs: 1_000,
    });
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const failure = classifyGoogleError(answer(503, 'backendError', { 'retry-after': inAMinute }));
    expect(failure).toMatchObject({ kind: 'retry' });
    const ms = 'retryAfterMs' in failure ? (failure.retryAfterMs ?? 0) : 0;
    expect(ms).toBeGreaterThan(30_000);
    expect(ms).toBeLessThanOrEqual(60_000);
    expect(classifyGoogleError(answer(503, 'backendError', { 'retry-after': '999999' }))).toMatchObject({
      retryAfterMs: 3_600_000,
    });
    expect(classifyGoogleError(answer(503, 'backendError'))).not.toHaveProperty('retryAfterMs');
    expect(classifyGoogleError(answer(503, 'backendError', { 'retry-after': 'soon' }))).not.toHaveProperty(
      'retryAfterMs',
    );
  });

  test('410 has two meanings', () => {
    expect(classifyGoogleError(answer(410, 'deleted'))).toMatchObject({ kind: 'gone', what: 'deleted' });
    for (const reason of ['fullSyncRequired', 'updatedMinTooLongAgo']) {
      expect(classifyGoogleError(answer(410, reason))).toMatchObject({ kind: 'gone', what: 'full_sync' });
    }
  });

  test('of other kinds says what to do', () => {
    expect(kindOf(answer(401, 'authError'))).toBe('unauthorized');
    expect(kindOf(answer(404, 'notFound'))).toBe('not_found');
    expect(kindOf(answer(409, 'duplicate'))).toBe('duplicate');
    expect(kindOf(answer(412, 'conditionNotMet'))).toBe('changed_meanwhile');
    expect(kindOf(answer(400, 'invalid'))).toBe('invalid');
    expect(kindOf(answer(500, 'backendError'))).toBe('retry');
  });

  test('invalid_grant is for ever, a wrong client secret is not the owner’s fault', () => {
    expect(classifyGoogleError(tokenAnswer(400, 'invalid_grant'))).toMatchObject({
      kind: 'revoked',
      reason: expect.stringContaining('invalid_grant'),
    });
    expect(kindOf(tokenAnswer(401, 'invalid_client'))).toBe('project');
    expect(kindOf(tokenAnswer(503, 'temporarily_unavailable'))).toBe('retry');
  });
});
