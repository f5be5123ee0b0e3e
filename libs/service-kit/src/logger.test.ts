import { describe, expect, test } from '@jest/globals';
import { createLogger } from './logger.ts';

function log(entry: object): string {
  const lines: string[] = [];
  createLogger({ service: 'test', destination: { write: line => void lines.push(line) } }).info(entry, 'said');
  expect(lines).toHaveLength(1);
  return lines.join('');
}

describe('a log', () => {
  test('tells ids, and neither secrets nor who a guest is', () => {
    const secret = 'only-for-some';
    const customer = { name: secret, email: secret, phone: secret };
    const line = log({
      bookingId: 'b-1',
      booking: { id: 'b-1', customer, notes: secret },
      request: { headers: { authorization: secret }, body: { code: secret, codeVerifier: secret } },
      refreshToken: secret,
      connection: { accessToken: secret },
      manageToken: secret,
    });
    expect(line).not.toContain(secret);
    expect(JSON.parse(line)).toMatchObject({ service: 'test', msg: 'said', bookingId: 'b-1', booking: { id: 'b-1' } });
  });

  test('tells what went wrong in a database, without the values of its rows', () => {
    const err = Object.assign(new Error('new row violates check constraint'), {
      code: '23514',
      detail: 'Failing row contains (Ann Roy, ann@example.com).',
      cause: Object.assign(new Error('inner'), { where: "unnamed portal parameter $1 = 'ann@example.com'" }),
    });
    const line = log({ err });
    expect(line).toContain('violates check constraint');
    expect(line).toContain('23514');
    expect(line).not.toMatch(/Ann Roy|ann@example/);
  });
});
