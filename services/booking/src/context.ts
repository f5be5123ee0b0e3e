import type { Stay } from '@monde-sauvage/contracts';
import type { Clock, Logger, Metrics } from '@monde-sauvage/service-kit';
import type { PrismaClient } from './generated/prisma/client.ts';

/**
 * What the owner's calendar says of a stay: not one night is taken, one is, or nobody can say. A chalet without a calendar
 * is clear.
 */
export type CalendarWord = 'clear' | 'busy' | 'unknown';

export type HoldSettlement = 'released' | 'paid' | 'processing';

/** What every operation works with. */
export interface BookingContext {
  prisma: PrismaClient;
  now: Clock;
  newId: () => string;
  holdMinutes: number;
  /** How long Checkout can extend a hold, from when the booking was made. */
  holdMaxMinutes: number;
  logger: Logger;
  metrics: BookingMetrics;
  /** Has payment close a booking's Checkout Session. @throws when payment gives no answer */
  settleHold: (bookingId: string) => Promise<HoldSettlement>;
  /** Asks calendar-sync, within its deadline; never throws for want of an answer. */
  consultCalendar: (chaletId: string, stay: Stay) => Promise<CalendarWord>;
  /** Something was committed to the outbox. */
  nudgeRelay: () => void;
}

/** Where a request or event came from, for traces. */
export interface Origin {
  traceparent?: string | undefined;
}

type BookingMetrics = ReturnType<typeof bookingMetrics>;

/** Counters of the business, beside those of messaging. */
export const bookingMetrics = (metrics: Metrics) => ({
  placements: metrics.counter('booking_placements_total', 'Wishes to book, by outcome', ['outcome']),
  holdsReleased: metrics.counter('booking_holds_total', 'Holds that were over, by what became of them', ['outcome']),
  externalChanges: metrics.counter('booking_external_changes_total', 'Changes of external events', ['outcome']),
  payments: metrics.counter('booking_payments_total', 'News of payments, by what they did', ['action']),
});
