import { describe, expect, test } from '@jest/globals';
import { addDays, type CivilDate } from '@monde-sauvage/contracts';
import fc from 'fast-check';
import { type GoogleEvent, nightsOfEvent } from './classify-event.ts';
import { patchOf, showsPatch } from './merge-event.ts';
import { hashOfEvent, mirrorEvent, writtenPart } from './mirror-event.ts';
import { type ExternalEvent, type Observed, planExternalChanges } from './plan-external-changes.ts';

const zones = ['America/Toronto', 'Europe/Paris', 'Pacific/Apia', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'];
const zone = fc.constantFrom(...zones);
/** Two years with all their changes of the clocks. */
const instant = fc
  .integer({ min: Date.UTC(2026, 0, 1) / 60_000, max: Date.UTC(2027, 11, 31) / 60_000 })
  .map(minutes => new Date(minutes * 60_000));
const date = fc.integer({ min: 0, max: 700 }).map(days => addDays('2026-01-01', days));

/** The date on a wall of that zone, by another way than ours. */
function wallDate(at: Date, timeZone: string): CivilDate {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(at);
}

describe('the nights of an event', () => {
  test('of an all-day one are its dates, in whatever zone', () => {
    fc.assert(
      fc.property(date, fc.integer({ min: 1, max: 40 }), zone, (startDate, nights, timezone) => {
        const endDate = addDays(startDate, nights);
        const event = { start: { date: startDate }, end: { date: endDate } };
        expect(nightsOfEvent(event, timezone)).toEqual({ startDate, endDate });
      }),
    );
  });

  test('of a timed one go from the local date of its start to that of its end, and are one at least', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 0, max: 20_000 }), zone, (start, minutes, timezone) => {
        const end = new Date(start.getTime() + minutes * 60_000);
        const event = { start: { dateTime: start.toISOString() }, end: { dateTime: end.toISOString() } };
        const [first, last] = [wallDate(start, timezone), wallDate(end, timezone)];
        expect(nightsOfEvent(event, timezone)).toEqual({
          startDate: first,
          endDate: last > first ? last : addDays(first, 1),
        });
      }),
      { numRuns: 500 },
    );
  });

  test('are the same however its times are written', () => {
    const offset = fc.integer({ min: -47, max: 55 }).map(quarters => quarters * 15);
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: 5_000 }), offset, zone, (start, minutes, shift, timezone) => {
        const end = new Date(start.getTime() + minutes * 60_000);
        const inUtc = { start: { dateTime: start.toISOString() }, end: { dateTime: end.toISOString() } };
        const shifted = { start: { dateTime: withOffset(start, shift) }, end: { dateTime: withOffset(end, shift) } };
        expect(nightsOfEvent(shifted, timezone)).toEqual(nightsOfEvent(inUtc, timezone));
      }),
    );
  });
});

function withOffset(at: Date, minutes: number): string {
  const wall = new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${wall}${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
}

const words = fc.constantFrom('', 'Late arrival', 'With a dog', 'Keys under the mat');
const address = fc.constantFrom('john@example.com', 'JOHN@example.com', 'ann@example.com', null);
const booking = fc.record({
  status: fc.constantFrom('pending' as const, 'confirmed' as const),
  startDate: date,
  endDate: date,
  reference: fc.constantFrom('MS-7K3QXD', 'MS-222222'),
  guests: fc.option(fc.integer({ min: 1, max: 8 })),
  notes: fc.option(words),
  customerName: fc.constantFrom('John Doe', 'Ann Roy'),
  customerEmail: address,
  customerPhone: fc.option(fc.constant('+1 514 555 0100')),
});
const bookingId = '01900000-0000-7000-8000-000000000001';
const shown = booking.map(wanted =>
  mirrorEvent({ bookingId, version: 1, booking: wanted, chaletName: 'Chalet 1', locale: 'fr-CA' }),
);
/** What others may have written into an event of ours. */
const strangers = fc.record({
  note: words,
  guests: fc.uniqueArray(fc.constantFrom('zoe@example.com', 'max@example.com'), { maxLength: 2 }),
  answer: fc.constantFrom('needsAction', 'accepted', 'declined'),
});

/** As Google merges a patch (RFC 7396). */
function applyPatch<T extends object>(target: T, patch: object): T {
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const before = merged[key];
    if (value === null) delete merged[key];
    else if (isObject(value)) merged[key] = applyPatch(isObject(before) ? before : {}, value);
    else merged[key] = value;
  }
  return Object.assign(Object.create(null), merged);
}
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe('a patch of a mirror', () => {
  test('makes it show the booking, keeps what others wrote, and then nothing is left to patch', () => {
    fc.assert(
      fc.property(shown, shown, strangers, (before, wanted, theirs) => {
        const attendees = [
          ...(before.attendees ?? []).map(guest => ({ ...guest, responseStatus: theirs.answer })),
          ...theirs.guests.map(email => ({ email, responseStatus: 'accepted' })),
        ];
        const description = theirs.note === '' ? before.description : `${before.description}\n${theirs.note}`;
        const found: GoogleEvent = { ...before, attendees, description: description ?? null };
        const patch = patchOf(wanted, writtenPart(before, before), found);
        const after: GoogleEvent = applyPatch(found, patch);
        expect(after.summary).toBe(wanted.summary);
        expect([after.start?.date, after.end?.date]).toEqual([wanted.start?.date, wanted.end?.date]);
        expect(after.description).toContain(wanted.description);
        expect(after.description).toContain(theirs.note);
        const present = (after.attendees ?? []).map(({ email }) => email?.toLowerCase());
        for (const email of theirs.guests) expect(present).toContain(email);
        for (const { email } of wanted.attendees ?? []) expect(present).toContain(email?.toLowerCase());
        expect(showsPatch(after, patchOf(wanted, writtenPart(wanted, after), after))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('is called for exactly when what is shown is another', () => {
    fc.assert(
      fc.property(shown, shown, (one, other) => {
        const { extendedProperties: _a, ...first } = one;
        const { extendedProperties: _b, ...second } = other;
        expect(hashOfEvent(one) === hashOfEvent(other)).toBe(JSON.stringify(first) === JSON.stringify(second));
      }),
    );
  });
});

const eventId = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const observed: fc.Arbitrary<Observed[]> = fc.uniqueArray(
  fc.record({
    googleEventId: eventId,
    found: fc.oneof(
      fc.record({
        kind: fc.constant('external' as const),
        startDate: date,
        endDate: date,
        title: fc.option(words),
        etag: fc.constantFrom('"1"', '"2"'),
      }),
      fc.constant({ kind: 'free' as const, reason: 'cancelled' as const }),
      fc.constant({ kind: 'mirror' as const, bookingId }),
    ),
  }),
  { selector: one => one.googleEventId, maxLength: 5 },
);

/** Of events never heard of: whatever it is, theirs grow from there. */
const firstRevision = 1_000;
const planOf = (known: ExternalEvent[], list: Observed[], full: { absentAfter: CivilDate } | undefined) =>
  planExternalChanges({ calendarId: 'calendar', known, observed: list, full, firstRevision });
function apply(known: ExternalEvent[], changes: ReturnType<typeof planOf>): ExternalEvent[] {
  const rows = new Map(known.map(row => [row.googleEventId, row]));
  for (const { row } of changes) rows.set(row.googleEventId, row);
  return [...rows.values()];
}
const activeOf = (rows: ExternalEvent[]) => rows.filter(row => row.status === 'active');

describe("what lists change in the copy of an owner's events", () => {
  test('is nothing when the same is listed again', () => {
    fc.assert(
      fc.property(observed, observed, fc.boolean(), date, (before, list, isFull, absentAfter) => {
        const full = isFull ? { absentAfter } : undefined;
        const known = apply(apply([], planOf([], before, undefined)), []);
        const after = apply(known, planOf(known, list, full));
        expect(planOf(after, list, full)).toEqual([]);
      }),
    );
  });

  test('makes it hold what was listed, and after a full list nothing that should have been in it and was not', () => {
    fc.assert(
      fc.property(observed, observed, fc.boolean(), date, (before, list, isFull, absentAfter) => {
        const known = apply([], planOf([], before, undefined));
        const after = apply(known, planOf(known, list, isFull ? { absentAfter } : undefined));
        const listed = new Map(list.map(one => [one.googleEventId, one.found]));
        const expected = [
          ...list.flatMap(({ googleEventId, found }) => (found.kind === 'external' ? [googleEventId] : [])),
          ...activeOf(known)
            .filter(row => !listed.has(row.googleEventId) && !(isFull && row.endDate > absentAfter))
            .map(row => row.googleEventId),
        ];
        expect(
          activeOf(after)
            .map(row => row.googleEventId)
            .sort(),
        ).toEqual(expected.sort());
        for (const row of activeOf(after)) {
          const found = listed.get(row.googleEventId);
          if (found?.kind !== 'external') continue;
          expect([row.startDate, row.endDate, row.title]).toEqual([found.startDate, found.endDate, found.title]);
        }
      }),
    );
  });

  test('is told in revisions that grow by one', () => {
    fc.assert(
      fc.property(fc.array(observed, { maxLength: 6 }), lists => {
        let known: ExternalEvent[] = [];
        for (const list of lists) {
          const revisions = new Map(known.map(row => [row.googleEventId, row.revision]));
          const changes = planOf(known, list, undefined);
          for (const { row } of changes)
            expect(row.revision).toBe((revisions.get(row.googleEventId) ?? firstRevision - 1) + 1);
          known = apply(known, changes);
        }
      }),
    );
  });
});
