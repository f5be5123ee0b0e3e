import type { Call } from './call-log.ts';
import type { EmulatorRequest, Reply } from './http.ts';
import type { World } from './world.ts';

/** What a handler gets: the request, the ids in its path, the world, and its line in the call log. */
export interface Context {
  world: World;
  request: EmulatorRequest;
  /** An id of the path. Throws for a name that the route does not have. */
  param: (name: string) => string;
  /** Notes things about the call in the call log. */
  note: (fields: Partial<Pick<Call, 'email' | 'eventId'>>) => void;
}

export interface Route {
  method: string;
  /** Such as `/calendar/v3/calendars/{calendarId}/events`. */
  path: string;
  handle: (context: Context) => Reply | Promise<Reply>;
}

export interface RouteMatch {
  route: Route;
  params: Record<string, string>;
}

/** The first route that fits, with the ids of its path decoded. */
export function matchRoute(routes: readonly Route[], method: string, path: string): RouteMatch | undefined {
  const segments = path.split('/');
  for (const route of routes) {
    if (route.method !== method) continue;
    const params = matchSegments(route.path.split('/'), segments);
    if (params) return { route, params };
  }
  return undefined;
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== segment) return undefined;
      continue;
    }
    const value = decode(segment);
    if (value === undefined || value === '') return undefined;
    params[name] = value;
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
