import { createHash, randomBytes } from 'node:crypto';
import { CodeChallengeMethod, OAuth2Client } from 'google-auth-library';
import type { CalendarSyncConfig } from '../config.ts';

/** Events of calendars, and the list of calendars to choose from; neither opens more than that. */
export const scopes = [
  'https://www.googleapis.com/auth/calendar.events',
  'https://www.googleapis.com/auth/calendar.calendarlist.readonly',
];

const usualTimeoutMs = 5_000;

/** An OAuth client of the platform at Google, or at what stands in for Google. */
export function createOAuthClient(config: CalendarSyncConfig, timeoutMs: number = usualTimeoutMs): OAuth2Client {
  const client = new OAuth2Client({
    clientId: config.GOOGLE_CLIENT_ID,
    clientSecret: config.GOOGLE_CLIENT_SECRET,
    redirectUri: `${config.PUBLIC_URL}/oauth/google/callback`,
    endpoints: {
      oauth2AuthBaseUrl: `${config.GOOGLE_AUTH_BASE_URL}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${config.GOOGLE_TOKEN_BASE_URL}/token`,
      oauth2RevokeUrl: `${config.GOOGLE_TOKEN_BASE_URL}/revoke`,
    },
    transporterOptions: { timeout: timeoutMs },
  });
  // The library would repeat token requests by itself, for longer than a lease lasts; retrying is ours.
  client.transporter.interceptors.request.add({
    resolved: async options => {
      options.retry = false;
      delete options.retryConfig;
      return options;
    },
  });
  return client;
}

export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** Where the owner's browser goes. `offline` and `consent` make Google hand out a refresh token every time. */
export function authorizationUrl(client: OAuth2Client, o: { state: string; codeVerifier: string }): string {
  return client.generateAuthUrl({
    access_type: 'offline',
    prompt: 'consent',
    include_granted_scopes: false,
    scope: scopes,
    state: o.state,
    code_challenge_method: CodeChallengeMethod.S256,
    code_challenge: createHash('sha256').update(o.codeVerifier).digest('base64url'),
  });
}
