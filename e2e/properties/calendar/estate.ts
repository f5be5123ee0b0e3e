import {
  type Actor,
  addDays,
  type Booking,
  bookingRequests,
  type CivilDate,
  calendarRequests,
  type createdBooking,
  establishmentRequests,
  type Result,
} from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import type { Life } from './actions.ts';
import { timezone, today, type World } from './world.ts';

export interface Stay {
  booking: z.output<typeof createdBooking>;
  /** By what was answered. */
  state: 'pending' | 'paid' | 'cancelled';
  /** It was decided to cancel it, and nobody answered. */
  perhapsCancelled?: boolean;
}

/** One establishment with its owner's Google account, and what happened to it so far. */
export interface Estate {
  world: World;
  email: string;
  /** Another account of the owner's, which sees all calendars but the last. */
  otherEmail: string;
  establishmentId: string;
  owner: Actor;
  chalets: { id: string }[];
  calendars: string[];
  /** The first date that actions count from. */
  start: CivilDate;
  stays: Stay[];
  /** Ids of events the owner made, series by their own; everything else in the calendars is ours. */
  ownEvents: { calendar: string; id: string; isSeries: boolean }[];
  /** Where events of bookings were seen, so that deleted ones can be brought back. */
  seenMirrors: { calendar: string; id: string }[];
  /** A deleted event was brought back: it has to be read before its calendar is left. */
  broughtBack: boolean;
  /** What owners wrote into events of bookings, by calendar and event: it is theirs, and has to stay. */
  additions: Map<string, Addition[]>;
  /** The owner is asked about what is done to events of bookings. */
  asks: boolean;
  /** What the owner did to events of bookings when asked about such things, by calendar and event: not to be undone. */
  done: Map<string, Done>;
  /** Google was disconnected: calendars have to be chosen again, and events of bookings may have been left. */
  disconnected: 'never' | 'cleanly' | 'leaving events';
}

/** What an event of a booking shows; null when it was deleted. */
export interface Done {
  bookingId: string;
  shown: string | null;
}

export type Addition = { note: string } | { invited: string } | { colour: string };
export const placeKey = (o: { calendar: string; id: string }): string => `${o.calendar} ${o.id}`;

const admin = { kind: 'admin' } as const;

/** The value of an answer that has to be one. */
export function granted<T>(answer: Result<T>): T {
  if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer.refusal)}`);
  return answer.value;
}

/** An establishment that is connected to an account of its own, to live lives in, one after the other. */
export async function createEstate(world: World): Promise<Estate> {
  const email = `owner-${newId()}@example.com`;
  const otherEmail = `other-${newId()}@example.com`;
  for (const account of [email, otherEmail]) world.google.createAccount({ email: account });
  const establishment = granted(
    await patiently(() =>
      world.ask(establishmentRequests.createEstablishment, {
        actor: admin,
        establishment: { name: 'Monde Sauvage', timezone, currency: 'CAD', locale: 'fr-CA' },
      }),
    ),
  );
  const owner = { kind: 'owner', establishmentId: establishment.id, keyId: newId() } as const;
  return { world, email, otherEmail, establishmentId: establishment.id, owner, asks: false, ...nothing() };
}

const nothing = (): Omit<Estate, 'world' | 'email' | 'otherEmail' | 'establishmentId' | 'owner' | 'asks'> => ({
  chalets: [],
  calendars: [],
  start: today(),
  stays: [],
  ownEvents: [],
  seenMirrors: [],
  broughtBack: false,
  additions: new Map(),
  done: new Map(),
  disconnected: 'never',
});

/** New chalets with a calendar each, and one more calendar to change to. */
export async function beginLife(estate: Estate, life: Life): Promise<void> {
  const { world, establishmentId } = estate;
  const calendars = [0, 1, 2].map(index => {
    const access = index < 2 ? { [estate.otherEmail]: 'writer' as const } : {};
    return world.google.createCalendar({ owner: estate.email, summary: `Calendar ${index}`, access }).id;
  });
  const chalets = await Promise.all(
    Array.from({ length: life.chalets }, async (_, index) =>
      granted(
        await patiently(() =>
          world.ask(establishmentRequests.createChalet, {
            actor: admin,
            establishmentId,
            chalet: { name: `Chalet ${index}`, capacity: 4, nightlyRate: 20_000, cleaningFee: 0, maxNights: 365 },
          }),
        ),
      ),
    ),
  );
  Object.assign(estate, nothing(), { calendars, chalets, start: addDays(today(), life.season) });
  await eventually(
    async () => {
      const { rowCount } = await world.calendars.query('SELECT FROM chalets WHERE id = ANY($1::uuid[])', [
        chalets.map(({ id }) => id),
      ]);
      return rowCount === chalets.length;
    },
    { describe: 'calendar-sync knows the chalets', timeoutMs: 60_000 },
  );
  if (estate.asks !== life.asks) await askAboutDrift(estate, life.asks);
  await connectAgain(estate);
  for (const index of chalets.keys()) await chooseCalendar(estate, index, index);
}

/** What was lived costs those who come after nothing: all that is left are rows nobody looks at. */
export async function endLife(estate: Estate): Promise<void> {
  const { world, establishmentId } = estate;
  for (const table of ['calendars', 'channels', 'mirrors', 'left_mirrors', 'drift_decisions']) {
    await world.calendars.query(`DELETE FROM ${table} WHERE establishment_id = $1`, [establishmentId]);
  }
  for (const calendarId of estate.calendars) world.google.deleteCalendar(calendarId);
  Object.assign(estate, nothing());
}

export async function calendarsInUse(estate: Estate): Promise<Set<string>> {
  const { rows } = await estate.world.calendars.query<{ calendarId: string }>(
    'SELECT calendar_id AS "calendarId" FROM calendars WHERE establishment_id = $1',
    [estate.establishmentId],
  );
  return new Set(rows.map(({ calendarId }) => calendarId));
}

/**
 * Connects where there is no connection that works, another account was connected last, or events were left where they could
 * not be removed: all of it is told to the owner.
 */
export async function connectAgain(estate: Estate): Promise<void> {
  for (let tries = 0; tries < 10 && !(await isConnected(estate)); tries += 1) await connect(estate, estate.email);
}

/** The usual account is. */
export async function isConnected({ world, email, establishmentId }: Estate): Promise<boolean> {
  const { rowCount } = await world.calendars.query(
    `SELECT FROM connections WHERE establishment_id = $1 AND status = 'active' AND account = $2`,
    [establishmentId, email],
  );
  return rowCount === 1;
}

/** What was left in calendars is looked for when an account is connected, then a day later. */
export async function fetchLeft(estate: Estate): Promise<void> {
  const { rowCount } = await estate.world.calendars.query('SELECT FROM left_mirrors WHERE establishment_id = $1', [
    estate.establishmentId,
  ]);
  if (rowCount !== 0) await connect(estate, estate.email);
}

/** From the next change in Google on; waits until it is known. */
export async function askAboutDrift(estate: Estate, asks: boolean): Promise<void> {
  const { world, owner: actor, establishmentId } = estate;
  const calendarDrift = asks ? 'ask' : 'restore';
  granted(
    await patiently(() =>
      world.ask(establishmentRequests.updateEstablishment, { actor, establishmentId, patch: { calendarDrift } }),
    ),
  );
  await eventually(
    async () => {
      const { rowCount } = await world.calendars.query(
        'SELECT FROM establishments WHERE id = $1 AND calendar_drift = $2',
        [establishmentId, calendarDrift],
      );
      return rowCount === 1;
    },
    { describe: 'calendar-sync knows whether to ask', timeoutMs: 60_000 },
  );
  estate.asks = asks;
  if (!asks) estate.done.clear();
}

/** Decides one of the questions that wait. Without an answer, it is decided or not. */
export async function decide(estate: Estate, o: { pick: number; decision: 'restore' | 'cancel' }): Promise<void> {
  const { world, owner: actor, establishmentId } = estate;
  const listed = await unlessUnavailable(
    world.ask(calendarRequests.listDecisions, { actor, establishmentId, limit: 50 }, answerMs),
  );
  const question = listed?.ok ? at(listed.value.items, o.pick) : undefined;
  if (question === undefined) return;
  const { id: decisionId, bookingId } = question;
  for (const [key, done] of estate.done) if (done.bookingId === bookingId) estate.done.delete(key);
  const stay = estate.stays.find(({ booking }) => booking.id === bookingId);
  if (stay && o.decision === 'cancel') stay.perhapsCancelled = true;
  await unlessUnavailable(
    world.ask(calendarRequests.decideDrift, { actor, establishmentId, decisionId, decision: o.decision }, answerMs),
  );
}

/** Who asks a service that ends in the middle gets no answer: this is waited for, then life goes on. */
const answerMs = 5_000;

/** Booking does not end in the middle: on a machine that is too busy it may say that its database is away. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries === 10) throw error;
    }
  }
}

/** What may have happened or not, because the service ended in the middle, is answered undefined. */
async function unlessUnavailable<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

const backFromGoogle = z.object({ state: z.string(), code: z.string() });

/** The owner goes through Google's pages. Whether it worked shows in the database. */
export async function connect(estate: Estate, email: string): Promise<void> {
  const { world, owner: actor, establishmentId } = estate;
  const begun = await unlessUnavailable(world.ask(calendarRequests.connect, { actor, establishmentId }, answerMs));
  if (begun === undefined) return;
  const location = world.google.authorize(granted(begun).authorizationUrl, { account: email, decision: 'allow' });
  const { state, code } = backFromGoogle.parse(Object.fromEntries(new URL(location).searchParams));
  await unlessUnavailable(world.ask(calendarRequests.completeConnection, { state, code }, answerMs));
}

/** Refused for a calendar that serves another chalet, without a connection, and by a Google that fails. */
export async function chooseCalendar(estate: Estate, chalet: number, calendar: number | null): Promise<void> {
  const { world, owner: actor } = estate;
  const chaletId = at(estate.chalets, chalet)?.id;
  if (chaletId === undefined) return;
  const calendarId = calendar === null ? null : (estate.calendars[calendar] ?? null);
  await unlessUnavailable(world.ask(calendarRequests.chooseCalendar, { actor, chaletId, calendarId }, answerMs));
}

/** Mirrors are left where they are, or removed first; what was not answered may have happened or not. */
export async function disconnect(estate: Estate, removeMirrors: boolean): Promise<void> {
  const { world, owner: actor, establishmentId } = estate;
  const wasConnected = await isConnected(estate);
  const answer = await unlessUnavailable(
    world.ask(calendarRequests.disconnect, { actor, establishmentId, removeMirrors }, answerMs),
  );
  const isClean = removeMirrors && wasConnected && answer?.ok === true;
  if (!isClean) estate.disconnected = 'leaving events';
  else if (estate.disconnected === 'never') estate.disconnected = 'cleanly';
}

/** After a disconnection, a calendar for each chalet again. */
export async function chooseAgain(estate: Estate): Promise<void> {
  for (const index of estate.chalets.keys()) await chooseCalendar(estate, index, index);
}

export async function openSchedule(estate: Estate, chalet: number): Promise<void> {
  const chaletId = at(estate.chalets, chalet)?.id;
  if (chaletId === undefined) return;
  await unlessUnavailable(estate.world.ask(calendarRequests.syncCalendar, { actor: estate.owner, chaletId }, answerMs));
}

export async function renameChalet(estate: Estate, chalet: number): Promise<void> {
  const chaletId = at(estate.chalets, chalet)?.id;
  if (chaletId === undefined) return;
  const patch = { name: `Chalet ${newId().slice(-4)}` };
  granted(
    await patiently(() => estate.world.ask(establishmentRequests.updateChalet, { actor: admin, chaletId, patch })),
  );
}

/** A guest books, unless the nights are taken. */
export async function book(estate: Estate, o: { chalet: number; from: number; nights: number }): Promise<void> {
  const chaletId = at(estate.chalets, o.chalet)?.id;
  if (chaletId === undefined) return;
  const startDate = addDays(estate.start, o.from);
  const idempotencyKey = newId();
  const answer = await patiently(() =>
    estate.world.ask(bookingRequests.create, {
      idempotencyKey,
      booking: {
        chaletId,
        startDate,
        endDate: addDays(startDate, o.nights),
        customer: { name: 'John Doe', email: 'john.doe@example.com' },
        guests: 2,
      },
    }),
  );
  if (answer.ok) estate.stays.push({ booking: answer.value, state: 'pending' });
  else if (answer.refusal.code !== 'dates_unavailable') granted(answer);
}

/** Returns what the payment service would say of a paid booking. */
export const paymentFor = (booking: Pick<Booking, 'id' | 'establishmentId' | 'price'>) => ({
  paymentId: newId(),
  bookingId: booking.id,
  establishmentId: booking.establishmentId,
  status: 'succeeded' as const,
  amount: booking.price?.total ?? 0,
  amountPaid: booking.price?.total ?? 0,
  amountRefunded: 0,
  currency: 'CAD',
  stripe: { checkoutSessionId: 'cs_1', paymentIntentId: 'pi_1', chargeId: 'ch_1' },
  paidAt: new Date().toISOString(),
  reason: null,
  version: 2,
  occurredAt: new Date().toISOString(),
});

export async function cancel(estate: Estate, stay: Stay, by: 'guest' | 'owner'): Promise<void> {
  const actor = by === 'guest' ? ({ kind: 'guest', bookingId: stay.booking.id } as const) : estate.owner;
  const answer = await patiently(() => estate.world.ask(bookingRequests.cancel, { actor, bookingId: stay.booking.id }));
  if (answer.ok) stay.state = 'cancelled';
  else if (by === 'owner') granted(answer);
}

/** By its place modulo how many there are; undefined when there are none. */
export const at = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(1, list.length)];
