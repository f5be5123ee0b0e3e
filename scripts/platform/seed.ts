import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Platform } from './platform.ts';
import type { Settings } from './settings.ts';

/** What the demo establishment is reached with; kept in the data folder, so that a restart does not seed again. */
export const demoSchema = z.object({
  gatewayUrl: z.string(),
  googleUrl: z.string(),
  stripeUrl: z.string(),
  establishmentId: z.string(),
  ownerKey: z.string(),
  chalets: z.array(z.object({ id: z.string(), name: z.string(), calendarId: z.string().nullable() })),
});
export type Demo = z.infer<typeof demoSchema>;

export const demoFile = (dataDir: string): string => join(dataDir, 'demo.json');

const account = 'proprio@monde-sauvage.example';
const chalets = [
  {
    name: 'Chalet 1',
    description: 'Au bord du lac, pour deux familles.',
    capacity: 8,
    nightlyRate: 28_000,
    cleaningFee: 9_000,
  },
  {
    name: 'Chalet 2',
    description: 'Dans les érables, avec sauna.',
    capacity: 4,
    nightlyRate: 19_500,
    cleaningFee: 7_500,
  },
  {
    name: 'Chalet 3',
    description: 'En haut de la montagne, chauffé au bois.',
    capacity: 2,
    nightlyRate: 14_000,
    cleaningFee: 5_000,
  },
];

/**
 * Makes the demo establishment through the public API, as an owner would: chalets, a key, and Google connected with one
 * calendar a chalet. With a Google that is not the emulator, connecting is left to a person.
 */
export async function seedDemo(settings: Settings, platform: Platform): Promise<Demo> {
  const file = demoFile(settings.DATA_DIR);
  const addresses = { gatewayUrl: platform.gatewayUrl, googleUrl: platform.googleUrl, stripeUrl: platform.stripeUrl };
  if (existsSync(file)) {
    const kept = { ...demoSchema.parse(JSON.parse(readFileSync(file, 'utf8'))), ...addresses };
    if (await isKnown(kept)) {
      writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
      return kept;
    }
  }
  const admin = client(platform.gatewayUrl, settings.secrets.ADMIN_API_KEY);
  const establishment = await admin('POST', '/v1/establishments', {
    name: 'Monde Sauvage',
    timezone: 'America/Toronto',
    currency: 'CAD',
    locale: 'fr-CA',
  });
  const key = await admin('POST', `/v1/establishments/${establishment.id}/keys`, { name: 'demo' });
  const owner = client(platform.gatewayUrl, z.string().parse(key.key));
  const made: Demo['chalets'] = [];
  for (const chalet of chalets) {
    const created = await owner('POST', `/v1/establishments/${establishment.id}/chalets`, {
      ...chalet,
      minNights: 1,
      maxNights: 28,
    });
    made.push({ id: z.string().parse(created.id), name: chalet.name, calendarId: null });
  }
  const demo: Demo = {
    ...addresses,
    establishmentId: z.string().parse(establishment.id),
    ownerKey: z.string().parse(key.key),
    chalets: made,
  };
  if (settings.GOOGLE_API_BASE_URL === undefined) await connectGoogle(demo, owner);
  writeFileSync(file, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return demo;
}

type Call = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

const answer = z.record(z.string(), z.unknown());

function client(baseUrl: string, bearer?: string): Call {
  return async (method, path, body) => {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: { ...(bearer && { authorization: `Bearer ${bearer}` }), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? {} : answer.parse(JSON.parse(text));
  };
}

async function isKnown(demo: Demo): Promise<boolean> {
  const path = `/v1/establishments/${demo.establishmentId}/keys`;
  const response = await fetch(new URL(path, demo.gatewayUrl), {
    headers: { authorization: `Bearer ${demo.ownerKey}` },
  });
  await response.body?.cancel();
  return response.ok;
}

/** The owner's part in the browser: allow access on Google's page, and come back. Then one calendar a chalet. */
async function connectGoogle(demo: Demo, owner: Call): Promise<void> {
  const google = client(demo.googleUrl);
  await google('POST', '/_emulator/accounts', { email: account, name: 'Monde Sauvage' });
  const { authorizationUrl } = await owner('POST', `/v1/establishments/${demo.establishmentId}/google/connect`, {});
  const { redirect } = await google('POST', '/_emulator/authorize', { url: authorizationUrl, account });
  const callback = await fetch(z.url().parse(redirect));
  if (!callback.ok) throw new Error(`connecting Google ended with ${callback.status}: ${await callback.text()}`);
  for (const [index, chalet] of demo.chalets.entries()) {
    const calendarId = `chalet-${index + 1}@group.calendar.google.com`;
    await google('POST', '/_emulator/calendars', { owner: account, id: calendarId, summary: chalet.name });
    await owner('PUT', `/v1/chalets/${chalet.id}/google-calendar`, { calendarId });
    chalet.calendarId = calendarId;
  }
}
