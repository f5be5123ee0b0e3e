import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { readConfig } from '../config.ts';
import { authorizationUrl, createOAuthClient, newSecret } from './oauth.ts';

const config = readConfig({
  DATABASE_URL: 'postgresql://localhost/calendar_sync',
  NATS_URL: 'nats://localhost:4222',
  PUBLIC_URL: 'https://bookings.example.com/',
  GOOGLE_CLIENT_ID: 'client',
  GOOGLE_CLIENT_SECRET: 'secret',
  TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
});

test('an owner is asked at Google for two permissions, for good, with a proof key and a state of this attempt alone', () => {
  const codeVerifier = newSecret();
  const url = new URL(authorizationUrl(createOAuthClient(config), { state: 'the state', codeVerifier }));
  expect(url.origin + url.pathname).toBe('https://accounts.google.com/o/oauth2/v2/auth');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    response_type: 'code',
    client_id: 'client',
    redirect_uri: 'https://bookings.example.com/oauth/google/callback',
    access_type: 'offline',
    prompt: 'consent',
    include_granted_scopes: 'false',
    scope:
      'https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/calendar.calendarlist.readonly',
    state: 'the state',
    code_challenge_method: 'S256',
    // RFC 7636, section 4.2.
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
  });
  expect(codeVerifier).toMatch(/^[\w-]{43}$/);
});
