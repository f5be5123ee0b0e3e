import type { ChangedBy } from '../booking.ts';
import type { Tx } from '../booking-store.ts';

/** An audit entry about something that changed no version. `id` is the event's, so that a redelivery adds nothing. */
export async function noteInHistory(
  tx: Pick<Tx, 'bookingHistory'>,
  note: { id: string; bookingId: string; version: number; at: Date; by: ChangedBy; action: string; reason: string },
): Promise<void> {
  await tx.bookingHistory.createMany({ data: [{ ...note, changes: {} }], skipDuplicates: true });
}
