import { bookingSnapshot, defineEvent } from '@monde-sauvage/contracts';
import { civilDateToDb } from '@monde-sauvage/persistence';
import { z } from 'zod';
import { balanceOf, firstLook } from './balance.ts';
import type { Transaction } from './context.ts';

/** What payment keeps of a booking: enough to know what is owed and when it goes back, and nobody's name. */
const bookingCopy = bookingSnapshot.pick({
  payment: true,
  id: true,
  version: true,
  status: true,
  cancelReason: true,
  refundPercentage: true,
  refundBase: true,
  confirmedAt: true,
  holdExpiresAt: true,
  reference: true,
  chaletId: true,
  establishmentId: true,
  startDate: true,
  endDate: true,
  price: true,
  locale: true,
  cancelledAt: true,
  balanceTerms: true,
});
export type BookingCopy = z.output<typeof bookingCopy>;

const chaletName = z.object({ id: z.uuid(), name: z.string(), version: z.int() });
type ChaletName = z.output<typeof chaletName>;

const booking = (subject: string) => defineEvent({ subject, stream: 'BOOKING', body: bookingCopy });
const chalet = (subject: string) => defineEvent({ subject, stream: 'BOOKING', body: chaletName });

/** The events of the booking service that payment listens to, read no further than it needs. */
export const listenedEvents = {
  bookings: ['booking.created', 'booking.confirmed', 'booking.updated', 'booking.cancelled'].map(booking),
  chalets: ['chalet.created', 'chalet.updated', 'chalet.archived'].map(chalet),
};

/** Keeps the newest version of a booking; an external one (no price) is nobody's to pay and is not kept. */
export async function keepBooking(tx: Transaction, copy: BookingCopy): Promise<boolean> {
  if (copy.price === null) return false;
  const balance = balanceOf(copy.price, copy.startDate);
  const noticeAt = balance && copy.status === 'confirmed' ? firstLook(balance, copy.balanceTerms) : null;
  await tx.$executeRaw`
    INSERT INTO bookings (id, version, status, cancel_reason, refund_percentage, confirmed_at, hold_expires_at, reference,
                          chalet_id, establishment_id, start_date, end_date, total, currency, locale, cancelled_at,
                          refund_base, balance_amount, balance_due_on, balance_terms, balance_notice_at,
                          heard_paid, heard_refunded, heard_disputed, heard_overdue)
    VALUES (${copy.id}::uuid, ${copy.version}, ${copy.status}, ${copy.cancelReason}, ${copy.refundPercentage},
            ${copy.confirmedAt}::timestamptz, ${copy.holdExpiresAt}::timestamptz, ${copy.reference},
            ${copy.chaletId}::uuid, ${copy.establishmentId}::uuid, ${civilDateToDb(copy.startDate)}::date,
            ${civilDateToDb(copy.endDate)}::date, ${copy.price.total}, ${copy.price.currency}, ${copy.locale},
            ${copy.cancelledAt}::timestamptz, ${copy.refundBase}::int, ${balance?.amount ?? null}::int,
            ${balance ? civilDateToDb(balance.dueOn) : null}::date,
            ${copy.balanceTerms === null ? null : JSON.stringify(copy.balanceTerms)}::jsonb, ${noticeAt}::timestamptz,
            ${copy.payment.amountPaid}, ${copy.payment.amountRefunded}, ${copy.payment.status === 'disputed'},
            ${copy.payment.balanceStatus === 'overdue'})
    ON CONFLICT (id) DO UPDATE SET
      version = excluded.version, status = excluded.status, cancel_reason = excluded.cancel_reason,
      refund_percentage = excluded.refund_percentage, confirmed_at = excluded.confirmed_at,
      hold_expires_at = excluded.hold_expires_at, start_date = excluded.start_date, end_date = excluded.end_date,
      total = excluded.total, currency = excluded.currency, locale = excluded.locale,
      cancelled_at = excluded.cancelled_at, refund_base = excluded.refund_base, balance_amount = excluded.balance_amount,
      heard_paid = excluded.heard_paid, heard_refunded = excluded.heard_refunded,
      heard_disputed = excluded.heard_disputed, heard_overdue = excluded.heard_overdue,
      balance_due_on = excluded.balance_due_on, balance_terms = excluded.balance_terms,
      balance_notice_at = CASE WHEN excluded.balance_notice_at IS NULL THEN NULL
        WHEN bookings.balance_told = 'overdue' THEN bookings.balance_notice_at
        ELSE greatest(bookings.balance_notice_at, excluded.balance_notice_at) END
    WHERE excluded.version >= bookings.version`;
  return true;
}

export async function keepChaletName(tx: Transaction, chalet: ChaletName): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO chalets (id, name, version) VALUES (${chalet.id}::uuid, ${chalet.name}, ${chalet.version})
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version
    WHERE excluded.version > chalets.version`;
}
