import { describe, expect, it } from '@jest/globals';
import type { ExternalEventChange } from '@monde-sauvage/contracts';
import { bookingOf, ids } from '../test/builders.ts';
import { type KnownEvent, recordExternalEvent } from './external-events.ts';

const event: Extract<ExternalEventChange, { kind: 'changed' }> = {
  kind: 'changed',
  chaletId: ids.chalet,
  establishmentId: ids.establishment,
  calendarId: 'calendar',
  googleEventId: 'event',
  startDate: '2027-02-10',
  endDate: '2027-02-15',
  title: 'Famille Tremblay',
  etag: '"1"',
  revision: 3,
};
const row = bookingOf({
  source: 'google',
  status: 'confirmed',
  holdExpiresAt: null,
  endDate: '2027-02-15',
  customer: { name: 'Famille Tremblay', email: null, phone: null },
});
const decide = (change: ExternalEventChange, known?: KnownEvent, current?: typeof row) =>
  recordExternalEvent(change, known, current, {
    at: new Date('2027-01-10T12:00:00.000Z'),
    establishmentId: ids.establishment,
    locale: 'fr-CA',
    newIdentity: () => ({ id: ids.booking, reference: 'MS-7K3QXD' }),
  });

describe('an external event', () => {
  it('that is new becomes a confirmed booking', () => {
    expect(decide(event)).toMatchObject({
      kind: 'recorded',
      bookingId: ids.booking,
      change: { event: 'created', booking: { source: 'google', status: 'confirmed', nights: 5 } },
    });
  });

  it('that says nothing new makes no version', () => {
    const known = { revision: 2, bookingId: row.id };
    expect(decide({ ...event, etag: '"2"' }, known, row)).toEqual({ kind: 'recorded', bookingId: row.id });
    expect(decide(event, { revision: 3, bookingId: row.id }, row)).toEqual({ kind: 'known' });
  });

  it('that was removed stays removed when older news arrives', () => {
    expect(decide(event, { revision: 4, bookingId: null })).toEqual({ kind: 'known' });
  });

  it('that nobody recorded leaves a mark when it is removed', () => {
    const { chaletId, establishmentId, calendarId, googleEventId } = event;
    const removed = { kind: 'removed', chaletId, establishmentId, calendarId, googleEventId, reason: 'gone' } as const;
    expect(decide({ ...removed, revision: 1 })).toEqual({ kind: 'recorded', bookingId: null });
  });

  it.each([
    ['a private one', null, 'Occupé'],
    ['cut inside an emoji', `${'x'.repeat(299)}\u{1F332}`, `${'x'.repeat(299)}\uFFFD`],
    ['an empty title', '   ', 'Occupé'],
    ['control characters', 'Famille\u0000\nTremblay', 'Famille Tremblay'],
  ])('gives its booking a name people can read: %s', (_, title, name) => {
    expect(decide({ ...event, title })).toMatchObject({ change: { booking: { customer: { name } } } });
  });

  it('takes at least one night', () => {
    expect(decide({ ...event, endDate: event.startDate })).toMatchObject({
      change: { booking: { endDate: '2027-02-11', nights: 1 } },
    });
  });
});
