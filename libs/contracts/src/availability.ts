import { z } from 'zod';
import { bookingSource, bookingStatus } from './booking.ts';
import { defineRequest } from './define.ts';
import { chalet } from './establishment.ts';
import { price } from './price.ts';
import { civilDate, dateRange, id, page, timestamp, withRangeRule } from './values.ts';

/** Answered by the availability service. */

/**
 * What is known of the owner's calendar: as it is now (within the allowed age), a copy that is older, a copy that is not
 * brought up to date because Google does not answer or does not let us, or that the chalet has no calendar.
 */
export const googleFreshness = z.enum(['fresh', 'stale', 'unreachable', 'not_connected']);

/** Whether the calendar speaks for itself: where `closed` is chosen, nothing is sold otherwise. */
export const isConsulted = (status: z.infer<typeof googleFreshness>): boolean =>
  status === 'fresh' || status === 'not_connected';

export const quote = price.extend({ nights: z.int().positive() });

export const availability = z.object({
  chaletId: id,
  from: civilDate,
  to: civilDate,
  available: z.boolean(),
  conflicts: z.array(
    z.object({ startDate: civilDate, endDate: civilDate, source: bookingSource, status: bookingStatus }),
  ),
  sources: z.object({
    database: z.object({
      status: z.enum(['ok', 'replica']).meta({
        description: 'replica: the booking service did not answer, its newest copy here did',
      }),
    }),
    google: z.object({ status: googleFreshness, syncedAt: timestamp.nullable() }),
  }),
  quote,
  reasons: z
    .array(z.object({ code: z.string(), message: z.string() }))
    .meta({ description: 'rules of the chalet the stay breaks, such as its minimum of nights' }),
});
export type Availability = z.infer<typeof availability>;

export const calendarDay = z.object({
  date: civilDate,
  available: z.boolean(),
  reason: z.enum(['booked', 'held', 'external', 'past', 'archived']).optional(),
});

export const maxRangeDays = 400;
export const availabilityQuery = withRangeRule(z.object(dateRange), maxRangeDays);
/** Without `guests` a stay is quoted for those that the nightly rate includes. */
const guests = z.coerce.number().int().min(1).max(100).optional();
export const availabilityCheckQuery = withRangeRule(z.object({ ...dateRange, guests }), maxRangeDays);
export const availabilitySearchQuery = withRangeRule(
  z.object({
    ...dateRange,
    guests,
    establishmentId: id.optional(),
    ...page,
  }),
  maxRangeDays,
);

export const availableChalet = z.object({ chalet: chalet.omit({ createdAt: true, updatedAt: true }), quote });

const deadlineMs = 3_000;

export const availabilityRequests = {
  check: defineRequest({
    subject: 'svc.availability.check',
    input: withRangeRule(z.object({ chaletId: id, ...dateRange, guests }), maxRangeDays),
    output: availability,
    deadlineMs,
  }),
  calendar: defineRequest({
    subject: 'svc.availability.calendar',
    input: withRangeRule(z.object({ chaletId: id, ...dateRange }), maxRangeDays),
    output: z.object({ items: z.array(calendarDay), nextCursor: z.null() }),
    deadlineMs,
  }),
  search: defineRequest({
    subject: 'svc.availability.search',
    input: availabilitySearchQuery,
    output: z.object({ items: z.array(availableChalet), nextCursor: z.string().nullable() }),
    deadlineMs,
  }),
};
