import { Temporal } from 'temporal-polyfill';
import { escapeHtml } from '../shared/html.ts';
import type { EventDateTime, GoogleEvent } from './event-schema.ts';
import { page } from './page-frame.ts';
import type { Calendar } from './state.ts';

interface MonthView {
  calendar: Calendar;
  month: Temporal.PlainYearMonth;
  /** The Monday the grid begins with. */
  from: Temporal.PlainDate;
  weeks: number;
  today: Temporal.PlainDate;
  /** Series expanded, in order of their start. */
  events: readonly GoogleEvent[];
  problem: string | undefined;
}

/** What a page needs to know of an event: first and last day (both included), and times of day when it has them. */
interface Span {
  first: Temporal.PlainDate;
  last: Temporal.PlainDate;
  startTime: string;
  endTime: string;
}

/** The page of one month: a grid, a form to add, and for each event forms to change and to delete it. */
export function renderMonth(view: MonthView): string {
  const { calendar, month, events, problem } = view;
  const base = `/ui/calendars/${encodeURIComponent(calendar.id)}`;
  const title = month.toPlainDate({ day: 1 }).toLocaleString('en-CA', { month: 'long', year: 'numeric' });
  const link = (to: Temporal.PlainYearMonth, text: string) => `<a href="${base}?month=${to.toString()}">${text}</a>`;
  return page(
    `${calendar.summary}, ${title}`,
    `<h1>${escapeHtml(calendar.summary)}</h1>
<p><small>${escapeHtml(`${calendar.ownerEmail} · ${calendar.timeZone} · ${calendar.id}`)}</small></p>
${problem === undefined ? '' : `<p role="alert"><strong>${escapeHtml(problem)}</strong></p>`}
<nav class="months" aria-label="Months">${link(month.subtract({ months: 1 }), '← Earlier')}<strong>${escapeHtml(title)}</strong>${link(month.add({ months: 1 }), 'Later →')}<a href="${base}">Today</a></nav>
${grid(view)}
<h2>Add an event</h2>
<form method="post" action="${base}/events" class="card">${hiddenMonth(month)}${fields('', emptySpan(view))}
<p><small>Without times it takes whole days, the last one included.</small></p><button>Add</button></form>
<h2>Events on this page</h2>
${events.length === 0 ? '<p>None.</p>' : `<ul class="list">${events.map(event => item(event, base, view)).join('')}</ul>`}`,
  );
}

function grid({ calendar, month, from, weeks, today, events }: MonthView): string {
  const spans = events.map(event => ({ event, span: spanOf(event, calendar.timeZone) }));
  const day = (date: Temporal.PlainDate) => {
    const marks = [date.month === month.month ? '' : 'other', date.equals(today) ? 'today' : ''].filter(
      each => each !== '',
    );
    const chips = spans
      .filter(
        ({ span }) =>
          Temporal.PlainDate.compare(span.first, date) <= 0 && Temporal.PlainDate.compare(date, span.last) <= 0,
      )
      .map(({ event, span }) => {
        const time = span.startTime !== '' && span.first.equals(date) ? `${span.startTime} ` : '';
        const light = event.transparency === 'transparent' ? ' light' : '';
        const text = escapeHtml(`${time}${titleOf(event)}`);
        return `<a class="event${light}" href="#event-${escapeHtml(event.id ?? '')}" title="${text}">${text}</a>`;
      });
    return `<td class="${marks.join(' ')}"><time class="day" datetime="${date.toString()}">${date.day}</time>${chips.join('')}</td>`;
  };
  const rows = Array.from({ length: weeks }, (_, week) => {
    const days = Array.from({ length: 7 }, (_day, index) => day(from.add({ days: week * 7 + index })));
    return `<tr>${days.join('')}</tr>`;
  });
  const heads = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].map(name => `<th scope="col">${name}</th>`);
  return `<table class="month"><caption hidden>Month</caption><thead><tr>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function item(event: GoogleEvent, base: string, { calendar, month }: MonthView): string {
  const path = `${base}/events/${encodeURIComponent(event.id ?? '')}`;
  const span = spanOf(event, calendar.timeZone);
  const attendees = (event.attendees ?? []).map(
    ({ email, responseStatus }) => `${email ?? ''} (${responseStatus ?? ''})`,
  );
  const own = Object.entries(event.extendedProperties?.private ?? {}).map(([name, value]) => `${name}=${value}`);
  const about = [
    event.id ?? '',
    event.recurringEventId == null ? '' : `instance of ${event.recurringEventId}`,
    event.visibility === 'private' ? 'private' : '',
    event.transparency === 'transparent' ? 'free' : '',
    ...attendees,
    ...own,
  ].filter(each => each !== '');
  return `<li id="event-${escapeHtml(event.id ?? '')}"><strong>${escapeHtml(titleOf(event))}</strong>
${event.description ? `<pre>${escapeHtml(event.description)}</pre>` : ''}<p><small>${escapeHtml(about.join(' · '))}</small></p>
<details><summary>Change or delete</summary>
<form method="post" action="${path}/change">${hiddenMonth(month)}<p>${fields(event.summary ?? '', span)}</p><button>Save</button></form>
<form method="post" action="${path}/delete">${hiddenMonth(month)}<p><button class="plain">Delete</button></p></form></details></li>`;
}

function fields(summary: string, span: Span): string {
  const input = (label: string, type: string, name: string, value: string, more = '') =>
    `<label>${label}<input type="${type}" name="${name}" value="${escapeHtml(value)}"${more}></label>`;
  return `<span class="fields">${input('Title', 'text', 'summary', summary)}
${input('First day', 'date', 'start', span.first.toString(), ' required')}${input('Time', 'time', 'startTime', span.startTime)}
${input('Last day', 'date', 'end', span.last.toString(), ' required')}${input('Time', 'time', 'endTime', span.endTime)}</span>`;
}

const hiddenMonth = (month: Temporal.PlainYearMonth) =>
  `<input type="hidden" name="month" value="${month.toString()}">`;

const titleOf = (event: GoogleEvent) => event.summary || '(No title)';

function emptySpan({ month, today }: MonthView): Span {
  const first = today.toPlainYearMonth().equals(month) ? today : month.toPlainDate({ day: 1 });
  return { first, last: first, startTime: '', endTime: '' };
}

function spanOf(event: GoogleEvent, zone: string): Span {
  if (event.start?.date != null && event.end?.date != null) {
    const last = Temporal.PlainDate.from(event.end.date).subtract({ days: 1 });
    return { first: Temporal.PlainDate.from(event.start.date), last, startTime: '', endTime: '' };
  }
  const [start, end] = [localOf(event.start, zone), localOf(event.end, zone)];
  const time = (local: Temporal.PlainDateTime) => local.toPlainTime().toString({ smallestUnit: 'minute' });
  return { first: start.toPlainDate(), last: end.toPlainDate(), startTime: time(start), endTime: time(end) };
}

function localOf(value: EventDateTime | undefined, zone: string): Temporal.PlainDateTime {
  return Temporal.Instant.from(value?.dateTime ?? '')
    .toZonedDateTimeISO(zone)
    .toPlainDateTime();
}
