import type { EmulatorRequest } from './http.ts';

/** One call of the API (the admin endpoint and the pages are not logged). */
export interface Call {
  at: string;
  method: string;
  /** The path as it was called. */
  path: string;
  /** The path with names in place of ids, such as `/calendar/v3/calendars/{calendarId}/events`. */
  route: string;
  query: Record<string, string>;
  calendarId?: string;
  eventId?: string;
  email?: string;
  /** `If-Match` as it was sent. */
  ifMatch?: string;
  /** What the caller was answered; absent when the connection was destroyed. */
  status?: number;
  /** Whether the call reached the emulator's logic, even if its answer was lost. */
  applied: boolean;
}

export interface CallFilter {
  method?: string | undefined;
  /** A part of the path or of the route. */
  path?: string | undefined;
  calendarId?: string | undefined;
  eventId?: string | undefined;
}

export interface CallLog {
  begin(request: EmulatorRequest, route: string, at: Date): Call;
  list(filter?: CallFilter): Call[];
  /** Number of calls per `METHOD route`. */
  counts(filter?: CallFilter): Record<string, number>;
  /** Number of insert, patch, update and delete calls per event id. */
  writesPerEvent(filter?: CallFilter): Record<string, number>;
  clear(): void;
}

const mostCalls = 20_000;

export function createCallLog(): CallLog {
  const calls: Call[] = [];
  const list = (filter: CallFilter = {}) => calls.filter(call => matches(call, filter));
  return {
    begin: (request, route, at) => {
      const call: Call = {
        at: at.toISOString(),
        method: request.method,
        path: request.path,
        route,
        query: Object.fromEntries(request.query),
        applied: false,
      };
      calls.push(call);
      if (calls.length > mostCalls) calls.shift();
      return call;
    },
    list,
    counts: filter => tally(list(filter), call => `${call.method} ${call.route}`),
    writesPerEvent: filter =>
      tally(
        list(filter).filter(call => call.method !== 'GET' && call.eventId !== undefined),
        call => call.eventId ?? '',
      ),
    clear: () => {
      calls.length = 0;
    },
  };
}

function matches(call: Call, filter: CallFilter): boolean {
  return (
    (filter.method === undefined || call.method === filter.method.toUpperCase()) &&
    (filter.path === undefined || call.path.includes(filter.path) || call.route.includes(filter.path)) &&
    (filter.calendarId === undefined || call.calendarId === filter.calendarId) &&
    (filter.eventId === undefined || call.eventId === filter.eventId)
  );
}

function tally(calls: readonly Call[], keyOf: (call: Call) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(keyOf(call), (counts.get(keyOf(call)) ?? 0) + 1);
  return Object.fromEntries(counts);
}
