import { OAuth2Client } from 'google-auth-library';
import { calendar, type calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { z } from 'zod';
import type { GoogleEmulator } from './google-emulator.ts';

export const owner = 'owner@example.com';
export const eventScope = 'https://www.googleapis.com/auth/calendar.events';
export const listScope = 'https://www.googleapis.com/auth/calendar.calendarlist.readonly';

/** Google's own OAuth client, pointed at the emulator. */
export function oauthClient(emulator: GoogleEmulator, clientId = 'client', clientSecret = 'secret'): OAuth2Client {
  return new OAuth2Client({
    clientId,
    clientSecret,
    redirectUri: 'http://localhost:3000/oauth/google/callback',
    endpoints: {
      oauth2AuthBaseUrl: `${emulator.url}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${emulator.url}/token`,
      oauth2RevokeUrl: `${emulator.url}/revoke`,
      tokenInfoUrl: `${emulator.url}/tokeninfo`,
    },
  });
}

/** Google's own Calendar client, signed in as an account, without retries of its own. */
export function calendarClient(
  emulator: GoogleEmulator,
  email = owner,
  scopes: readonly string[] = [eventScope, listScope],
): calendar_v3.Calendar {
  const auth = oauthClient(emulator, 'emulator-client', '');
  auth.setCredentials(emulator.admin.issueTokens({ email, scopes }));
  return calendar({ version: 'v3', auth, rootUrl: `${emulator.url}/`, retry: false });
}

/** Status and reason of a refusal, as the SDK's error carries them. */
export async function refusalOf(
  call: Promise<unknown>,
): Promise<{ status: number; reason: string } | { code: string }> {
  try {
    await call;
  } catch (error) {
    return describe(error);
  }
  throw new Error('the call was not refused');
}

const sdkError = z.object({
  code: z.unknown(),
  response: z
    .object({
      status: z.number(),
      data: z.object({
        error: z.union([z.string(), z.object({ errors: z.tuple([z.object({ reason: z.string() })]) })]),
      }),
    })
    .optional(),
});

function describe(error: unknown): { status: number; reason: string } | { code: string } {
  const { response, code } = sdkError.parse(error);
  if (!response) return { code: String(code) };
  const body = response.data.error;
  return { status: response.status, reason: typeof body === 'string' ? body : body.errors[0].reason };
}
