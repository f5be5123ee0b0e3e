import { addDays, type ExternalEventChange, nightsOf } from '@monde-sauvage/contracts';
import { advance, type BookingRecord, begin, type Change } from './booking.ts';

/** The newest known about an external event, also after it was removed: then without a booking. */
export interface KnownEvent {
  revision: number;
  bookingId: string | null;
}

export type ExternalDecision = { kind: 'known' } | { kind: 'recorded'; bookingId: string | null; change?: Change };

/**
 * Decides what a change of an external event does. Messages may come twice and out of order: only a newer revision
 * counts. Touches `source=google` rows and nothing else.
 * @param current the active booking of this event, if there is one
 */
export function recordExternalEvent(
  event: ExternalEventChange,
  known: KnownEvent | undefined,
  current: BookingRecord | undefined,
  o: { at: Date; establishmentId: string; locale: string; newIdentity: () => { id: string; reference: string } },
): ExternalDecision {
  if (known && event.revision <= known.revision) return { kind: 'known' };
  const cause = { at: o.at, by: 'calendar' } as const;
  if (event.kind === 'removed') {
    if (!current) return { kind: 'recorded', bookingId: null };
    const at = o.at.toISOString();
    const change = advance(
      current,
      { status: 'cancelled', cancelledAt: at, cancelReason: 'external_removed', conflict: false },
      { ...cause, action: 'external_removed', reason: event.reason, event: 'cancelled' },
    );
    return { kind: 'recorded', bookingId: null, change };
  }
  const stay = {
    startDate: event.startDate,
    // What takes a day takes its night: an event never takes less than one.
    endDate: event.endDate > event.startDate ? event.endDate : addDays(event.startDate, 1),
  };
  const name = nameOf(event.title, o.locale);
  if (!current) {
    const change = begin(externalBooking(event, stay, name, o), {
      ...cause,
      action: 'external_recorded',
      event: 'created',
    });
    return { kind: 'recorded', bookingId: change.booking.id, change };
  }
  const moved = current.startDate !== stay.startDate || current.endDate !== stay.endDate;
  if (!moved && current.customer.name === name) return { kind: 'recorded', bookingId: current.id };
  const change = advance(
    current,
    { ...stay, nights: nightsOf(stay), customer: { ...current.customer, name } },
    { ...cause, action: moved ? 'external_moved' : 'external_renamed', event: 'updated' },
  );
  return { kind: 'recorded', bookingId: current.id, change };
}

/** An event's title becomes the customer's name; a private event has none to show. */
function nameOf(title: string | null, locale: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL refuses NUL, and a name is one line
  const name = (title ?? '').replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  // Nor does it take half an emoji, in Google's title or where ours is cut.
  if (name !== '') return name.slice(0, 300).toWellFormed();
  return locale.toLowerCase().startsWith('fr') ? 'Occupé' : 'Busy';
}

function externalBooking(
  event: Extract<ExternalEventChange, { kind: 'changed' }>,
  stay: { startDate: string; endDate: string },
  name: string,
  o: { at: Date; establishmentId: string; newIdentity: () => { id: string; reference: string } },
): Omit<BookingRecord, 'payment'> {
  const at = o.at.toISOString();
  return {
    ...o.newIdentity(),
    chaletId: event.chaletId,
    establishmentId: o.establishmentId,
    ...stay,
    nights: nightsOf(stay),
    guests: null,
    status: 'confirmed',
    source: 'google',
    customer: { name, email: null, phone: null },
    notes: null,
    price: null,
    holdExpiresAt: null,
    checkoutOpenUntil: null,
    googleEventId: event.googleEventId,
    mirrorRevision: 0,
    payments: [],
    sums: null,
    balanceOverdue: false,
    conflict: false,
    version: 1,
    createdAt: at,
    updatedAt: at,
    confirmedAt: at,
    cancelledAt: null,
    cancelReason: null,
    locale: null,
    policy: null,
    refundPercentage: null,
    refundBase: null,
    balanceTerms: null,
    manageTokenHash: null,
  };
}
