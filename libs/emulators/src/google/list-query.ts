import { Temporal } from 'temporal-polyfill';
import { GoogleApiError, invalid, updatedMinTooLongAgo } from './errors.ts';
import type { TimeWindow } from './event-time.ts';

/** The parameters of `events.list`, checked. Instants in epoch milliseconds. */
export interface ListQuery {
  window: TimeWindow;
  maxResults: number;
  pageToken?: string | undefined;
  syncToken?: string | undefined;
  /** Absent when the caller did not say. */
  showDeleted?: boolean | undefined;
  singleEvents: boolean;
  updatedMin?: number | undefined;
  orderBy?: 'startTime' | 'updated' | undefined;
  q?: string | undefined;
  iCalUID?: string | undefined;
  privateProperties: [name: string, value: string][];
  sharedProperties: [name: string, value: string][];
  /** Everything that has to stay the same from page to page, as one text. */
  fingerprint: string;
}

/** Google: events.list, `syncToken`. */
const refusedWithSyncToken = [
  'iCalUID',
  'orderBy',
  'privateExtendedProperty',
  'q',
  'sharedExtendedProperty',
  'timeMin',
  'timeMax',
  'updatedMin',
];
const free = new Set(['pageToken', 'maxResults', 'alt', 'fields', 'prettyPrint', 'key', 'quotaUser', 'userIp']);
const updatedMinReachMs = 28 * 86_400_000;

/** @throws GoogleApiError 400 for parameters that are wrong or may not go together, 410 `updatedMinTooLongAgo` */
export function parseListQuery(query: URLSearchParams, now: Date): ListQuery {
  const text = (name: string) => query.get(name) ?? undefined;
  const syncToken = text('syncToken');
  if (syncToken !== undefined) {
    const refused = refusedWithSyncToken.find(name => query.has(name));
    if (refused) throw invalid(`Sync token cannot be used with other query restrictions: ${refused}.`, refused);
  }
  const showDeleted = flag(query, 'showDeleted');
  if (syncToken !== undefined && showDeleted === false) {
    throw invalid('showDeleted cannot be false when a sync token is used.', 'showDeleted');
  }
  const singleEvents = flag(query, 'singleEvents') ?? false;
  const orderBy = text('orderBy');
  if (orderBy !== undefined && orderBy !== 'startTime' && orderBy !== 'updated') {
    throw invalid(`Invalid string value: '${orderBy}'. Allowed values: [startTime, updated]`, 'orderBy');
  }
  if (orderBy === 'startTime' && !singleEvents) {
    throw invalid('The requested ordering is not available for the particular query.', 'orderBy');
  }
  const window = { from: instant(query, 'timeMin'), to: instant(query, 'timeMax') };
  if (window.from !== undefined && window.to !== undefined && window.to <= window.from) {
    throw new GoogleApiError(400, 'timeRangeEmpty', 'The specified time range is empty.', {
      domain: 'calendar',
      location: 'timeMax',
    });
  }
  const updatedMin = instant(query, 'updatedMin');
  if (updatedMin !== undefined && now.getTime() - updatedMin > updatedMinReachMs) throw updatedMinTooLongAgo();
  return {
    window,
    maxResults: pageSize(query, 250, 2500),
    pageToken: text('pageToken'),
    syncToken,
    showDeleted,
    singleEvents,
    updatedMin,
    orderBy,
    q: text('q')?.toLowerCase(),
    iCalUID: text('iCalUID'),
    privateProperties: properties(query, 'privateExtendedProperty'),
    sharedProperties: properties(query, 'sharedExtendedProperty'),
    fingerprint: fingerprintOf(query),
  };
}

/** Every parameter but those that may differ from page to page; a flag that is false is as good as none. */
export function fingerprintOf(query: URLSearchParams): string {
  const kept = [...query].filter(([name, value]) => !free.has(name) && value !== 'false');
  return kept
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&');
}

/** @throws GoogleApiError 400 */
export function pageSize(query: URLSearchParams, usual: number, most: number): number {
  const text = query.get('maxResults');
  if (text === null) return usual;
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) {
    throw invalid(`Invalid value '${text}'. Values must be within the range: [1, ${most}]`, 'maxResults');
  }
  return Math.min(Number(text), most);
}

function flag(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (text !== 'true' && text !== 'false') throw invalid(`Invalid boolean value: '${text}'.`, name);
  return text === 'true';
}

function instant(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    throw new GoogleApiError(400, 'badRequest', 'Bad Request', { location: name });
  }
}

function properties(query: URLSearchParams, name: string): [string, string][] {
  return query.getAll(name).map(text => {
    const at = text.indexOf('=');
    if (at < 1) throw invalid(`Invalid value for: ${name}`, name);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}
