import { insufficientPermissions, invalidCredentials } from './errors.ts';
import { header } from './http.ts';
import type { Context } from './router.ts';
import type { Grant } from './state.ts';
import type { World } from './world.ts';

const prefix = 'https://www.googleapis.com/auth/';

/** Scopes that the authorize page knows, with the words it shows. */
export const knownScopes: Record<string, string> = {
  openid: 'Associate you with your personal info on Google',
  email: 'See your primary Google Account email address',
  profile: 'See your personal info',
  [`${prefix}userinfo.email`]: 'See your primary Google Account email address',
  [`${prefix}userinfo.profile`]: 'See your personal info',
  [`${prefix}calendar`]: 'See, edit, share, and permanently delete all the calendars you can access',
  [`${prefix}calendar.readonly`]: 'See and download any calendar you can access',
  [`${prefix}calendar.events`]: 'View and edit events on all your calendars',
  [`${prefix}calendar.events.readonly`]: 'View events on all your calendars',
  [`${prefix}calendar.calendarlist`]: 'See, add, and remove calendars you are subscribed to',
  [`${prefix}calendar.calendarlist.readonly`]: 'See the list of calendars you are subscribed to',
  [`${prefix}calendar.calendars.readonly`]: 'See the title and default time zone of calendars you have access to',
};

/** Which scopes open what; any one of a list is enough (Google: choose Calendar API scopes). */
export const scopesFor = {
  readEvents: ['calendar', 'calendar.readonly', 'calendar.events', 'calendar.events.readonly'].map(s => prefix + s),
  writeEvents: ['calendar', 'calendar.events'].map(s => prefix + s),
  readCalendarList: ['calendar', 'calendar.readonly', 'calendar.calendarlist', 'calendar.calendarlist.readonly'].map(
    s => prefix + s,
  ),
  readCalendar: ['calendar', 'calendar.readonly', 'calendar.calendars.readonly'].map(s => prefix + s),
  readProfile: ['openid', 'email', 'profile', `${prefix}userinfo.email`, `${prefix}userinfo.profile`],
} as const;

export interface IssuedToken {
  access_token: string;
  expires_in: number;
  scope: string;
  token_type: 'Bearer';
}

/** A new access token of a grant, in the shape of the token endpoint. */
export function issueAccessToken(world: World, grant: Grant): IssuedToken {
  const ttl = world.settings.accessTokenTtlSeconds;
  const token = `ya29.${world.randomId()}`;
  const now = world.now().getTime();
  for (const [key, old] of world.state.accessTokens) if (old.expiresAt <= now) world.state.accessTokens.delete(key);
  world.state.accessTokens.set(token, { token, grantId: grant.id, expiresAt: now + ttl * 1000 });
  world.changed();
  return { access_token: token, expires_in: ttl, scope: grant.scopes.join(' '), token_type: 'Bearer' };
}

/** A new grant of an account to a client; with a refresh token when it is meant for offline use. */
export function createGrant(
  world: World,
  given: { email: string; clientId: string; scopes: string[]; offline: boolean },
): Grant {
  const { email, clientId, scopes, offline } = given;
  const refreshToken = offline ? `1//0${world.randomId()}` : undefined;
  const id = world.randomId();
  const grant: Grant = { id, email, clientId, scopes, refreshToken, olderRefreshTokens: [], revoked: false };
  world.state.grants.set(grant.id, grant);
  world.changed();
  return grant;
}

/** The grant behind a live access token. */
export function grantOfAccessToken(world: World, token: string): Grant | undefined {
  const found = world.state.accessTokens.get(token);
  if (!found || found.expiresAt <= world.now().getTime()) return undefined;
  const grant = world.state.grants.get(found.grantId);
  return grant && !grant.revoked ? grant : undefined;
}

/** The grant that holds a refresh token, revoked or not. */
export function grantOfRefreshToken(world: World, token: string): Grant | undefined {
  const holds = (grant: Grant) => grant.refreshToken === token || grant.olderRefreshTokens.includes(token);
  return [...world.state.grants.values()].find(holds);
}

const mostRefreshTokens = 100;

/** A new refresh token in place of the one before, which ends or lasts as the settings say. */
export function rotateRefreshToken(world: World, grant: Grant): string {
  const { refreshToken, olderRefreshTokens } = grant;
  const older = refreshToken === undefined ? olderRefreshTokens : [...olderRefreshTokens, refreshToken];
  const rotated = `1//0${world.randomId()}`;
  grant.olderRefreshTokens = world.settings.olderRefreshTokensLast ? older.slice(1 - mostRefreshTokens) : [];
  grant.refreshToken = rotated;
  world.changed();
  return rotated;
}

/** Ends a grant: its refresh token and every access token. */
export function revokeGrant(world: World, grant: Grant): void {
  grant.revoked = true;
  for (const [key, token] of world.state.accessTokens) {
    if (token.grantId === grant.id) world.state.accessTokens.delete(key);
  }
  world.changed();
}

/** The account that calls. @throws GoogleApiError 401 without a live access token, 403 without one of the scopes */
export function authenticate(
  { world, request, note }: Context,
  scopes: readonly string[],
): { email: string; grant: Grant } {
  const token = /^Bearer (.+)$/i.exec(header(request.headers, 'authorization') ?? '')?.[1];
  const grant = grantOfAccessToken(world, token ?? request.query.get('access_token') ?? '');
  if (!grant) throw invalidCredentials();
  note({ email: grant.email });
  if (!scopes.some(scope => grant.scopes.includes(scope))) throw insufficientPermissions();
  return { email: grant.email, grant };
}
