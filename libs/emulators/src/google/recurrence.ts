import { Temporal } from 'temporal-polyfill';
import { invalid } from './errors.ts';
import type { EventDateTime, GoogleEvent } from './event-schema.ts';
import { formatInstant, type TimeWindow } from './event-time.ts';

/** One instance of a series, before it is moved or removed. */
export interface Occurrence {
  id: string;
  originalStartTime: EventDateTime;
  start: EventDateTime;
  end: EventDateTime;
}

interface Rule {
  frequency: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';
  interval: number;
  count?: number;
  /** Last local start that still belongs to the series. */
  until?: Temporal.PlainDateTime;
  /** ISO days of the week, 1 = Monday. */
  days: number[];
}

const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const frequencies = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const;
const mostInstances = 2000;

/**
 * Instances of a series whose time lies in the window, in order. Supports DAILY, WEEKLY (with BYDAY), and MONTHLY and
 * YEARLY on the day of the start; COUNT, UNTIL, INTERVAL, EXDATE, RDATE. A timed series keeps its wall-clock time in
 * its own zone, so it shifts by an hour in UTC when the clocks change (RFC 5545, 3.3.10).
 * @throws GoogleApiError 400 for a rule outside that.
 */
export function expandRecurrence(master: GoogleEvent, zone: string, window: TimeWindow): Occurrence[] {
  const shape = shapeOf(master, zone);
  const parsed = parseRecurrence(master.recurrence ?? [], shape);
  const excluded = new Set(parsed.exdates.map(String));
  const seen = new Set<string>();
  const occurrences: Occurrence[] = [];
  const starts = [
    ...parsed.rules.flatMap(rule => [...ruleStarts(rule, shape.start, lastStart(window, shape))]),
    ...parsed.rdates,
  ];
  for (const local of starts.sort(Temporal.PlainDateTime.compare)) {
    const key = String(local);
    if (excluded.has(key) || seen.has(key)) continue;
    seen.add(key);
    const from = local.toZonedDateTime(shape.zone).epochMilliseconds;
    const to = local.add(shape.length).toZonedDateTime(shape.zone).epochMilliseconds;
    if (window.to !== undefined && from >= window.to) continue;
    if (window.from !== undefined && to <= window.from) continue;
    occurrences.push(occurrence(master, shape, local, from, to));
  }
  return occurrences;
}

/** The instance of a series that an instance id names, or undefined when the series has no such instance. */
export function findOccurrence(master: GoogleEvent, instanceId: string, zone: string): Occurrence | undefined {
  const suffix = /_(\d{4})(\d{2})(\d{2})(?:T\d{6}Z)?$/.exec(instanceId);
  if (!suffix) return undefined;
  const day = Date.UTC(Number(suffix[1]), Number(suffix[2]) - 1, Number(suffix[3]));
  const around = { from: day - 2 * 86_400_000, to: day + 3 * 86_400_000 };
  return expandRecurrence(master, zone, around).find(each => each.id === instanceId);
}

/** The id of the series that an instance id belongs to, or undefined when it is not shaped like one. */
export function seriesIdOf(instanceId: string): string | undefined {
  return /^(.+)_\d{8}(?:T\d{6}Z)?$/.exec(instanceId)?.[1];
}

/** @throws GoogleApiError 400 when the series could not be expanded. */
export function checkRecurrence(master: GoogleEvent, zone: string): void {
  expandRecurrence(master, zone, { from: 0, to: 0 });
}

interface Shape {
  allDay: boolean;
  start: Temporal.PlainDateTime;
  length: Temporal.Duration;
  /** Zone in which the series keeps its wall-clock time. */
  zone: string;
  calendarZone: string;
}

function shapeOf(master: GoogleEvent, calendarZone: string): Shape {
  const allDay = master.start?.date != null;
  const zone = allDay ? calendarZone : (master.start?.timeZone ?? calendarZone);
  const start = localTime(master.start, zone);
  return { allDay, start, length: start.until(localTime(master.end, zone)), zone, calendarZone };
}

function localTime(value: EventDateTime | undefined, zone: string): Temporal.PlainDateTime {
  if (value?.date != null) return Temporal.PlainDate.from(value.date).toPlainDateTime();
  return Temporal.Instant.from(value?.dateTime ?? '')
    .toZonedDateTimeISO(zone)
    .toPlainDateTime();
}

function lastStart(window: TimeWindow, shape: Shape): Temporal.PlainDateTime | undefined {
  if (window.to === undefined) return undefined;
  return Temporal.Instant.fromEpochMilliseconds(window.to).toZonedDateTimeISO(shape.zone).toPlainDateTime();
}

function occurrence(
  master: GoogleEvent,
  shape: Shape,
  local: Temporal.PlainDateTime,
  from: number,
  to: number,
): Occurrence {
  if (shape.allDay) {
    const start = { date: local.toPlainDate().toString() };
    const end = { date: local.add(shape.length).toPlainDate().toString() };
    return { id: `${master.id}_${start.date.replaceAll('-', '')}`, originalStartTime: start, start, end };
  }
  const stamp = Temporal.Instant.fromEpochMilliseconds(from)
    .toString({ smallestUnit: 'second' })
    .replaceAll(/[-:]/g, '');
  const start = { dateTime: formatInstant(from, shape.calendarZone), timeZone: shape.zone };
  const end = { dateTime: formatInstant(to, shape.calendarZone), timeZone: shape.zone };
  return { id: `${master.id}_${stamp}`, originalStartTime: start, start, end };
}

function* ruleStarts(
  rule: Rule,
  start: Temporal.PlainDateTime,
  notAfter: Temporal.PlainDateTime | undefined,
): Generator<Temporal.PlainDateTime> {
  let produced = 0;
  for (const local of candidates(rule, start)) {
    if (rule.until && Temporal.PlainDateTime.compare(local, rule.until) > 0) return;
    if (notAfter && Temporal.PlainDateTime.compare(local, notAfter) > 0) return;
    yield local;
    produced += 1;
    if (produced === (rule.count ?? mostInstances)) return;
  }
}

/** Endless for a valid rule, save for days that no month has; bounded by the caller. */
function* candidates(rule: Rule, start: Temporal.PlainDateTime): Generator<Temporal.PlainDateTime> {
  for (let step = 0; step < mostInstances * 4; step += 1) {
    const offset = step * rule.interval;
    if (rule.frequency === 'DAILY') {
      const local = start.add({ days: offset });
      if (rule.days.length === 0 || rule.days.includes(local.dayOfWeek)) yield local;
    } else if (rule.frequency === 'WEEKLY') {
      const monday = start.subtract({ days: start.dayOfWeek - 1 }).add({ weeks: offset });
      for (const day of rule.days.length > 0 ? rule.days : [start.dayOfWeek]) {
        const local = monday.add({ days: day - 1 });
        if (Temporal.PlainDateTime.compare(local, start) >= 0) yield local;
      }
    } else {
      const local = start.add(rule.frequency === 'MONTHLY' ? { months: offset } : { years: offset });
      if (local.day === start.day) yield local;
    }
  }
}

interface ParsedRecurrence {
  rules: Rule[];
  rdates: Temporal.PlainDateTime[];
  exdates: Temporal.PlainDateTime[];
}

function parseRecurrence(lines: readonly string[], shape: Shape): ParsedRecurrence {
  const parsed: ParsedRecurrence = { rules: [], rdates: [], exdates: [] };
  for (const line of lines) {
    const match = /^(RRULE|EXDATE|RDATE)((?:;[^:]*)?):(.+)$/i.exec(line.trim());
    const value = match?.[3];
    if (!match || value === undefined) throw invalid(`Invalid recurrence line: ${line}`);
    const zone = /;TZID=([^;:]+)/i.exec(match[2] ?? '')?.[1] ?? shape.zone;
    const name = match[1]?.toUpperCase();
    if (name === 'RRULE') parsed.rules.push(parseRule(value, shape));
    else
      parsed[name === 'RDATE' ? 'rdates' : 'exdates'].push(
        ...value.split(',').map(each => parseTime(each, zone, shape)),
      );
  }
  if (lines.length > 0 && parsed.rules.length === 0 && parsed.rdates.length === 0) {
    throw invalid('Missing recurrence rule.');
  }
  return parsed;
}

function parseRule(text: string, shape: Shape): Rule {
  const rule: Rule = { frequency: 'DAILY', interval: 1, days: [] };
  let frequency: string | undefined;
  for (const part of text.split(';').filter(each => each !== '')) {
    const [name, value = ''] = part.split('=');
    switch (name?.toUpperCase()) {
      case 'FREQ':
        frequency = value.toUpperCase();
        break;
      case 'INTERVAL':
        rule.interval = positive(value, part);
        break;
      case 'COUNT':
        rule.count = Math.min(positive(value, part), mostInstances);
        break;
      case 'UNTIL':
        rule.until = parseUntil(value, shape);
        break;
      case 'BYDAY':
        rule.days = value
          .split(',')
          .map(day => dayNumber(day, part))
          .sort((a, b) => a - b);
        break;
      case 'WKST':
        if (value.toUpperCase() !== 'MO' && value.toUpperCase() !== 'SU') throw invalid(`Unsupported rule: ${part}`);
        break;
      default:
        throw invalid(`Unsupported recurrence rule part: ${part}`);
    }
  }
  const known = frequencies.find(each => each === frequency);
  if (!known) throw invalid(`Invalid recurrence rule: ${text}`);
  if (rule.days.length > 0 && (known === 'MONTHLY' || known === 'YEARLY')) {
    throw invalid(`Unsupported recurrence rule: ${text}`);
  }
  return { ...rule, frequency: known };
}

function positive(value: string, part: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw invalid(`Invalid recurrence rule part: ${part}`);
  return Number(value);
}

function dayNumber(day: string, part: string): number {
  const index = weekdays.indexOf(day.trim().toUpperCase());
  if (index === -1) throw invalid(`Unsupported recurrence rule part: ${part}`);
  return index + 1;
}

/** A date as UNTIL covers that whole day; an instant is inclusive. */
function parseUntil(value: string, shape: Shape): Temporal.PlainDateTime {
  const local = parseTime(value, shape.zone, shape);
  return value.includes('T') ? local : local.with({ hour: 23, minute: 59, second: 59 });
}

/** `20260210`, `20260210T150000` (local to `zone`) or `20260210T200000Z`, as a local time of the series. */
function parseTime(text: string, zone: string, shape: Shape): Temporal.PlainDateTime {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/.exec(text.trim());
  if (!match) throw invalid(`Invalid recurrence time: ${text}`);
  const [, year, month, day, hour, minute, second, utc] = match;
  try {
    const date = Temporal.PlainDate.from(`${year}-${month}-${day}`);
    if (hour === undefined) return date.toPlainDateTime(shape.allDay ? undefined : shape.start.toPlainTime());
    if (shape.allDay) return date.toPlainDateTime();
    const local = date.toPlainDateTime(Temporal.PlainTime.from(`${hour}:${minute}:${second}`));
    return local
      .toZonedDateTime(utc ? 'UTC' : zone)
      .withTimeZone(shape.zone)
      .toPlainDateTime();
  } catch (error) {
    if (error instanceof RangeError) throw invalid(`Invalid recurrence time: ${text}`);
    throw error;
  }
}
