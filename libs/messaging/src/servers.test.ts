import { expect, test } from '@jest/globals';
import { parseServers } from './servers.ts';

test('splits a list and ignores spaces and empty entries', () => {
  expect(parseServers('nats://a:4222, nats://b:4222,')).toEqual({ servers: ['nats://a:4222', 'nats://b:4222'] });
});

test('takes the user and password out of the address', () => {
  expect(parseServers('nats://booking:p%40ss:word@a:4222,b:4222')).toEqual({
    servers: ['nats://a:4222', 'b:4222'],
    user: 'booking',
    pass: 'p@ss:word',
  });
});

test('an empty list names the variable', () => {
  expect(() => parseServers(' , ')).toThrow('NATS_URL');
});
