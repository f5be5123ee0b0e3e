import { z } from 'zod';
import type { Databases } from './databases.ts';
import { endingFrom, type Finding, type Look, notOverFrom } from './look.ts';

/** How long each kind of work may wait before it counts as stuck, in seconds. */
export interface Limits {
  outbox: number;
  hold: number;
  /** A hold with an open Checkout is settled at Stripe first, which is given this long. */
  holdInCheckout: number;
  mirror: number;
  calendarSync: number;
  payment: number;
  refund: number;
  stripeEvent: number;
  deadLetter: number;
}

/** For a system at work: several times what each takes when everything answers, leases and retries included. */
export const liveLimits: Limits = {
  outbox: 60,
  hold: 120,
  holdInCheckout: 20 * 60,
  mirror: 120,
  calendarSync: 600,
  payment: 600,
  refund: 600,
  stripeEvent: 600,
  deadLetter: 0,
};

/** For a system that has come to rest. */
export const restLimits: Limits = {
  outbox: 0,
  hold: 0,
  holdInCheckout: 0,
  mirror: 0,
  calendarSync: 0,
  payment: 0,
  refund: 0,
  stripeEvent: 0,
  deadLetter: 0,
};

interface Kind {
  service: keyof Databases;
  limit: keyof Limits;
  what: string;
  /** Selects `id` and `since`; $1 is the moment before which `since` is too long ago. Further values: `values`. */
  sql: string;
  values?: (look: Look) => unknown[];
}

/** Longer lists are counted, not read. */
const most = 1_000;

const everywhere: Kind[] = (['booking', 'calendar-sync', 'payment'] as const).map(service => ({
  service,
  limit: 'outbox' as const,
  what: `event in the outbox of ${service} is not published`,
  sql: 'SELECT id, created_at AS since FROM outbox WHERE published_at IS NULL AND created_at < $1 ORDER BY created_at',
}));

const deadLetters: Kind[] = (['booking', 'availability', 'calendar-sync', 'payment'] as const).map(service => ({
  service,
  limit: 'deadLetter' as const,
  what: `dead letter of ${service} was not replayed`,
  sql: 'SELECT id, created_at AS since FROM dead_letters WHERE replayed_at IS NULL AND created_at < $1 ORDER BY created_at',
}));

const kinds: Kind[] = [
  ...everywhere,
  ...deadLetters,
  {
    service: 'booking',
    limit: 'hold',
    what: 'hold is over and was not released: booking',
    sql: `SELECT id, hold_expires_at AS since FROM bookings
          WHERE status = 'pending' AND hold_expires_at < $1 AND checkout_open_until IS NULL ORDER BY since`,
  },
  {
    service: 'calendar-sync',
    limit: 'mirror',
    what: 'mirror is due and nobody writes it: booking',
    sql: 'SELECT booking_id AS id, next_attempt_at AS since FROM mirrors WHERE next_attempt_at < $1 ORDER BY since',
  },
  {
    service: 'calendar-sync',
    limit: 'mirror',
    what: 'mirror is not synced, for no stated reason: booking',
    // One without a calendar waits for it; one of a stay that is over is not made again.
    sql: `SELECT m.booking_id AS id, m.updated_at AS since
          FROM mirrors m LEFT JOIN calendars c ON c.chalet_id = m.chalet_id
          WHERE m.updated_at < $1 AND m.end_date >= $2 AND m.last_error IS NULL
            AND (m.state IN ('blocked', 'failed')
              OR m.state = 'wanted' AND (m.place_event_id IS NOT NULL OR c.chalet_id IS NOT NULL AND m.end_date >= $3)
              OR m.drift IS NOT NULL AND m.next_attempt_at IS NULL)
          ORDER BY since`,
    values: look => [endingFrom(look), notOverFrom(look)],
  },
  {
    service: 'calendar-sync',
    limit: 'mirror',
    what: 'booking is not cancelled as its owner decided, for no stated reason: booking',
    sql: `SELECT booking_id AS id, decided_at AS since FROM drift_decisions
          WHERE status = 'cancelling' AND decided_at < $1 AND problem IS NULL ORDER BY since`,
  },
  {
    service: 'calendar-sync',
    limit: 'calendarSync',
    what: 'calendar is due to be read: chalet',
    sql: `SELECT chalet_id AS id, next_sync_at AS since FROM calendars
          WHERE next_sync_at < $1 AND reason IS NULL ORDER BY since`,
  },
  {
    service: 'payment',
    limit: 'payment',
    what: 'payment is due to be looked up at Stripe',
    sql: 'SELECT id, next_check_at AS since FROM payments WHERE next_check_at < $1 ORDER BY since',
  },
  {
    service: 'payment',
    limit: 'payment',
    what: 'payment is open past its deadline',
    // A slow method that is under way says so by a complete session; a failing call to Stripe by its error.
    sql: `SELECT id, expires_at AS since FROM payments
          WHERE status = 'open' AND session_status <> 'complete' AND expires_at < $1
            AND (next_check_at IS NULL OR last_error IS NULL) ORDER BY since`,
  },
  {
    service: 'payment',
    limit: 'refund',
    what: 'refund is due',
    sql: 'SELECT id, next_attempt_at AS since FROM refunds WHERE next_attempt_at < $1 ORDER BY since',
  },
  {
    service: 'payment',
    limit: 'refund',
    what: 'refund has not ended and nobody follows it',
    sql: `SELECT id, updated_at AS since FROM refunds
          WHERE status IN ('requested', 'pending') AND next_attempt_at IS NULL AND updated_at < $1 ORDER BY since`,
  },
  {
    service: 'payment',
    limit: 'stripeEvent',
    what: "Stripe's event is not processed",
    sql: `SELECT id, next_attempt_at AS since FROM stripe_events
          WHERE processed_at IS NULL AND next_attempt_at < $1 ORDER BY since`,
  },
];

const waiting = z.object({ id: z.string(), since: z.date() });
type Waiting = z.output<typeof waiting>;

/** F: nothing waits longer than its limit without a stated reason. */
export async function checkNothingStuck(look: Look): Promise<Finding> {
  const violations: string[] = [];
  for (const kind of kinds) {
    const values = [before(look, kind.limit), ...(kind.values?.(look) ?? [])];
    const stuck = await look.databases[kind.service].rows(waiting, `${kind.sql} LIMIT ${most}`, values);
    violations.push(...stuck.map(row => describe(kind.what, row)));
  }
  const holds = await findHoldsInCheckout(look);
  violations.push(...holds.map(row => describe('hold is over and its Checkout was not settled: booking', row)));
  return {
    invariant: 'F',
    promise: 'nothing is stuck',
    looked: describeLimits(look.limits),
    violations,
  };
}

/** `outbox 60 s, hold 120 s …`, or that nothing may wait at all. */
function describeLimits(limits: Limits): string {
  const entries = Object.entries(limits).map(([kind, seconds]) => `${kind} ${seconds} s`);
  return Object.values(limits).every(seconds => seconds === 0) ? 'nothing may wait' : `limits: ${entries.join(', ')}`;
}

const before = (look: Look, limit: keyof Limits): Date => new Date(look.now.getTime() - look.limits[limit] * 1_000);

const describe = (what: string, row: Waiting): string => `${what} ${row.id}, since ${row.since.toISOString()}`;

/** A payment by a slow method may take days: its hold is kept for a reason. */
async function findHoldsInCheckout(look: Look): Promise<Waiting[]> {
  const { booking, payment } = look.databases;
  const over = await booking.rows(
    waiting,
    `SELECT id, hold_expires_at AS since FROM bookings
     WHERE status = 'pending' AND hold_expires_at < $1 AND checkout_open_until IS NOT NULL
     ORDER BY since LIMIT ${most}`,
    [before(look, 'holdInCheckout')],
  );
  if (over.length === 0) return [];
  const underWay = await payment.rows(
    z.object({ id: z.string() }),
    `SELECT booking_id AS id FROM payments
     WHERE booking_id = ANY($1::uuid[]) AND status = 'open' AND session_status = 'complete'`,
    [over.map(row => row.id)],
  );
  const kept = new Set(underWay.map(row => row.id));
  return over.filter(row => !kept.has(row.id));
}
