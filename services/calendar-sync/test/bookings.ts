import { type BookingSnapshot, bookingEvents } from '@monde-sauvage/contracts';
import { sampleBooking } from '@monde-sauvage/contracts/sample-booking';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { type CalendarSystem, day } from './calendar-system.ts';
import type { Chalet } from './chalets.ts';

/** A booking from the website. */
export function newBooking(chalet: Chalet, fields: Partial<BookingSnapshot> = {}): BookingSnapshot {
  return sampleBooking({
    id: newId(),
    chaletId: chalet.chaletId,
    establishmentId: chalet.establishmentId,
    startDate: day(10),
    endDate: day(12),
    notes: 'Arriving late',
    createdAt: new Date().toISOString(),
    ...fields,
  });
}

const subjectOf = { pending: bookingEvents.bookingCreated, confirmed: bookingEvents.bookingConfirmed } as const;

/** Announces a booking's snapshot under the subject that fits it. */
export const announce = (system: CalendarSystem, booking: BookingSnapshot): Promise<void> =>
  system.publish(
    booking.status === 'cancelled' ? bookingEvents.bookingCancelled : subjectOf[booking.status],
    booking,
    booking.id,
  );

export const cancelled = (booking: BookingSnapshot): BookingSnapshot => ({
  ...booking,
  status: 'cancelled',
  version: booking.version + 1,
  cancelledAt: new Date().toISOString(),
  cancelReason: 'guest',
});

/** The events in a chalet's calendar that are not deleted. */
export const eventsOf = (system: CalendarSystem, chalet: Chalet, calendarId = chalet.calendarId) =>
  system.google.listEvents(calendarId);

/** Waits until a booking's event is in Google and booking was told so; returns the event. */
export async function mirrorOf(system: CalendarSystem, chalet: Chalet, booking: BookingSnapshot, title?: string) {
  const event = await eventually(
    () =>
      eventsOf(system, chalet).find(
        one =>
          one.extendedProperties?.private?.booking_id === booking.id && (title === undefined || one.summary === title),
      ),
    { describe: `the event of booking ${booking.id}` },
  );
  await settled(system, chalet);
  return event;
}

/** Waits until no mirror of a chalet has anything to be done. */
export async function settled(system: CalendarSystem, chalet: Chalet): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await system.pool.query<{ due: number; held: number }>(
        `SELECT (SELECT count(*)::int FROM mirrors WHERE chalet_id = $1 AND next_attempt_at IS NOT NULL) AS due,
                (SELECT count(*)::int FROM lanes WHERE chalet_id = $1 AND lease_owner IS NOT NULL) AS held`,
        [chalet.chaletId],
      );
      return rows[0]?.due === 0 && rows[0].held === 0;
    },
    { describe: 'no mirror has anything to be done' },
  );
}

export const stateOf = async (system: CalendarSystem, bookingId: string): Promise<string | undefined> => {
  const { rows } = await system.pool.query<{ state: string }>('SELECT state FROM mirrors WHERE booking_id = $1', [
    bookingId,
  ]);
  return rows[0]?.state;
};
