import type { BookingSnapshot, historyEntry, Refusal } from '@monde-sauvage/contracts';
import type { z } from 'zod';
import { type KnownPayment, summarizeMoney } from './money.ts';

/** A booking as the booking service knows it: the snapshot others get, and what only this service needs. */
export interface BookingRecord extends BookingSnapshot {
  /** Set once a Checkout Session was opened; payment must close it before the hold may be released. */
  checkoutOpenUntil: string | null;
  /** What is known of its payments, a few at most; `payment` is what follows from them. */
  payments: KnownPayment[];
  /** The newest sums over all payments that payment announced; null while it announces none. */
  sums: { amountPaid: number; amountRefunded: number; version: number } | null;
  /** The time to pay the balance is over. */
  balanceOverdue: boolean;
  mirrorRevision: number;
  manageTokenHash: string | null;
}

export type HistoryEntry = z.output<typeof historyEntry>;
export type ChangedBy = HistoryEntry['by'];
export type BookingEventKind = 'created' | 'confirmed' | 'updated' | 'cancelled';

/** One new version of a booking, with why it came to be and how it is announced. */
export interface Change {
  booking: BookingRecord;
  history: HistoryEntry;
  event: BookingEventKind;
}

/** A decision about a booking: a change, nothing to do, or a refusal. */
export type Decision =
  | { kind: 'changed'; change: Change }
  | { kind: 'unchanged' }
  | { kind: 'refused'; refusal: Refusal };

export const unchanged: Decision = { kind: 'unchanged' };

export interface Cause {
  at: Date;
  by: ChangedBy;
  action: string;
  reason?: string | null | undefined;
  event: BookingEventKind;
}

/** Takes nights of its chalet. */
export const isActive = (booking: Pick<BookingRecord, 'status'>): boolean => booking.status !== 'cancelled';

/** A hold whose time is over: its nights may be given to somebody else once it is released. */
export const isHoldOver = (booking: Pick<BookingRecord, 'status' | 'holdExpiresAt'>, now: Date): boolean =>
  booking.status === 'pending' && booking.holdExpiresAt !== null && Date.parse(booking.holdExpiresAt) <= now.getTime();

/** What a change may say of a booking: what is paid and due follows from its payments. */
export type BookingPatch = Partial<Omit<BookingRecord, 'payment'>>;

/** The next version of a booking. */
export function advance(before: BookingRecord, patch: BookingPatch, cause: Cause): Change {
  const at = cause.at.toISOString();
  const booking = { ...before, ...patch, version: before.version + 1, updatedAt: at };
  return describeChange(before, withMoney(booking), cause);
}

/** The first version of a booking. */
export const begin = (booking: Omit<BookingRecord, 'payment'>, cause: Cause): Change =>
  describeChange(undefined, withMoney(booking), cause);

export const withMoney = (booking: Omit<BookingRecord, 'payment'>): BookingRecord => ({
  ...booking,
  payment: summarizeMoney(booking),
});

/** The same change, with more to it: no further version. */
export function amend(change: Change, before: BookingRecord | undefined, patch: BookingPatch): Change {
  const booking = withMoney({ ...change.booking, ...patch });
  return { ...change, booking, history: { ...change.history, changes: differences(before, booking) } };
}

function describeChange(before: BookingRecord | undefined, booking: BookingRecord, cause: Cause): Change {
  return {
    booking,
    history: {
      version: booking.version,
      at: cause.at.toISOString(),
      by: cause.by,
      action: cause.action,
      reason: cause.reason ?? null,
      changes: differences(before, booking),
    },
    event: cause.event,
  };
}

/** What the audit trail compares. Nothing personal: a history outlives an erasure. */
const audited = (booking: BookingRecord | undefined): Record<string, unknown> => ({
  startDate: booking?.startDate ?? null,
  endDate: booking?.endDate ?? null,
  guests: booking?.guests ?? null,
  status: booking?.status ?? null,
  holdExpiresAt: booking?.holdExpiresAt ?? null,
  googleEventId: booking?.googleEventId ?? null,
  paymentStatus: booking?.payment.status ?? null,
  amountPaid: booking?.payment.amountPaid ?? null,
  amountRefunded: booking?.payment.amountRefunded ?? null,
  balanceStatus: booking?.payment.balanceStatus ?? null,
  conflict: booking?.conflict ?? null,
  cancelReason: booking?.cancelReason ?? null,
  refundPercentage: booking?.refundPercentage ?? null,
});

function differences(before: BookingRecord | undefined, after: BookingRecord): HistoryEntry['changes'] {
  const old = audited(before);
  return Object.fromEntries(
    Object.entries(audited(after))
      .filter(([field, to]) => to !== old[field])
      .map(([field, to]) => [field, { from: old[field], to }]),
  );
}
