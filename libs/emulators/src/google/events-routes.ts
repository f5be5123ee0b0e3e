import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { z } from 'zod';
import { findCalendar } from './calendar-list.ts';
import { GoogleApiError, invalid, notFound, requiredAccessLevel } from './errors.ts';
import type { GoogleEvent } from './event-schema.ts';
import { listEvents, showTo } from './events-list.ts';
import {
  deleteEvent,
  findEvent,
  insertEvent,
  moveEvent,
  patchEvent,
  updateEvent,
  type WriteOptions,
} from './events-write.ts';
import { authenticate, scopesFor } from './grants.ts';
import { header, json, noContent, parseJsonObject, type Reply } from './http.ts';
import { parseListQuery } from './list-query.ts';
import type { Context, Route } from './router.ts';
import { type Calendar, type Channel, hasRole } from './state.ts';

const events = '/calendar/v3/calendars/{calendarId}/events';

export const eventRoutes: Route[] = [
  { method: 'GET', path: events, handle: list },
  { method: 'POST', path: events, handle: insert },
  { method: 'POST', path: `${events}/watch`, handle: watch },
  { method: 'POST', path: '/calendar/v3/channels/stop', handle: stopChannel },
  { method: 'GET', path: `${events}/{eventId}`, handle: get },
  { method: 'PATCH', path: `${events}/{eventId}`, handle: patch },
  { method: 'PUT', path: `${events}/{eventId}`, handle: update },
  { method: 'DELETE', path: `${events}/{eventId}`, handle: remove },
  { method: 'POST', path: `${events}/{eventId}/move`, handle: move },
];

function readable(context: Context): { calendar: Calendar; email: string } {
  const { email } = authenticate(context, scopesFor.readEvents);
  const calendar = findCalendar(context.world, context.param('calendarId'), email);
  if (!hasRole(calendar, email, 'reader')) throw requiredAccessLevel('reader');
  return { calendar, email };
}

function writable(context: Context): { calendar: Calendar; options: WriteOptions } {
  const { email } = authenticate(context, scopesFor.writeEvents);
  const calendar = findCalendar(context.world, context.param('calendarId'), email);
  if (!hasRole(calendar, email, 'writer')) throw requiredAccessLevel('writer');
  const ifMatch = header(context.request.headers, 'if-match');
  return { calendar, options: { email, sendUpdates: sendUpdatesOf(context.request.query), ifMatch } };
}

function list(context: Context): Reply {
  const { calendar, email } = readable(context);
  const query = parseListQuery(context.request.query, context.world.now());
  return json(200, listEvents(context.world, calendar, query, email));
}

function get(context: Context): Reply {
  const { calendar, email } = readable(context);
  return eventReply(showTo(findEvent(calendar, context.param('eventId')).resource, calendar, email));
}

function insert(context: Context): Reply {
  const { calendar, options } = writable(context);
  const body = bodyOf(context);
  // If-Match is not supported on insert.
  const event = insertEvent(context.world, calendar, body, { ...options, ifMatch: undefined });
  if (event.id) context.note({ eventId: event.id });
  return eventReply(event);
}

function patch(context: Context): Reply {
  const { calendar, options } = writable(context);
  return eventReply(patchEvent(context.world, calendar, context.param('eventId'), bodyOf(context), options));
}

function update(context: Context): Reply {
  const { calendar, options } = writable(context);
  return eventReply(updateEvent(context.world, calendar, context.param('eventId'), bodyOf(context), options));
}

function move(context: Context): Reply {
  const { calendar, options } = writable(context);
  const destination = findCalendar(context.world, context.request.query.get('destination') ?? '', options.email);
  if (!hasRole(destination, options.email, 'writer')) throw requiredAccessLevel('writer');
  return eventReply(moveEvent(context.world, calendar, destination, context.param('eventId'), options));
}

function remove(context: Context): Reply {
  const { calendar, options } = writable(context);
  deleteEvent(context.world, calendar, context.param('eventId'), options);
  return noContent();
}

function eventReply(event: GoogleEvent): Reply {
  return json(200, event, event.etag ? { etag: event.etag } : {});
}

function bodyOf({ request }: Context): Record<string, unknown> {
  const body = parseJsonObject(request.body);
  if (!body) throw new GoogleApiError(400, 'parseError', 'Parse Error');
  return body;
}

function sendUpdatesOf(query: URLSearchParams): WriteOptions['sendUpdates'] {
  const value = query.get('sendUpdates');
  if (value === null) return query.get('sendNotifications') === 'true' ? 'all' : 'none';
  if (value === 'all' || value === 'externalOnly' || value === 'none') return value;
  throw invalid(`Invalid string value: '${value}'. Allowed values: [all, externalOnly, none]`, 'sendUpdates');
}

const channelId = /^[A-Za-z0-9\-_+/=]{1,64}$/;
const usualTtlMs = 7 * 86_400_000;
const longestTtlMs = 30 * 86_400_000;

const watchBody = z.object({
  id: z.string().default(''),
  type: z.string().default(''),
  address: z.string().default(''),
  token: z.string().optional(),
  expiration: z.coerce.number().optional(),
  params: z.object({ ttl: z.coerce.number().optional() }).optional(),
});

/** Opens a channel (Google: push notifications). The `sync` message may well arrive before this answer. */
function watch(context: Context): Reply {
  const { calendar, email } = readable(context);
  const { world } = context;
  const parsed = watchBody.safeParse(bodyOf(context));
  if (!parsed.success) throw invalid('Invalid channel.');
  const { id, type, address, token, expiration, params } = parsed.data;
  if (!channelId.test(id)) throw invalid('Invalid channel id.', 'id');
  if (type !== 'web_hook' && type !== 'webhook') throw invalid('Unknown channel type.', 'type');
  if (token !== undefined && token.length > 256) throw invalid('Channel token too long.', 'token');
  const protocol = URL.parse(address)?.protocol;
  if (protocol !== 'https:' && (world.settings.requireHttpsPush || protocol !== 'http:')) {
    throw new GoogleApiError(400, 'push.webhookUrlNotHttps', `WebHook callback must be HTTPS: ${address}`);
  }
  if (world.state.channels.has(id)) {
    throw new GoogleApiError(400, 'channelIdNotUnique', `Channel id ${id} not unique`);
  }
  const now = world.now().getTime();
  const wanted = expiration ?? (params?.ttl === undefined ? now + usualTtlMs : now + params.ttl * 1000);
  if (wanted <= now) throw invalid('Invalid expiration.', 'expiration');
  const channel: Channel = {
    id,
    resourceId: resourceIdOf(calendar.id),
    calendarId: calendar.id,
    address,
    token,
    expiration: Math.min(wanted, now + longestTtlMs),
    messageNumber: 0,
    email,
  };
  world.state.channels.set(id, channel);
  world.changed();
  world.channels.greet(channel);
  const answer: calendar_v3.Schema$Channel = {
    kind: 'api#channel',
    id,
    resourceId: channel.resourceId,
    resourceUri: `${world.baseUrl()}/calendar/v3/calendars/${encodeURIComponent(calendar.id)}/events?alt=json`,
    ...(token === undefined ? {} : { token }),
    ...(world.settings.terse ? {} : { expiration: String(channel.expiration) }),
  };
  return json(200, answer);
}

/** Both ids are needed, and the account that opened the channel (Google: channels.stop). */
function stopChannel(context: Context): Reply {
  const { email } = authenticate(context, scopesFor.readEvents);
  const { world } = context;
  const body = bodyOf(context);
  const channel = world.state.channels.get(String(body.id));
  const live = channel && channel.expiration > world.now().getTime();
  if (!live || channel.resourceId !== body.resourceId || channel.email !== email) {
    throw notFound(`Channel '${String(body.id)}' not found for project`);
  }
  world.state.channels.delete(channel.id);
  world.changed();
  return noContent();
}

/** Opaque, and the same for every channel on one calendar. */
function resourceIdOf(calendarId: string): string {
  return Buffer.from(`events:${calendarId}`).toString('base64url');
}
