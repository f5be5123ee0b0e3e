import { describe, expect, test } from '@jest/globals';
import type { GoogleEvent } from './classify-event.ts';
import { isShared, mustBeMerged, patchOf, showsPatch } from './merge-event.ts';
import { type MirroredBooking, mirrorEvent, writtenPart } from './mirror-event.ts';

const booking: MirroredBooking = {
  status: 'pending',
  startDate: '2027-02-10',
  endDate: '2027-02-12',
  reference: 'MS-7K3QXD',
  guests: 2,
  notes: null,
  customerName: 'John Doe',
  customerEmail: 'john.doe@example.com',
  customerPhone: null,
};
const bookingId = '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11';
const eventOf = (fields: Partial<MirroredBooking> = {}) =>
  mirrorEvent({ bookingId, version: 1, booking: { ...booking, ...fields }, chaletName: 'Chalet 1', locale: 'en-CA' });
const pending = eventOf();
const paid = eventOf({ status: 'confirmed' });
const written = writtenPart(pending, pending);
const accepted = { email: 'John.Doe@example.com', responseStatus: 'accepted' };
const cleaner = { email: 'cleaner@example.com', responseStatus: 'accepted' };

describe('the patch of an event', () => {
  test('takes away times, which Google would keep beside the dates', () => {
    expect(patchOf(pending, written, null)).toMatchObject({
      start: { date: '2027-02-10', dateTime: null, timeZone: null },
      end: { date: '2027-02-12', dateTime: null, timeZone: null },
    });
  });

  test('keeps notes also when it is not known what was written, as after an answer that was lost', () => {
    const noted = { description: `${pending.description}\nKey under the mat` };
    expect(patchOf(pending, null, noted).description).toBe(noted.description);
    expect(patchOf(paid, null, noted).description).toBe(`${paid.description}\nKey under the mat`);
    const html = { description: noted.description.replaceAll('\n', '<br>') };
    expect(patchOf(paid, null, html).description).toBe(`${paid.description}\nKey under the mat`);
    expect(patchOf(paid, null, { description: '' }).description).toBe(paid.description);
  });

  test('names description and guests only when our part of them changed', () => {
    const renamed = { ...pending, summary: 'Le Loup - John Doe' };
    expect(patchOf(renamed, written, null)).not.toHaveProperty('description');
    expect(patchOf(renamed, written, null)).not.toHaveProperty('attendees');
    expect(patchOf(paid, written, null).description).toBe(paid.description);
    expect(patchOf(paid, written, null)).not.toHaveProperty('attendees');
    expect(patchOf(paid, null, null)).toMatchObject({ description: paid.description, attendees: paid.attendees });
  });

  test('keeps notes around our text, and after it when our text was edited as well', () => {
    const noted = { description: `Key under the mat\n\n${pending.description}\nCall first` };
    expect(patchOf(paid, written, noted).description).toBe(`Key under the mat\n\n${paid.description}\nCall first`);
    const html = { description: `${pending.description?.replaceAll('\n', '<br>')}<br>Key under the mat` };
    expect(patchOf(paid, written, html).description).toBe(`${paid.description}\nKey under the mat`);
    expect(patchOf(paid, written, {}).description).toBe(paid.description);
  });

  test('keeps further guests and the answer of ours when the guest changes', () => {
    const found = { attendees: [cleaner, accepted] };
    const moved = eventOf({ customerName: 'John B. Doe' });
    expect(patchOf(moved, written, found).attendees).toEqual([
      { email: 'john.doe@example.com', displayName: 'John B. Doe', responseStatus: 'accepted' },
      cleaner,
    ]);
    const other = eventOf({ customerEmail: 'jane@example.com' });
    expect(patchOf(other, written, found).attendees).toEqual([
      { email: 'jane@example.com', displayName: 'John Doe' },
      cleaner,
    ]);
    expect(patchOf(eventOf({ customerEmail: null }), written, found).attendees).toEqual([cleaner]);
  });

  test('is whole for a deleted event, of which Google may have kept the id only', () => {
    const patch = patchOf(pending, written, { status: 'cancelled' });
    expect(patch).toMatchObject({ description: pending.description, attendees: pending.attendees });
  });
});

describe('what others wrote into an event', () => {
  const shared = (found: GoogleEvent) => isShared(written, { ...pending, ...found });

  test('is a note, an answer, or another guest', () => {
    expect(shared({})).toBe(false);
    expect(shared({ attendees: [{ email: 'john.doe@example.com', responseStatus: 'needsAction' }] })).toBe(false);
    expect(shared({ description: `${pending.description}\nKey` })).toBe(true);
    expect(shared({ attendees: [accepted] })).toBe(true);
    expect(shared({ attendees: [...(pending.attendees ?? []), cleaner] })).toBe(true);
  });

  test('is only read before a patch that would replace it', () => {
    expect(mustBeMerged(paid, written)).toBe(false);
    expect(mustBeMerged(paid, { ...written, shared: true })).toBe(true);
    expect(mustBeMerged({ ...pending, summary: 'Le Loup - John Doe' }, { ...written, shared: true })).toBe(false);
  });
});

test('an event needs no patch when it shows all of it, whatever version it names', () => {
  const patch = patchOf(pending, written, null);
  expect(showsPatch({ ...pending, description: 'Key under the mat' }, patch)).toBe(true);
  const { extendedProperties: _, ...bare } = pending;
  expect(showsPatch(bare, patch)).toBe(false);
  expect(showsPatch({ ...pending, start: { dateTime: '2027-02-10T15:00:00Z' } }, patch)).toBe(false);
  expect(showsPatch({ ...pending, status: 'cancelled' }, patch)).toBe(false);
});
