import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

/** What the demo establishment is reached with; kept in a file, so that a restart does not seed again. */
export const demoSchema = z.object({
  gatewayUrl: z.string(),
  googleUrl: z.string(),
  stripeUrl: z.string(),
  establishmentId: z.string(),
  ownerKey: z.string(),
  chalets: z.array(z.object({ id: z.string(), name: z.string(), calendarId: z.string().nullable() })),
});
export type Demo = z.infer<typeof demoSchema>;

type Addresses = Pick<Demo, 'gatewayUrl' | 'googleUrl' | 'stripeUrl'>;

const account = 'proprio@monde-sauvage.example';
const chalets = [
  {
    name: 'Chalet 1',
    description: 'Au bord du lac, pour deux familles.',
    capacity: 8,
    nightlyRate: 28_000,
    weekendRate: 33_000,
    cleaningFee: 9_000,
    includedGuests: 6,
    extraGuestFee: 2_500,
    lengthDiscounts: [
      { nights: 7, percentage: 10 },
      { nights: 28, percentage: 20 },
    ],
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
 * @param o.addresses where the demo is reached from outside; written into the file
 * @param o.from the same as reached from here, where that differs (between containers)
 * @param o.file where what was made is kept; made only once as long as the system knows it
 */
export async function seedDemo(o: {
  addresses: Addresses;
  from?: Pick<Addresses, 'gatewayUrl' | 'googleUrl'> | undefined;
  adminKey: string;
  connectGoogle: boolean;
  file: string;
}): Promise<Demo> {
  const { addresses, file, from = addresses } = o;
  if (existsSync(file)) {
    const kept = { ...demoSchema.parse(JSON.parse(readFileSync(file, 'utf8'))), ...addresses };
    if (await isKnown(kept, from.gatewayUrl)) {
      writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
      return kept;
    }
  }
  const admin = client(from.gatewayUrl, o.adminKey);
  const establishment = await admin('POST', '/v1/establishments', {
    name: 'Monde Sauvage',
    timezone: 'America/Toronto',
    currency: 'CAD',
    locale: 'fr-CA',
    // Québec's: 5 % and 9.975 %, of the same sum.
    taxes: [
      { name: 'TPS', rateMillionths: 50_000 },
      { name: 'TVQ', rateMillionths: 99_750 },
    ],
  });
  const key = await admin('POST', `/v1/establishments/${establishment.id}/keys`, { name: 'demo' });
  const owner = client(from.gatewayUrl, z.string().parse(key.key));
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
  if (o.connectGoogle) await connectGoogle(demo, owner, from);
  writeFileSync(file, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return demo;
}

class NotKnownError extends Error {}

/** A new chalet reaches the calendar service by an event: on a system that is just starting, that takes a moment. */
async function whenKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NotKnownError) || attempt === 100) throw error;
      await wait(200);
    }
  }
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
    if (response.status === 404) throw new NotKnownError(`${method} ${path}: ${text}`);
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? {} : answer.parse(JSON.parse(text));
  };
}

/** Whether the system knows this demo: its databases may have been emptied since. */
export async function isKnown(demo: Demo, gatewayUrl = demo.gatewayUrl): Promise<boolean> {
  const path = `/v1/establishments/${demo.establishmentId}/keys`;
  const response = await fetch(new URL(path, gatewayUrl), {
    headers: { authorization: `Bearer ${demo.ownerKey}` },
  });
  await response.body?.cancel();
  return response.ok;
}

/** The owner's part in the browser: allow access on Google's page, and come back. Then one calendar a chalet. */
async function connectGoogle(
  demo: Demo,
  owner: Call,
  from: Pick<Addresses, 'gatewayUrl' | 'googleUrl'>,
): Promise<void> {
  const google = client(from.googleUrl);
  await google('POST', '/_emulator/accounts', { email: account, name: 'Monde Sauvage' });
  const { authorizationUrl } = await owner('POST', `/v1/establishments/${demo.establishmentId}/google/connect`, {});
  const { redirect } = await google('POST', '/_emulator/authorize', { url: authorizationUrl, account });
  const back = new URL(z.url().parse(redirect));
  const callback = await fetch(new URL(`${back.pathname}${back.search}`, from.gatewayUrl));
  if (!callback.ok) throw new Error(`connecting Google ended with ${callback.status}: ${await callback.text()}`);
  for (const [index, chalet] of demo.chalets.entries()) {
    const calendarId = `chalet-${index + 1}@group.calendar.google.com`;
    await google('POST', '/_emulator/calendars', { owner: account, id: calendarId, summary: chalet.name });
    await whenKnown(() => owner('PUT', `/v1/chalets/${chalet.id}/google-calendar`, { calendarId }));
    chalet.calendarId = calendarId;
  }
}
