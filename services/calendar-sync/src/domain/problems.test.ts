import { describe, expect, test } from '@jest/globals';
import { describeProblem } from './problems.ts';

const since = new Date('2027-02-01T10:00:00Z');
const told = (kind: string) => describeProblem(kind, since);

describe('what an owner is told of a problem', () => {
  test.each([
    ['revoked', 'revoked', 'Connect Google again'],
    ['scope', 'no_permission', 'Connect Google again'],
    ['forbidden', 'no_permission', 'settings of the calendar'],
    ['not_found', 'calendar_gone', 'choose another one'],
    ['quota', 'quota', 'follow by itself'],
    ['retry', 'unreachable', 'follow by itself'],
    ['project', 'error', 'nothing that you have to do'],
    ['invalid', 'error', 'Google did not accept'],
    ['changed_meanwhile', 'error', 'Google did not accept'],
    ['unauthorized', 'error', 'if it lasts, connect Google again'],
  ])('%s: what to do, if anything', (kind, code, words) => {
    expect(told(kind)).toEqual({ code, message: expect.stringContaining(words), since: since.toISOString() });
  });

  test('what failed here is not put on Google', () => {
    for (const kind of ['internal', 'something_new']) {
      expect(told(kind)).toMatchObject({ code: 'error', message: expect.stringContaining('on our side') });
    }
  });
});
