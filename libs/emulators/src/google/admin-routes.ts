import { z } from 'zod';
import { accountInput, calendarInput, type GoogleAdmin } from './admin.ts';
import { pushFaultInput } from './channels.ts';
import { GoogleApiError } from './errors.ts';
import { eventResource } from './event-schema.ts';
import { faultInput } from './faults.ts';
import { json, parseJsonObject, type Reply } from './http.ts';
import type { Context, Route } from './router.ts';
import { accessRoles } from './state.ts';

const root = '/_emulator';
const calendars = `${root}/calendars/{calendarId}`;
const nothing = z.object({});
/** Null removes a field in a patch, also where the SDK's type has no null. */
const eventPatch = z.record(z.string(), z.unknown());

/** The admin endpoint: JSON in and out, one route per thing `GoogleAdmin` can do. */
export function adminRoutes(admin: GoogleAdmin): Route[] {
  const done = (): Reply => json(200, { ok: true });
  return [
    get(`${root}/accounts`, () => ({ accounts: admin.listAccounts() })),
    post(`${root}/accounts`, accountInput, body => admin.createAccount(body)),
    post(`${root}/accounts/{email}/revoke`, nothing, (_, { param }) => ran(() => admin.revokeAccount(param('email')))),
    post(`${root}/accounts/{email}/tokens`, tokensInput, (body, { param }) =>
      admin.issueTokens({ ...body, email: param('email') }),
    ),
    post(`${root}/authorize`, authorizeInput, ({ url, ...decision }) => ({ redirect: admin.authorize(url, decision) })),
    get(`${root}/calendars`, () => ({ calendars: admin.listCalendars() })),
    post(`${root}/calendars`, calendarInput, body => admin.createCalendar(body)),
    remove(calendars, ({ param }) => admin.deleteCalendar(param('calendarId'))),
    post(`${calendars}/access`, accessInput, ({ email, role }, { param }) =>
      admin.shareCalendar(param('calendarId'), email, role),
    ),
    get(`${calendars}/events`, ({ param, request }) => ({
      events: admin.listEvents(param('calendarId'), { showDeleted: request.query.get('showDeleted') === 'true' }),
    })),
    post(`${calendars}/events`, eventResource, (body, { param }) => admin.createEvent(param('calendarId'), body)),
    get(`${calendars}/events/{eventId}`, ({ param }) => admin.getEvent(param('calendarId'), param('eventId'))),
    {
      method: 'PATCH',
      path: `${calendars}/events/{eventId}`,
      handle: context => {
        const body = read(context, eventPatch);
        return json(200, admin.patchEvent(context.param('calendarId'), context.param('eventId'), body));
      },
    },
    post(`${calendars}/events/{eventId}/move`, z.object({ destination: z.string() }), (body, { param }) =>
      admin.moveEvent(param('calendarId'), param('eventId'), body.destination),
    ),
    remove(`${calendars}/events/{eventId}`, ({ param }) => admin.deleteEvent(param('calendarId'), param('eventId'))),
    post(`${root}/expire-sync-tokens`, z.object({ calendarId: z.string().optional() }), ({ calendarId }) =>
      ran(() => admin.expireSyncTokens(calendarId)),
    ),
    post(`${root}/expire-access-tokens`, z.object({ email: z.email().exactOptional() }), ({ email }) =>
      ran(() => admin.expireAccessTokens(email)),
    ),
    get(`${root}/faults`, () => ({ faults: admin.listFaults() })),
    post(`${root}/faults`, faultInput, body => admin.addFault(body)),
    remove(`${root}/faults`, () => admin.clearFaults()),
    post(`${root}/push-faults`, pushFaultInput, body => ran(() => admin.addPushFault(body))),
    post(`${root}/down`, nothing, () => ran(() => admin.setDown(true))),
    post(`${root}/up`, nothing, () => ran(() => admin.setDown(false))),
    post(`${root}/settings`, settingsInput, body => admin.configure(body)),
    get(`${root}/calls`, ({ request }) => {
      const filter = callFilter.parse(Object.fromEntries(request.query));
      return {
        counts: admin.callCounts(filter),
        writesPerEvent: admin.writesPerEvent(filter),
        calls: admin.calls(filter),
      };
    }),
    remove(`${root}/calls`, () => admin.clearCalls()),
    get(`${root}/mail`, () => ({ mail: admin.sentMail() })),
    get(`${root}/channels`, () => ({ channels: admin.channels() })),
    get(`${root}/pushes`, () => ({ pushes: admin.pushes() })),
    {
      method: 'POST',
      path: `${root}/pushes/settled`,
      handle: async () => {
        await admin.pushesSettled();
        return done();
      },
    },
    post(`${root}/reset`, nothing, () => ran(() => admin.reset())),
  ];
}

const tokensInput = z.object({ scopes: z.array(z.string()).optional(), clientId: z.string().optional() });
const accessInput = z.object({ email: z.email(), role: z.enum(accessRoles).nullable() });
const authorizeInput = z.object({
  url: z.url(),
  account: z.string(),
  decision: z.enum(['allow', 'deny']).default('allow'),
  scopes: z.array(z.string()).optional(),
});
const settingsInput = z.object({
  rotateRefreshTokens: z.boolean().exactOptional(),
  withholdRefreshTokens: z.boolean().exactOptional(),
  olderRefreshTokensLast: z.boolean().exactOptional(),
  accessTokenTtlSeconds: z.number().int().positive().exactOptional(),
  requireHttpsPush: z.boolean().exactOptional(),
  maxPageSize: z.number().int().positive().exactOptional(),
  terse: z.boolean().exactOptional(),
  expandDays: z.number().int().positive().exactOptional(),
});
const callFilter = z.object({
  method: z.string().optional(),
  path: z.string().optional(),
  calendarId: z.string().optional(),
  eventId: z.string().optional(),
});

function ran(action: () => void): { ok: true } {
  action();
  return { ok: true };
}

function get(path: string, answer: (context: Context) => unknown): Route {
  return { method: 'GET', path, handle: context => json(200, answer(context)) };
}

function remove(path: string, action: (context: Context) => void): Route {
  return {
    method: 'DELETE',
    path,
    handle: context =>
      json(
        200,
        ran(() => action(context)),
      ),
  };
}

function post<S extends z.ZodType>(
  path: string,
  schema: S,
  answer: (body: z.output<S>, context: Context) => unknown,
): Route {
  return { method: 'POST', path, handle: context => json(200, answer(read(context, schema), context)) };
}

/** @throws GoogleApiError 400 that says which field is wrong */
function read<S extends z.ZodType>({ request }: Context, schema: S): z.output<S> {
  const raw = parseJsonObject(request.body);
  if (!raw) throw new GoogleApiError(400, 'parseError', 'The body is not a JSON object.');
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new GoogleApiError(400, 'invalid', z.prettifyError(parsed.error));
}
