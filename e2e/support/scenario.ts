import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addDays, type CivilDate, createdBooking, googleOverview } from '@monde-sauvage/contracts';
import { eventually, reservePort, testNats } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { type Platform, startPlatform } from '../../scripts/platform/platform.ts';
import { readSettings } from '../../scripts/platform/settings.ts';
import { type Api, askAgain, createApi } from './api.ts';
import { createGoogleHand, type GoogleHand } from './google.ts';
import { createStripeHand, type StripeHand } from './stripe.ts';

/** The whole system on ports and databases of its own, for one test file. */
export interface Scenario {
  platform: Platform;
  api: Api;
  admin: Api;
  google: GoogleHand;
  stripe: StripeHand;
  stop(): Promise<void>;
}

const portVariables = [
  'PORT',
  'BOOKING_PORT',
  'AVAILABILITY_PORT',
  'CALENDAR_SYNC_PORT',
  'PAYMENT_PORT',
  'GOOGLE_EMULATOR_PORT',
  'STRIPE_EMULATOR_PORT',
];

/** Starts every service as a process of its own, with the servers of the test run. `env` changes their behaviour. */
export async function startScenario(env: Record<string, string> = {}): Promise<Scenario> {
  const dataDir = await mkdtemp(join(tmpdir(), 'monde-sauvage-'));
  const nats = await testNats();
  const ports: [string, string][] = [];
  for (const variable of portVariables) ports.push([variable, String(await reservePort())]);
  const settings = readSettings({
    DATA_DIR: dataDir,
    DATABASE_URL_BASE: z.string().parse(process.env.TEST_DATABASE_URL_BASE),
    DATABASE_PREFIX: `scenario_${randomBytes(4).toString('hex')}_`,
    NATS_URL: nats.url,
    LOG_LEVEL: 'info',
    ...Object.fromEntries(ports),
    ...env,
  });
  const cleanUp = async () => {
    await nats.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const platform = await startPlatform(settings);
    const api = askAgain(createApi(platform.gatewayUrl));
    return {
      platform,
      api,
      admin: api.as(settings.secrets.ADMIN_API_KEY),
      google: createGoogleHand(platform.googleUrl),
      stripe: createStripeHand(platform.stripeUrl),
      async stop() {
        await platform.stop();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

const identified = z.object({ id: z.string() });

/** An establishment of its own for a test: one chalet, one owner, Google connected when asked. */
export interface Lodge {
  establishmentId: string;
  chaletId: string;
  calendarId: string;
  owner: Api;
}

export async function openLodge(
  scenario: Scenario,
  o: { google?: boolean; nightlyRate?: number } = {},
): Promise<Lodge> {
  const { admin, api, google } = scenario;
  const establishment = await admin.expect(201, identified, 'POST', '/v1/establishments', {
    body: { name: 'Monde Sauvage', timezone: 'America/Toronto', currency: 'CAD', locale: 'fr-CA' },
  });
  const at = `/v1/establishments/${establishment.id}`;
  const key = await admin.expect(201, z.object({ key: z.string() }), 'POST', `${at}/keys`, { body: { name: 'test' } });
  const owner = api.as(key.key);
  const chalet = await owner.expect(201, identified, 'POST', `${at}/chalets`, {
    body: { name: 'Chalet 1', capacity: 6, nightlyRate: o.nightlyRate ?? 20_000, cleaningFee: 5_000, maxNights: 30 },
  });
  const lodge = {
    establishmentId: establishment.id,
    chaletId: chalet.id,
    calendarId: `${chalet.id}@group.calendar.google.com`,
    owner,
  };
  if (o.google ?? true) await connectGoogle(google, lodge);
  return lodge;
}

async function connectGoogle(google: GoogleHand, lodge: Lodge): Promise<void> {
  const account = `owner-${lodge.establishmentId}@example.com`;
  await google.createAccount(account);
  await google.createCalendar(account, lodge.calendarId, 'Chalet 1');
  const path = `/v1/establishments/${lodge.establishmentId}/google/connect`;
  const link = z.object({ authorizationUrl: z.url() });
  const { authorizationUrl } = await lodge.owner.expect(200, link, 'POST', path, { body: {} });
  const callback = await fetch(await google.allowAccess(authorizationUrl, account));
  if (!callback.ok) throw new Error(`the callback answered ${callback.status}: ${await callback.text()}`);
  await lodge.owner.expect(200, z.unknown(), 'PUT', `/v1/chalets/${lodge.chaletId}/google-calendar`, {
    body: { calendarId: lodge.calendarId },
  });
  await eventually(
    async () => {
      const path = `/v1/establishments/${lodge.establishmentId}/google`;
      const overview = await lodge.owner.expect(200, googleOverview, 'GET', path);
      return overview.calendars.every(({ status, channelExpiresAt }) => status === 'ok' && channelExpiresAt !== null);
    },
    { describe: 'Google to push what changes' },
  );
}

export type CreatedBooking = z.infer<typeof createdBooking>;

const begunOn = new Date().toISOString().slice(0, 10);
/** The date on which the test file began plus a number of days, far enough from any time zone's midnight for a test. */
export const dateAhead = (days: number): CivilDate => addDays(begunOn, days);

export interface StayWish {
  startDate: CivilDate;
  endDate: CivilDate;
  name?: string;
}

export const bookingBody = (chaletId: string, wish: StayWish) => ({
  chaletId,
  startDate: wish.startDate,
  endDate: wish.endDate,
  customer: { name: wish.name ?? 'John Doe', email: 'john.doe@example.com', phone: '+1 418 555 0199' },
  guests: 2,
  notes: 'Arrivée tardive',
});

export const book = (scenario: Scenario, chaletId: string, wish: StayWish): Promise<CreatedBooking> =>
  scenario.api.expect(201, createdBooking, 'POST', '/v1/bookings', { body: bookingBody(chaletId, wish) });

const checkoutLink = z.object({ checkoutUrl: z.url() });

/** Opens Checkout as the guest and pays on Stripe's page. Answers with what Stripe asked for, in minor units. */
export async function pay(scenario: Scenario, booking: CreatedBooking): Promise<number | null | undefined> {
  const guest = scenario.api.as(booking.manageToken);
  const { checkoutUrl } = await guest.expect(200, checkoutLink, 'POST', `/v1/bookings/${booking.id}/checkout`, {
    body: {},
  });
  await scenario.stripe.pay(checkoutUrl);
  const { sessions } = await scenario.stripe.state();
  return sessions[scenario.stripe.sessionIdOf(checkoutUrl)]?.session.amount_total;
}

/** Waits until the calendar holds exactly the events that `accept` takes for right. */
export const calendarSettles = (
  scenario: Scenario,
  lodge: Lodge,
  bookingId: string,
  accept: (mirrors: Awaited<ReturnType<GoogleHand['mirrorsOf']>>) => boolean,
) =>
  eventually(
    async () => {
      const mirrors = await scenario.google.mirrorsOf(lodge.calendarId, bookingId);
      return accept(mirrors) ? mirrors : undefined;
    },
    { describe: `the calendar to hold the right events of booking ${bookingId}` },
  );

/** Waits until no mirror of the lodge waits for the calendar any more: what Google holds now is what it will hold. */
export const mirrorsAreDone = (lodge: Lodge) =>
  eventually(
    async () => {
      const path = `/v1/establishments/${lodge.establishmentId}/google`;
      const overview = await lodge.owner.expect(200, googleOverview, 'GET', path);
      return overview.calendars.every(({ mirrors }) => mirrors.waiting + mirrors.blocked + mirrors.failed === 0);
    },
    { describe: 'the mirrors to be done' },
  );
