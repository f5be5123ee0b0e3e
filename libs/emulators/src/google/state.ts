import { z } from 'zod';
import { eventDateTime, eventResource } from './event-schema.ts';

/** From least to most: each role includes those before it (Google: calendar sharing). */
export const accessRoles = ['freeBusyReader', 'reader', 'writer', 'owner'] as const;
export type AccessRole = (typeof accessRoles)[number];

const account = z.object({ email: z.string(), name: z.string() });

const storedEvent = z.object({
  id: z.string(),
  /** Place of the event's last change in its calendar's log. */
  seq: z.number(),
  /** Order of creation, which is the stable order of a list. */
  ordinal: z.number(),
  resource: eventResource,
});

/** An instance that a list with `singleEvents` showed once, and that its series no longer has. */
const ghost = z.object({
  id: z.string(),
  seq: z.number(),
  recurringEventId: z.string().optional(),
  originalStartTime: eventDateTime.optional(),
});

const calendar = z.object({
  id: z.string(),
  ownerEmail: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  timeZone: z.string(),
  primary: z.boolean(),
  access: z.map(z.string(), z.enum(accessRoles)),
  /** Number of changes so far: the content of a sync token. */
  seq: z.number(),
  /** Sync tokens of any other epoch are expired. */
  syncEpoch: z.string(),
  /** Deletions up to here are no longer listed; their ids stay taken. */
  purgedSeq: z.number(),
  listSeq: z.number(),
  events: z.map(z.string(), storedEvent),
  ghosts: z.map(z.string(), ghost),
});

const grant = z.object({
  id: z.string(),
  email: z.string(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  refreshToken: z.string().optional(),
  /** Good as well, oldest first. */
  olderRefreshTokens: z.array(z.string()).default([]),
  revoked: z.boolean(),
});

const accessToken = z.object({ token: z.string(), grantId: z.string(), expiresAt: z.number() });

const channel = z.object({
  id: z.string(),
  resourceId: z.string(),
  calendarId: z.string(),
  address: z.string(),
  token: z.string().optional(),
  /** Epoch milliseconds. */
  expiration: z.number(),
  messageNumber: z.number(),
  email: z.string(),
});

const state = z.object({
  accounts: z.map(z.string(), account),
  calendars: z.map(z.string(), calendar),
  grants: z.map(z.string(), grant),
  accessTokens: z.map(z.string(), accessToken),
  channels: z.map(z.string(), channel),
});

export type Account = z.infer<typeof account>;
export type StoredEvent = z.infer<typeof storedEvent>;
export type Ghost = z.infer<typeof ghost>;
export type Calendar = z.infer<typeof calendar>;
export type Grant = z.infer<typeof grant>;
export type AccessToken = z.infer<typeof accessToken>;
export type Channel = z.infer<typeof channel>;
export type State = z.infer<typeof state>;

export function emptyState(): State {
  return {
    accounts: new Map(),
    calendars: new Map(),
    grants: new Map(),
    accessTokens: new Map(),
    channels: new Map(),
  };
}

/** The state as it is saved; Maps become `{"$map": [[key, value], …]}`. */
export function plainState(value: State): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (item instanceof Map ? { $map: [...item] } : item)));
}

/** Reads what `plainState` made; throws a ZodError when it is something else. */
export function parseState(plain: unknown): State {
  return state.parse(withMaps(plain));
}

const savedMap = z.strictObject({ $map: z.array(z.tuple([z.string(), z.unknown()])) });

function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps);
  if (typeof value !== 'object' || value === null) return value;
  const saved = savedMap.safeParse(value);
  if (saved.success) return new Map(saved.data.$map.map(([key, item]) => [key, withMaps(item)]));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withMaps(item)]));
}

export function hasRole(calendarOf: Calendar, email: string, role: AccessRole): boolean {
  const held = calendarOf.access.get(email);
  return held !== undefined && accessRoles.indexOf(held) >= accessRoles.indexOf(role);
}
