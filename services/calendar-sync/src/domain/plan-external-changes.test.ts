import { describe, expect, test } from '@jest/globals';
import type { EventClass } from './classify-event.ts';
import { type ExternalEvent, planExternalChanges } from './plan-external-changes.ts';

const calendarId = 'calendar';
const row = (googleEventId: string, fields: Partial<ExternalEvent> = {}): ExternalEvent => ({
  googleEventId,
  calendarId,
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  title: 'Famille',
  etag: '"1"',
  status: 'active',
  revision: 3,
  ...fields,
});
const seen = (fields: Partial<EventClass & { kind: 'external' }> = {}): EventClass => ({
  kind: 'external',
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  title: 'Famille',
  etag: '"2"',
  ...fields,
});
const gone: EventClass = { kind: 'free', reason: 'cancelled' };
const plan = (known: ExternalEvent[], found: Record<string, EventClass>, absentAfter?: string) =>
  planExternalChanges({
    calendarId,
    known,
    observed: Object.entries(found).map(([googleEventId, one]) => ({ googleEventId, found: one })),
    full: absentAfter === undefined ? undefined : { absentAfter },
    firstRevision: 1_000,
  });

describe('what a list changes in our copy', () => {
  test('a new event comes with its first revision', () => {
    expect(plan([], { a: seen() })).toMatchObject([{ kind: 'changed', row: { googleEventId: 'a', revision: 1_000 } }]);
  });

  test('other nights or another title are news, another etag is not', () => {
    expect(plan([row('a')], { a: seen() })).toEqual([]);
    expect(plan([row('a')], { a: seen({ endDate: '2027-02-13' }) })).toMatchObject([{ row: { revision: 4 } }]);
    expect(plan([row('a')], { a: seen({ title: null }) })).toMatchObject([{ row: { revision: 4, title: null } }]);
  });

  test('an event that takes no nights any more is removed, once', () => {
    expect(plan([row('a')], { a: gone })).toMatchObject([{ kind: 'removed', row: { revision: 4 } }]);
    expect(plan([row('a', { status: 'removed' })], { a: gone })).toEqual([]);
    expect(plan([], { a: gone })).toEqual([]);
  });

  test('an event that comes back goes on counting its revisions', () => {
    expect(plan([row('a', { status: 'removed' })], { a: seen() })).toMatchObject([
      { kind: 'changed', row: { status: 'active', revision: 4 } },
    ]);
  });

  test('an incremental list removes nothing by absence', () => {
    expect(plan([row('a')], {})).toEqual([]);
  });

  test('a full list removes what it should have shown and did not', () => {
    expect(plan([row('a'), row('b')], { b: seen() }, '2027-01-01')).toMatchObject([
      { kind: 'removed', row: { googleEventId: 'a' } },
    ]);
    expect(plan([row('old', { endDate: '2027-01-01' })], {}, '2027-01-01')).toEqual([]);
  });
});
