import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { openStateFile, readStateFile } from '../shared/state-file.ts';
import { createAdmin, type GoogleAdmin } from './admin.ts';
import { adminRoutes } from './admin-routes.ts';
import { authorizeRoutes } from './authorize.ts';
import { calendarRoutes } from './calendar-list.ts';
import { createCallLog } from './call-log.ts';
import { createChannelHub } from './channels.ts';
import { errorReply, GoogleApiError, notFound } from './errors.ts';
import { eventRoutes } from './events-routes.ts';
import { createFaultBox, faultError } from './faults.ts';
import { selectFields } from './fields.ts';
import { type EmulatorRequest, json, parseJsonObject, type Reply, readBody } from './http.ts';
import { type CodeStore, oauthRoutes } from './oauth.ts';
import { pageRoutes } from './pages.ts';
import { type Context, matchRoute, type Route, type RouteMatch } from './router.ts';
import { emptyState, parseState, plainState } from './state.ts';
import { defaultSettings, type World } from './world.ts';

export interface GoogleEmulatorOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  host?: string;
  /** Address under which others reach the emulator, when it is not `http://<host>:<port>`. */
  publicUrl?: string;
  /** When given, any other client is refused. */
  clientId?: string;
  clientSecret?: string;
  /** When given, any other redirect address is refused. */
  allowedRedirects?: readonly string[];
  now?: () => Date;
  randomId?: () => string;
  /** Where pushes go instead of to the origin of their address, when that cannot be reached from here. */
  pushOrigin?: string;
  /** Where accounts, events, tokens and channels survive a restart. */
  stateFile?: string;
}

export interface GoogleEmulator {
  /** Base address of everything: API root, authorize page, token endpoint, admin endpoint, pages. */
  url: string;
  port: number;
  admin: GoogleAdmin;
  /** Stops pushes, closes every connection, saves the state. */
  close(): Promise<void>;
}

/**
 * Starts a stand-in for Google's OAuth and Calendar API v3 on one address. Rejects when the port is taken
 * (`EADDRINUSE`) or the state file cannot be read.
 */
export async function startGoogleEmulator(options: GoogleEmulatorOptions = {}): Promise<GoogleEmulator> {
  const host = options.host ?? '127.0.0.1';
  const now = options.now ?? (() => new Date());
  let url = options.publicUrl?.replace(/\/$/, '') ?? '';
  const saved = readStateFile(options.stateFile);
  const state = saved === undefined ? emptyState() : parseState(saved);
  const file = openStateFile(options.stateFile, () => plainState(state));
  const world: World = {
    state,
    settings: { ...defaultSettings },
    faults: createFaultBox(),
    calls: createCallLog(),
    mail: [],
    channels: createChannelHub({
      channels: state.channels,
      resourceUri: id => `${url}/calendar/v3/calendars/${encodeURIComponent(id)}/events?alt=json`,
      now,
      changed: () => file.touch(),
      pushOrigin: options.pushOrigin,
    }),
    client: { id: options.clientId, secret: options.clientSecret, allowedRedirects: options.allowedRedirects },
    now,
    randomId: options.randomId ?? (() => randomBytes(24).toString('hex')),
    baseUrl: () => url,
    changed: () => file.touch(),
  };
  const codes: CodeStore = new Map();
  const admin = createAdmin(world, codes);
  const routes = {
    api: [...oauthRoutes(codes), ...authorizeRoutes(codes), ...calendarRoutes, ...eventRoutes],
    own: [...adminRoutes(admin), ...pageRoutes],
  };
  const server = createServer((message, response) => {
    serve(world, routes, message, response).catch(() => message.socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (url === '') url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    url,
    port,
    admin,
    close: async () => {
      await world.channels.close();
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      file.flush();
    },
  };
}

async function serve(
  world: World,
  routes: { api: Route[]; own: Route[] },
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(message.url ?? '/', 'http://emulator');
  const isOwn = target.pathname === '/' || /^\/(_emulator|ui)\//.test(target.pathname);
  if (world.faults.down && !isOwn) {
    message.socket.destroy();
    return;
  }
  const request: EmulatorRequest = {
    method: message.method ?? 'GET',
    path: target.pathname,
    query: target.searchParams,
    headers: message.headers,
    body: await readBody(message),
  };
  const match = matchRoute(isOwn ? routes.own : routes.api, request.method, request.path);
  const reply = isOwn ? await answerOwn(world, request, match) : await answerApi(world, request, match);
  if (!reply) {
    message.socket.destroy();
    return;
  }
  const length = reply.status === 204 ? {} : { 'content-length': Buffer.byteLength(reply.body ?? '') };
  response.writeHead(reply.status, { ...reply.headers, ...length });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function answerOwn(world: World, request: EmulatorRequest, match: RouteMatch | undefined): Promise<Reply> {
  return match
    ? run(
        match,
        contextOf(world, request, match, () => {}),
      )
    : errorReply(notFound());
}

/** The answer to an API call, after whatever fault strikes it; undefined when the connection is to be destroyed. */
async function answerApi(
  world: World,
  request: EmulatorRequest,
  match: RouteMatch | undefined,
): Promise<Reply | undefined> {
  const call = world.calls.begin(request, match?.route.path ?? request.path, world.now());
  const ids = { calendarId: match?.params.calendarId, eventId: match?.params.eventId ?? insertedId(request) };
  if (ids.calendarId !== undefined) call.calendarId = ids.calendarId;
  if (ids.eventId !== undefined) call.eventId = ids.eventId;
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined) call.ifMatch = ifMatch;

  const fault = world.faults.take({ method: request.method, path: request.path, ...ids });
  if (fault?.latencyMs) await delay(fault.latencyMs, undefined, { ref: false });
  if (fault?.loseResponse === 'before' || world.faults.down) return undefined;
  const refusal = fault && faultError(fault);
  const context = match && contextOf(world, request, match, fields => Object.assign(call, fields));
  call.applied = refusal === undefined || fault?.applied === true;
  const answer = match && context && call.applied ? await run(match, context) : errorReply(notFound());
  const reply = refusal ? errorReply(refusal) : answer;
  if (fault?.answerLatencyMs) await delay(fault.answerLatencyMs, undefined, { ref: false });
  if (fault?.loseResponse === 'after') return undefined;
  call.status = reply.status;
  return reply;
}

/** The id a caller chose for a new event, so that faults can strike and logs can name it. */
function insertedId({ method, path, body }: EmulatorRequest): string | undefined {
  if (method !== 'POST' || !path.endsWith('/events')) return undefined;
  const id = parseJsonObject(body)?.id;
  return typeof id === 'string' ? id : undefined;
}

function contextOf(world: World, request: EmulatorRequest, match: RouteMatch, note: Context['note']): Context {
  return {
    world,
    request,
    note,
    param: name => {
      const value = match.params[name];
      if (value === undefined) throw new Error(`route ${match.route.path} has no ${name}`);
      return value;
    },
  };
}

async function run(match: RouteMatch, context: Context): Promise<Reply> {
  try {
    const reply = await match.route.handle(context);
    const fields = context.request.query.get('fields');
    if (fields === null || reply.status !== 200 || !match.route.path.startsWith('/calendar/')) return reply;
    return { ...reply, body: JSON.stringify(selectFields(JSON.parse(reply.body ?? '{}'), fields)) };
  } catch (error) {
    if (error instanceof GoogleApiError) return errorReply(error);
    const message = error instanceof Error ? error.message : String(error);
    return json(500, {
      error: { errors: [{ domain: 'global', reason: 'backendError', message }], code: 500, message },
    });
  }
}
