import { Temporal } from 'temporal-polyfill';
import { escapeHtml } from '../shared/html.ts';
import { GoogleApiError, notFound } from './errors.ts';
import type { GoogleEvent } from './event-schema.ts';
import { listEvents } from './events-list.ts';
import { deleteEvent, findEvent, insertEvent, patchEvent } from './events-write.ts';
import { header, html, type Reply, redirect } from './http.ts';
import { parseListQuery } from './list-query.ts';
import { renderMonth } from './month-page.ts';
import { page } from './page-frame.ts';
import type { Context, Route } from './router.ts';
import type { Calendar } from './state.ts';

const calendarPath = '/ui/calendars/{calendarId}';

/** Pages where a person works in a calendar as its owner would in Google's. */
export const pageRoutes: Route[] = [
  { method: 'GET', path: '/', handle: showHome },
  { method: 'GET', path: calendarPath, handle: showMonth },
  { method: 'POST', path: `${calendarPath}/events`, handle: asOwner(addFromForm) },
  { method: 'POST', path: `${calendarPath}/events/{eventId}/change`, handle: asOwner(changeFromForm) },
  { method: 'POST', path: `${calendarPath}/events/{eventId}/delete`, handle: asOwner(deleteFromForm) },
];

function showHome({ world }: Context): Reply {
  const calendars = [...world.state.calendars.values()];
  const accounts = [...world.state.accounts.values()].map(({ email, name }) => {
    const items = calendars
      .filter(calendar => calendar.access.has(email))
      .map(({ id, summary, access, timeZone }) => {
        const about = `${access.get(email)} · ${timeZone} · ${id}`;
        return `<li><a href="/ui/calendars/${encodeURIComponent(id)}">${escapeHtml(summary)}</a><br><small>${escapeHtml(about)}</small></li>`;
      });
    return `<section><h2>${escapeHtml(name)} <small>${escapeHtml(email)}</small></h2><ul class="list">${items.join('')}</ul></section>`;
  });
  const empty = '<p>There is no account yet. Create one with <code>POST /_emulator/accounts</code>.</p>';
  return html(200, page('Accounts', `<h1>Accounts and calendars</h1>${accounts.join('') || empty}`));
}

function showMonth(context: Context): Reply {
  const { world, request } = context;
  const calendar = calendarOf(context);
  const today = Temporal.Instant.fromEpochMilliseconds(world.now().getTime())
    .toZonedDateTimeISO(calendar.timeZone)
    .toPlainDate();
  const month = monthOf(request.query.get('month')) ?? today.toPlainYearMonth();
  const first = month.toPlainDate({ day: 1 });
  const from = first.subtract({ days: first.dayOfWeek - 1 });
  const weeks = Math.ceil((first.dayOfWeek - 1 + month.daysInMonth) / 7);
  const edge = (date: Temporal.PlainDate) => date.toZonedDateTime(calendar.timeZone).toInstant().toString();
  const parameters = {
    timeMin: edge(from),
    timeMax: edge(from.add({ weeks })),
    singleEvents: 'true',
    orderBy: 'startTime',
    maxResults: '2500',
  };
  const query = parseListQuery(new URLSearchParams(parameters), world.now());
  const events = listEvents(world, calendar, query, calendar.ownerEmail).items ?? [];
  const problem = request.query.get('problem') ?? undefined;
  return html(200, renderMonth({ calendar, month, from, weeks, today, events, problem }));
}

function monthOf(text: string | null): Temporal.PlainYearMonth | undefined {
  return text !== null && /^\d{4}-(0[1-9]|1[0-2])$/.test(text) ? Temporal.PlainYearMonth.from(text) : undefined;
}

function calendarOf({ world, param }: Context): Calendar {
  const calendar = world.state.calendars.get(param('calendarId'));
  if (!calendar) throw notFound();
  return calendar;
}

type FormAction = (context: Context, calendar: Calendar, form: URLSearchParams) => void;

/** Runs a form's action and goes back to the month; a refusal is shown there. Other sites' forms are refused. */
function asOwner(action: FormAction): (context: Context) => Reply {
  return context => {
    if (header(context.request.headers, 'sec-fetch-site') === 'cross-site')
      return html(403, page('Refused', '<h1>Refused</h1>'));
    const calendar = calendarOf(context);
    const form = new URLSearchParams(context.request.body);
    const month = monthOf(form.get('month')) ?? monthOf(form.get('start')?.slice(0, 7) ?? null);
    const back = new URLSearchParams(month ? { month: month.toString() } : {});
    try {
      action(context, calendar, form);
    } catch (error) {
      if (!(error instanceof GoogleApiError)) throw error;
      back.set('problem', error.message);
    }
    return redirect(`/ui/calendars/${encodeURIComponent(calendar.id)}?${back.toString()}`);
  };
}

function addFromForm({ world }: Context, calendar: Calendar, form: URLSearchParams): void {
  const event = { summary: form.get('summary') ?? '', ...timesOf(form, calendar) };
  insertEvent(world, calendar, event, { email: calendar.ownerEmail, sendUpdates: 'none' });
}

function changeFromForm({ world, param }: Context, calendar: Calendar, form: URLSearchParams): void {
  const eventId = param('eventId');
  const before = findEvent(calendar, eventId).resource;
  const { start, end } = timesOf(form, calendar);
  const nulls = { date: null, dateTime: null, timeZone: null };
  const patch = {
    summary: form.get('summary') ?? before.summary,
    start: { ...nulls, ...start },
    end: { ...nulls, ...end },
  };
  patchEvent(world, calendar, eventId, patch, { email: calendar.ownerEmail, sendUpdates: 'none' });
}

function deleteFromForm({ world, param }: Context, calendar: Calendar): void {
  deleteEvent(world, calendar, param('eventId'), { email: calendar.ownerEmail, sendUpdates: 'none' });
}

/** A form's times: with both times of day it is a timed event; without, an all-day one whose last day is included. */
function timesOf(form: URLSearchParams, calendar: Calendar): Required<Pick<GoogleEvent, 'start' | 'end'>> {
  const [start, end] = [form.get('start') ?? '', form.get('end') ?? ''];
  const [startTime, endTime] = [form.get('startTime') ?? '', form.get('endTime') ?? ''];
  try {
    if (startTime !== '' && endTime !== '') {
      const at = (date: string, time: string) => ({
        dateTime: Temporal.PlainDate.from(date).toPlainDateTime(Temporal.PlainTime.from(time)).toString(),
        timeZone: calendar.timeZone,
      });
      return { start: at(start, startTime), end: at(end, endTime) };
    }
    const dayAfter = Temporal.PlainDate.from(end).add({ days: 1 }).toString();
    return { start: { date: Temporal.PlainDate.from(start).toString() }, end: { date: dayAfter } };
  } catch {
    throw new GoogleApiError(400, 'invalid', 'Please give a first and a last day.');
  }
}
