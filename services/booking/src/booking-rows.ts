import {
  type Booking,
  type BookingSnapshot,
  balanceTerms,
  bookingEvents,
  type bookingSnapshot,
  cancellationPolicy,
  installment,
  nightsOf,
  priceLine,
} from '@monde-sauvage/contracts';
import { outboxRow } from '@monde-sauvage/messaging';
import { civilDateFromDb } from '@monde-sauvage/persistence';
import { z } from 'zod';
import { type BookingEventKind, type BookingRecord, type Change, withMoney } from './booking.ts';
import type { Booking as BookingRow } from './generated/prisma/client.ts';
import { type KnownPayment, knownPayment, mainPayment } from './money.ts';

const priceLines = z.array(priceLine);
const priceSchedule = z.array(installment);
const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

/** A row as the domain knows it. */
export function fromRow(row: BookingRow): BookingRecord {
  const stay = { startDate: civilDateFromDb(row.startDate), endDate: civilDateFromDb(row.endDate) };
  return withMoney({
    id: row.id,
    reference: row.reference,
    chaletId: row.chaletId,
    establishmentId: row.establishmentId,
    ...stay,
    nights: nightsOf(stay),
    guests: row.guests,
    status: row.status,
    source: row.source,
    customer: { name: row.customerName, email: row.customerEmail, phone: row.customerPhone },
    notes: row.notes,
    price:
      row.currency === null || row.priceTotal === null
        ? null
        : {
            currency: row.currency,
            total: row.priceTotal,
            lines: priceLines.parse(row.priceLines),
            ...(row.priceSchedule === null ? {} : { schedule: priceSchedule.parse(row.priceSchedule) }),
          },
    holdExpiresAt: iso(row.holdExpiresAt),
    checkoutOpenUntil: iso(row.checkoutOpenUntil),
    googleEventId: row.googleEventId,
    mirrorRevision: row.mirrorRevision,
    payments: paymentsOf(row),
    sums:
      row.moneyVersion === null
        ? null
        : { amountPaid: row.amountPaid, amountRefunded: row.amountRefunded, version: row.moneyVersion },
    balanceOverdue: row.balanceOverdue ?? false,
    conflict: row.conflict,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    confirmedAt: iso(row.confirmedAt),
    cancelledAt: iso(row.cancelledAt),
    cancelReason: row.cancelReason,
    locale: row.locale,
    policy: row.policy === null ? null : cancellationPolicy.parse(row.policy),
    refundPercentage: row.refundPercentage,
    refundBase: row.refundBase,
    balanceTerms: balanceTerms.nullable().parse(row.balanceTerms),
    manageTokenHash: row.manageTokenHash,
  });
}

/** What an older version wrote last it wrote into the columns of the one payment that it knows of. */
function paymentsOf(row: BookingRow): KnownPayment[] {
  const payments = row.payments === null ? [] : z.array(knownPayment).parse(row.payments);
  const { paymentId, paymentVersion: version, paymentStatus: status, amountPaid, amountRefunded } = row;
  if (paymentId === null || status === 'unpaid') return payments;
  const known = payments.find(payment => payment.paymentId === paymentId);
  if (known && known.version >= version) return payments;
  const { purpose } = known ?? { purpose: 'full' as const };
  const told = { paymentId, purpose, version, status, amountPaid, amountRefunded };
  return [...payments.filter(payment => payment !== known), told];
}

/** The column names and values that `save_bookings` takes. */
const toColumns = (booking: BookingRecord) => ({
  id: booking.id,
  reference: booking.reference,
  chalet_id: booking.chaletId,
  establishment_id: booking.establishmentId,
  start_date: booking.startDate,
  end_date: booking.endDate,
  guests: booking.guests,
  status: booking.status,
  source: booking.source,
  customer_name: booking.customer.name,
  customer_email: booking.customer.email,
  customer_phone: booking.customer.phone,
  notes: booking.notes,
  locale: booking.locale,
  currency: booking.price?.currency ?? null,
  price_total: booking.price?.total ?? null,
  price_lines: booking.price?.lines ?? null,
  price_schedule: booking.price?.schedule ?? null,
  balance_terms: booking.balanceTerms,
  policy: booking.policy,
  hold_expires_at: booking.holdExpiresAt,
  checkout_open_until: booking.checkoutOpenUntil,
  google_event_id: booking.googleEventId,
  mirror_revision: booking.mirrorRevision,
  payment_id: mainPayment(booking.payments)?.paymentId ?? null,
  payment_version: mainPayment(booking.payments)?.version ?? 0,
  payments: booking.payments,
  money_version: booking.sums?.version ?? null,
  balance_overdue: booking.balanceOverdue,
  payment_status: booking.payment.status,
  amount_paid: booking.payment.amountPaid,
  amount_refunded: booking.payment.amountRefunded,
  conflict: booking.conflict,
  version: booking.version,
  created_at: booking.createdAt,
  updated_at: booking.updatedAt,
  confirmed_at: booking.confirmedAt,
  cancelled_at: booking.cancelledAt,
  cancel_reason: booking.cancelReason,
  refund_percentage: booking.refundPercentage,
  refund_base: booking.refundBase,
  manage_token_hash: booking.manageTokenHash,
});

/** What other services get to know. */
export function toSnapshot(booking: BookingRecord): BookingSnapshot {
  const { checkoutOpenUntil, payments, sums, balanceOverdue, mirrorRevision, manageTokenHash, ...snapshot } = booking;
  return snapshot;
}

/** What the guest and the owner see. */
export function toBooking(record: BookingRecord): Booking {
  const { locale, policy, confirmedAt, refundPercentage, refundBase, ...booking } = toSnapshot(record);
  return booking;
}

const contracts = {
  created: bookingEvents.bookingCreated,
  confirmed: bookingEvents.bookingConfirmed,
  updated: bookingEvents.bookingUpdated,
  cancelled: bookingEvents.bookingCancelled,
} as const satisfies Record<BookingEventKind, { body: typeof bookingSnapshot }>;

export interface EventOrigin {
  newId: () => string;
  traceparent?: string | undefined;
}

/** A booking's newest snapshot as a row of the outbox. */
export const bookingEventRow = (kind: BookingEventKind, booking: BookingRecord, at: Date, origin: EventOrigin) =>
  outboxRow(contracts[kind], toSnapshot(booking), {
    id: origin.newId(),
    aggregateId: booking.id,
    at,
    traceparent: origin.traceparent,
  });

/** A change as `save_bookings` and `place_booking` take it: column names and values, ready for JSON. */
export function toSavedChange(change: Change, origin: EventOrigin) {
  const { booking, history } = change;
  const { createdAt, ...event } = bookingEventRow(change.event, booking, new Date(history.at), origin);
  return {
    booking: toColumns(booking),
    history: { id: origin.newId(), booking_id: booking.id, ...history },
    event: { ...event, created_at: createdAt.toISOString() },
  };
}
