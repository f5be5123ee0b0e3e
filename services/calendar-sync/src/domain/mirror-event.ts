import { createHash } from 'node:crypto';
import type { BookingSnapshot } from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { GoogleEvent } from './classify-event.ts';
import { isShared } from './merge-event.ts';

/** The part of a booking that its mirror shows. Everything else may change without a call to Google. */
export const mirroredBooking = z.object({
  status: z.enum(['pending', 'confirmed', 'cancelled']),
  startDate: z.string(),
  endDate: z.string(),
  reference: z.string(),
  guests: z.number().nullable(),
  notes: z.string().nullable(),
  customerName: z.string(),
  customerEmail: z.string().nullable(),
  customerPhone: z.string().nullable(),
});
export type MirroredBooking = z.infer<typeof mirroredBooking>;

/**
 * What we last wrote: compared with what Google holds to find out whether somebody changed it there, and with what is to
 * be written next, so that only what changed is written.
 */
export const writtenEvent = z.object({
  summary: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  /** Absent when it was not kept. */
  description: z.string().optional(),
  guest: z.object({ email: z.string(), name: z.string() }).nullable().optional(),
  /** Somebody else has written into the description or the attendees too. */
  shared: z.boolean().default(false),
  /** What Google kept when it was written: only that can be missed later, or putting it back would never end. */
  kept: z.object({ details: z.boolean(), guest: z.boolean() }).default({ details: false, guest: false }),
});
export type WrittenEvent = z.infer<typeof writtenEvent>;

export const mirroredPart = (booking: BookingSnapshot): MirroredBooking => ({
  status: booking.status,
  startDate: booking.startDate,
  endDate: booking.endDate,
  reference: booking.reference,
  guests: booking.guests,
  notes: booking.notes,
  customerName: booking.customer.name,
  customerEmail: booking.customer.email,
  customerPhone: booking.customer.phone,
});

/** A booking that holds nights has an event; a cancelled one has none. */
export const isActive = (booking: MirroredBooking): boolean => booking.status !== 'cancelled';

export const titleOf = (booking: MirroredBooking, chaletName: string): string =>
  `${booking.status === 'confirmed' ? '[CONFIRMED] ' : ''}${chaletName} - ${booking.customerName}`;

export const markOfOurs = 'website';

const words = {
  fr: { reference: 'Réservation', guests: 'Personnes', phone: 'Téléphone', email: 'Courriel', notes: 'Notes' },
  en: { reference: 'Booking', guests: 'Guests', phone: 'Phone', email: 'E-mail', notes: 'Notes' },
};
const statusWords = {
  fr: { pending: 'en attente de paiement', confirmed: 'payée', cancelled: 'annulée' },
  en: { pending: 'awaiting payment', confirmed: 'paid', cancelled: 'cancelled' },
};

function describe(booking: MirroredBooking, locale: string): string {
  const language = locale.toLowerCase().startsWith('fr') ? 'fr' : 'en';
  const say = words[language];
  return [
    `${say.reference} ${booking.reference} (${statusWords[language][booking.status]})`,
    booking.guests === null ? undefined : `${say.guests}: ${booking.guests}`,
    booking.customerPhone === null ? undefined : `${say.phone}: ${booking.customerPhone}`,
    booking.customerEmail === null ? undefined : `${say.email}: ${booking.customerEmail}`,
    booking.notes === null || booking.notes === '' ? undefined : `${say.notes}: ${booking.notes}`,
  ]
    .filter(line => line !== undefined)
    .join('\n');
}

/**
 * The event Google should hold for a booking: all-day with an exclusive end, which is exactly a stay; the guest as
 * attendee; our ids in private properties, which a copy of the calendar for others does not show.
 */
export function mirrorEvent(o: {
  bookingId: string;
  version: number;
  booking: MirroredBooking;
  chaletName: string;
  locale: string;
}): GoogleEvent {
  const { booking } = o;
  return {
    summary: titleOf(booking, o.chaletName),
    description: describe(booking, o.locale),
    start: { date: booking.startDate },
    end: { date: booking.endDate },
    status: 'confirmed',
    transparency: 'opaque',
    attendees:
      booking.customerEmail === null ? [] : [{ email: booking.customerEmail, displayName: booking.customerName }],
    extendedProperties: {
      private: { booking_id: o.bookingId, source: markOfOurs, version: String(o.version) },
    },
  };
}

/** Equal for two events that show the same; the version alone is no reason for a call. */
export function hashOfEvent(event: GoogleEvent): string {
  const { extendedProperties: _, ...shown } = event;
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex');
}

/** @param found the event as Google holds it after we wrote `event` */
export function writtenPart(event: GoogleEvent, found: GoogleEvent): WrittenEvent {
  const written = {
    summary: event.summary ?? '',
    startDate: event.start?.date ?? '',
    endDate: event.end?.date ?? '',
    description: event.description ?? '',
    guest: guestOf(event),
  };
  return { ...written, shared: isShared(written, found), kept: keptOf(written, found) };
}

/** Which parts of a booking an event shows: the line with its reference, and its guest. */
export function keptOf(written: Pick<WrittenEvent, 'description' | 'guest'>, found: GoogleEvent): WrittenEvent['kept'] {
  const reference = written.description?.split('\n')[0]?.split(' (')[0] ?? '';
  const guest = written.guest?.email.toLowerCase();
  return {
    details: reference !== '' && (found.description ?? '').includes(reference),
    guest: guest !== undefined && (found.attendees ?? []).some(({ email }) => email?.toLowerCase() === guest),
  };
}

function guestOf(event: GoogleEvent): { email: string; name: string } | null {
  const guest = event.attendees?.[0];
  return guest?.email ? { email: guest.email, name: guest.displayName ?? '' } : null;
}

/**
 * The id of a booking's event, and the ones to fall back to when Google keeps a used id from us: deterministic, so that
 * repeating a creation cannot make a second event. Google: `[a-v0-9]{5,1024}`, unique in the calendar.
 */
export function mirrorEventId(bookingId: string, sequence: number): string {
  if (sequence === 0) return bookingId.replaceAll('-', '').toLowerCase();
  return createHash('sha256').update(`${bookingId}:${sequence}`).digest('hex').slice(0, 32);
}

/** The booking whose first event id this is, if it is one. */
export function bookingOfEventId(googleEventId: string): string | undefined {
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(googleEventId);
  return parts?.slice(1).join('-');
}

/** More ids than a booking ever needs; those after are remembered one by one. */
const usualIds = 9;

/** The first ids of a booking's sequence. */
export const mirrorEventIds = (bookingId: string): string[] =>
  Array.from({ length: usualIds }, (_, sequence) => mirrorEventId(bookingId, sequence));

export const isMirrorEventId = (bookingId: string, googleEventId: string): boolean =>
  mirrorEventIds(bookingId).includes(googleEventId);

/**
 * Whether an event that has an id of ours belongs to this booking. Google's `update` drops the private properties that
 * it does not name, so that only those of another booking speak against it.
 */
export function isOurs(event: GoogleEvent, bookingId: string): boolean {
  const claimed = event.extendedProperties?.private?.booking_id;
  return claimed === undefined || claimed === bookingId;
}
