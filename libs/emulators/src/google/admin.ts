import { z } from 'zod';
import { type Decision, decide } from './authorize.ts';
import type { Call, CallFilter } from './call-log.ts';
import type { PushFaultInput, PushRecord } from './channels.ts';
import { notFound } from './errors.ts';
import type { GoogleEvent } from './event-schema.ts';
import { listEvents } from './events-list.ts';
import {
  deleteEvent,
  findEvent,
  insertEvent,
  moveEvent,
  patchEvent,
  updateEvent,
  type WriteOptions,
} from './events-write.ts';
import type { Fault, FaultInput } from './faults.ts';
import { createGrant, issueAccessToken, knownScopes, revokeGrant } from './grants.ts';
import { parseListQuery } from './list-query.ts';
import type { CodeStore } from './oauth.ts';
import { type AccessRole, type Account, accessRoles, type Calendar, type Channel } from './state.ts';
import { defaultSettings, nextSeq, type SentMail, type Settings, type World } from './world.ts';

export const accountInput = z.object({
  email: z.email(),
  name: z.string().optional(),
  /** Zone of the primary calendar. */
  timeZone: z.string().default('America/Toronto'),
});

export const calendarInput = z.object({
  owner: z.email(),
  id: z.string().min(1).optional(),
  summary: z.string(),
  description: z.string().optional(),
  timeZone: z.string().default('America/Toronto'),
  /** Other accounts that can see it. */
  access: z.record(z.string(), z.enum(accessRoles)).default({}),
});

/** A calendar as the admin endpoint tells it. */
export interface CalendarInfo {
  id: string;
  ownerEmail: string;
  summary: string;
  timeZone: string;
  primary: boolean;
  access: Record<string, AccessRole>;
  /** Events that are not deleted, a series counting once. */
  events: number;
}

export interface IssuedTokens {
  access_token: string;
  refresh_token: string;
  expiry_date: number;
  scope: string;
}

/** Everything tests and people can do to the emulator beside calling its API. The same things are under `/_emulator/`. */
export interface GoogleAdmin {
  /** Creates an account with its primary calendar; one that exists is returned as it is. */
  createAccount(input: z.input<typeof accountInput>): Account;
  listAccounts(): Account[];
  /** Creates a calendar; one that exists is returned as it is. Throws GoogleApiError 404 for an unknown owner. */
  createCalendar(input: z.input<typeof calendarInput>): CalendarInfo;
  listCalendars(): CalendarInfo[];
  /** Gives an account a role on a calendar, or takes it away with null. */
  shareCalendar(calendarId: string, email: string, role: AccessRole | null): CalendarInfo;
  deleteCalendar(calendarId: string): void;

  /** The owner's own writes: the API's code path, pushes included. */
  createEvent(calendarId: string, event: GoogleEvent): GoogleEvent;
  patchEvent(calendarId: string, eventId: string, event: GoogleEvent): GoogleEvent;
  updateEvent(calendarId: string, eventId: string, event: GoogleEvent): GoogleEvent;
  deleteEvent(calendarId: string, eventId: string): void;
  /** To another calendar, under the same id. */
  moveEvent(calendarId: string, eventId: string, destination: string): GoogleEvent;
  getEvent(calendarId: string, eventId: string): GoogleEvent;
  /** All events as they are stored: series unexpanded, deleted ones only when asked for. */
  listEvents(calendarId: string, options?: { showDeleted?: boolean }): GoogleEvent[];
  /** Events as a person sees them in a window of RFC 3339 instants: series expanded, deleted ones left out. */
  viewEvents(calendarId: string, window: { timeMin: string; timeMax: string }): GoogleEvent[];

  /** Answers an authorize address as a person would; returns where the browser is sent. */
  authorize(authorizationUrl: string, decision: Decision): string;
  /** Tokens without the browser dance. */
  issueTokens(input: {
    email: string;
    scopes?: readonly string[] | undefined;
    clientId?: string | undefined;
  }): IssuedTokens;
  /** Ends every grant of an account: access tokens answer 401, refresh tokens `invalid_grant`. */
  revokeAccount(email: string): void;
  /** Ends access tokens only, of one account or of all, so that clients must refresh. */
  expireAccessTokens(email?: string): void;
  /** Makes every sync token answer 410, and drops deletions from full lists, as Google does. */
  expireSyncTokens(calendarId?: string): void;

  addFault(fault: FaultInput): Fault;
  listFaults(): Fault[];
  clearFaults(): void;
  addPushFault(fault: PushFaultInput): void;
  /** Destroys every connection to the API until it is up again. */
  setDown(down: boolean): void;
  configure(settings: Partial<Settings>): Settings;

  calls(filter?: CallFilter): Call[];
  callCounts(filter?: CallFilter): Record<string, number>;
  writesPerEvent(filter?: CallFilter): Record<string, number>;
  clearCalls(): void;
  sentMail(): SentMail[];
  channels(): Channel[];
  pushes(): PushRecord[];
  /** Resolves once no push is under way. */
  pushesSettled(): Promise<void>;
  /** Back to an empty emulator: no accounts, tokens, events, faults, logs. */
  reset(): void;
}

export function createAdmin(world: World, codes: CodeStore): GoogleAdmin {
  const { state } = world;

  const calendarOf = (id: string): Calendar => {
    const calendar = state.calendars.get(id);
    if (!calendar) throw notFound();
    return calendar;
  };
  const asOwner = (calendar: Calendar): WriteOptions => ({ email: calendar.ownerEmail, sendUpdates: 'none' });
  const addCalendar = (
    calendar: Pick<Calendar, 'id' | 'ownerEmail' | 'summary' | 'timeZone' | 'primary' | 'access'>,
  ) => {
    const full: Calendar = {
      ...calendar,
      seq: 0,
      syncEpoch: world.randomId(),
      purgedSeq: 0,
      listSeq: state.calendars.size + 1,
      events: new Map(),
      ghosts: new Map(),
    };
    state.calendars.set(full.id, full);
    world.changed();
    return full;
  };

  return {
    createAccount: input => {
      const { email, name, timeZone } = accountInput.parse(input);
      const existing = state.accounts.get(email);
      if (existing) return existing;
      const account = { email, name: name ?? email };
      state.accounts.set(email, account);
      const access = new Map<string, AccessRole>([[email, 'owner']]);
      addCalendar({ id: email, ownerEmail: email, summary: email, timeZone, primary: true, access });
      return account;
    },
    listAccounts: () => [...state.accounts.values()],
    createCalendar: input => {
      const { owner, id, description, access, ...rest } = calendarInput.parse(input);
      if (!state.accounts.has(owner)) throw notFound('Unknown account');
      const calendarId = id ?? `c_${world.randomId()}@group.calendar.google.com`;
      const existing = state.calendars.get(calendarId);
      if (existing) return infoOf(existing);
      const roles = new Map<string, AccessRole>([...Object.entries(access), [owner, access[owner] ?? 'owner']]);
      const created = addCalendar({ ...rest, id: calendarId, ownerEmail: owner, primary: false, access: roles });
      created.description = description;
      return infoOf(created);
    },
    listCalendars: () => [...state.calendars.values()].map(infoOf),
    shareCalendar: (calendarId, email, role) => {
      const calendar = calendarOf(calendarId);
      if (role === null) calendar.access.delete(email);
      else calendar.access.set(email, role);
      calendar.listSeq += 1;
      world.changed();
      return infoOf(calendar);
    },
    deleteCalendar: calendarId => {
      const calendar = calendarOf(calendarId);
      world.channels.announce(calendar, 'not_exists');
      for (const channel of state.channels.values()) {
        if (channel.calendarId === calendarId) state.channels.delete(channel.id);
      }
      state.calendars.delete(calendarId);
      world.changed();
    },

    createEvent: (calendarId, event) => {
      const calendar = calendarOf(calendarId);
      return insertEvent(world, calendar, event, asOwner(calendar));
    },
    patchEvent: (calendarId, eventId, event) => {
      const calendar = calendarOf(calendarId);
      return patchEvent(world, calendar, eventId, event, asOwner(calendar));
    },
    updateEvent: (calendarId, eventId, event) => {
      const calendar = calendarOf(calendarId);
      return updateEvent(world, calendar, eventId, event, asOwner(calendar));
    },
    deleteEvent: (calendarId, eventId) => {
      const calendar = calendarOf(calendarId);
      deleteEvent(world, calendar, eventId, asOwner(calendar));
    },
    moveEvent: (calendarId, eventId, destination) => {
      const calendar = calendarOf(calendarId);
      return moveEvent(world, calendar, calendarOf(destination), eventId, asOwner(calendar));
    },
    getEvent: (calendarId, eventId) => findEvent(calendarOf(calendarId), eventId).resource,
    listEvents: (calendarId, { showDeleted = false } = {}) =>
      [...calendarOf(calendarId).events.values()]
        .map(stored => stored.resource)
        .filter(event => showDeleted || event.status !== 'cancelled'),
    viewEvents: (calendarId, { timeMin, timeMax }) => {
      const calendar = calendarOf(calendarId);
      const parameters = { timeMin, timeMax, singleEvents: 'true', orderBy: 'startTime', maxResults: '2500' };
      const items: GoogleEvent[] = [];
      for (let more = {}; ; ) {
        const query = parseListQuery(new URLSearchParams({ ...parameters, ...more }), world.now());
        const page = listEvents(world, calendar, query, calendar.ownerEmail);
        items.push(...(page.items ?? []));
        if (!page.nextPageToken) return items;
        more = { pageToken: page.nextPageToken };
      }
    },

    authorize: (authorizationUrl, decision) => {
      const reply = decide(world, codes, new URL(authorizationUrl).searchParams, decision);
      const location = reply.headers?.location;
      if (location === undefined) throw new Error(`authorization refused without redirect: ${reply.body ?? ''}`);
      return location;
    },
    issueTokens: ({ email, scopes, clientId }) => {
      if (!state.accounts.has(email)) throw notFound('Unknown account');
      const asked = [...(scopes ?? Object.keys(knownScopes))];
      const client = clientId ?? world.client.id ?? 'emulator-client';
      const grant = createGrant(world, { email, clientId: client, scopes: asked, offline: true });
      const { access_token, expires_in, scope } = issueAccessToken(world, grant);
      const expiry_date = world.now().getTime() + expires_in * 1000;
      return { access_token, refresh_token: grant.refreshToken ?? '', expiry_date, scope };
    },
    revokeAccount: email => {
      for (const grant of state.grants.values()) if (grant.email === email) revokeGrant(world, grant);
    },
    expireAccessTokens: email => {
      for (const [key, { grantId }] of state.accessTokens) {
        if (email === undefined || state.grants.get(grantId)?.email === email) state.accessTokens.delete(key);
      }
      world.changed();
    },
    expireSyncTokens: calendarId => {
      const calendars = calendarId === undefined ? [...state.calendars.values()] : [calendarOf(calendarId)];
      for (const calendar of calendars) {
        calendar.syncEpoch = world.randomId();
        calendar.purgedSeq = nextSeq(calendar);
        calendar.ghosts.clear();
      }
      world.changed();
    },

    addFault: fault => world.faults.add(fault),
    listFaults: () => world.faults.list(),
    clearFaults: () => {
      world.faults.clear();
      world.faults.down = false;
      world.channels.clearFaults();
    },
    addPushFault: fault => world.channels.addFault(fault),
    setDown: down => {
      world.faults.down = down;
    },
    configure: settings => Object.assign(world.settings, settings),

    calls: filter => world.calls.list(filter),
    callCounts: filter => world.calls.counts(filter),
    writesPerEvent: filter => world.calls.writesPerEvent(filter),
    clearCalls: () => {
      world.calls.clear();
      world.mail.length = 0;
      world.channels.clearPushes();
    },
    sentMail: () => [...world.mail],
    channels: () => [...state.channels.values()],
    pushes: () => world.channels.pushes(),
    pushesSettled: () => world.channels.settled(),
    reset: () => {
      for (const map of Object.values(state)) map.clear();
      codes.clear();
      world.calls.clear();
      world.mail.length = 0;
      world.channels.clearPushes();
      world.channels.clearFaults();
      world.faults.clear();
      world.faults.down = false;
      Object.assign(world.settings, defaultSettings);
      world.changed();
    },
  };
}

function infoOf(calendar: Calendar): CalendarInfo {
  const { id, ownerEmail, summary, timeZone, primary, access, events } = calendar;
  const live = [...events.values()].filter(({ resource }) => resource.status !== 'cancelled').length;
  return { id, ownerEmail, summary, timeZone, primary, access: Object.fromEntries(access), events: live };
}
