import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GoogleEmulator, startGoogleEmulator } from '@monde-sauvage/emulators';
import { OAuth2Client } from 'google-auth-library';
import { createCalendarApi } from './calendar-api.ts';
import { classifyGoogleError } from './classify-error.ts';

const email = 'owner@example.com';
let emulator: GoogleEmulator;
beforeAll(async () => {
  emulator = await startGoogleEmulator();
  emulator.admin.createAccount({ email });
});
afterAll(() => emulator.close());

test.each([
  { status: 429, kind: 'quota' },
  { status: 503, kind: 'retry' },
])('the wait that Google asks for with a $status is read from the client’s own errors', async ({ status, kind }) => {
  const auth = new OAuth2Client();
  auth.setCredentials(emulator.admin.issueTokens({ email }));
  const api = createCalendarApi({ auth, rootUrl: emulator.url, call: async (_, run) => (await run()).data });
  emulator.admin.addFault({ match: { calendarId: email }, status, retryAfter: 7 });
  const error = await api.getEvent(email, 'whatever').catch((failure: unknown) => failure);
  expect(classifyGoogleError(error)).toMatchObject({ kind, retryAfterMs: 7_000 });
});
