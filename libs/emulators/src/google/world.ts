import type { CallLog } from './call-log.ts';
import type { ChannelHub } from './channels.ts';
import type { FaultBox } from './faults.ts';
import type { Calendar, State } from './state.ts';

/** What a person can switch while the emulator runs. */
export interface Settings {
  /** Hand out a new refresh token at every refresh and end the old one (RFC 9700, 4.14.2). */
  rotateRefreshTokens: boolean;
  /**
   * With `rotateRefreshTokens`, the old ones stay good, up to a hundred for an account and a client: what Google says of
   * several tokens for one client (Google: OAuth 2.0, "Refresh token expiration").
   */
  olderRefreshTokensLast: boolean;
  /** Answer codes without a refresh token, as Google does where it takes the consent for an old one. */
  withholdRefreshTokens: boolean;
  accessTokenTtlSeconds: number;
  /** Refuse push addresses that are not https, as Google does. */
  requireHttpsPush: boolean;
  /** Upper bound of any page of events; Google may always return fewer than asked for. */
  maxPageSize: number;
  /** Leave out what an answer need not say: scope of tokens (RFC 6749, 5.1), end of channels, roles in the calendar list. */
  terse: boolean;
  /** How far ahead an endless series is expanded when no `timeMax` bounds it. */
  expandDays: number;
}

export const defaultSettings: Settings = {
  rotateRefreshTokens: false,
  olderRefreshTokensLast: false,
  withholdRefreshTokens: false,
  accessTokenTtlSeconds: 3599,
  requireHttpsPush: false,
  maxPageSize: 2500,
  terse: false,
  expandDays: 730,
};

/** An e-mail that Google would have sent to attendees because of `sendUpdates`. */
export interface SentMail {
  at: string;
  calendarId: string;
  eventId: string;
  change: 'created' | 'updated' | 'cancelled';
  sendUpdates: 'all' | 'externalOnly';
  recipients: string[];
}

/** Everything the handlers share: the state, and what surrounds it. */
export interface World {
  state: State;
  settings: Settings;
  channels: ChannelHub;
  faults: FaultBox;
  calls: CallLog;
  mail: SentMail[];
  client: { id?: string | undefined; secret?: string | undefined; allowedRedirects?: readonly string[] | undefined };
  now: () => Date;
  /** An unguessable text of letters and digits. */
  randomId: () => string;
  /** Address under which clients reach the emulator, without a slash at the end. */
  baseUrl: () => string;
  /** To be called after every change of the state. */
  changed: () => void;
}

/** Takes the next place in a calendar's log of changes. */
export function nextSeq(calendar: Calendar): number {
  calendar.seq += 1;
  return calendar.seq;
}

/** The quoted ETag of a resource whose last change has this place in its calendar's log. */
export const etagOf = (seq: number): string => `"${3_400_000_000_000_000 + seq * 2}"`;
