import { expect, test } from '@jest/globals';
import { publicUrl, readConfig } from './config.ts';

const env = { NATS_URL: 'nats://localhost:4222', ADMIN_API_KEY: 'a-key-long-enough' };

test('needs an administrator key that is long enough', () => {
  expect(() => readConfig({ NATS_URL: env.NATS_URL })).toThrow(/ADMIN_API_KEY is missing/);
  expect(() => readConfig({ ...env, ADMIN_API_KEY: 'short' })).toThrow(/ADMIN_API_KEY: .*16 characters/);
});

test('is reached on its own port unless it is told where', () => {
  expect(publicUrl(readConfig({ ...env, PORT: '3100' }))).toBe('http://localhost:3100');
  expect(publicUrl(readConfig({ ...env, PUBLIC_URL: 'https://api.example.com/' }))).toBe('https://api.example.com');
  expect(() => readConfig({ ...env, PUBLIC_URL: 'ftp://example.com' })).toThrow(/PUBLIC_URL/);
});

test.each([
  [undefined, false],
  ['true', true],
  ['2', 2],
  ['10.0.0.0/8, 127.0.0.1', '10.0.0.0/8, 127.0.0.1'],
])('reads TRUST_PROXY=%s', (value, expected) => {
  expect(readConfig({ ...env, TRUST_PROXY: value }).TRUST_PROXY).toBe(expected);
});
