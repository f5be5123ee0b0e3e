import type { Refusal, Result, Stay } from '@monde-sauvage/contracts';
import { civilDateToDb, transactionLimits, withRetries } from '@monde-sauvage/persistence';
import type { BookingRecord, Change, Decision } from './booking.ts';
import { type EventOrigin, fromRow, toSavedChange } from './booking-rows.ts';
import { settleConflicts } from './conflicts.ts';
import type { BookingContext, Origin } from './context.ts';
import type { Prisma } from './generated/prisma/client.ts';

export type Tx = Prisma.TransactionClient;

/** A chalet whose row lock this transaction holds. Every change of its bookings happens under it. */
export interface LockedChalet {
  id: string;
  establishmentId: string;
  timezone: string;
  locale: string;
  archived: boolean;
}

const transaction = { isolationLevel: 'ReadCommitted', ...transactionLimits } as const;

/** Runs a transaction, again after a serialization failure or a lost connection, and tells the relay. */
export async function inTransaction<T>(ctx: BookingContext, run: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await withRetries(() => ctx.prisma.$transaction(run, transaction), { deadlocks: true });
  ctx.nudgeRelay();
  return result;
}

/**
 * Locks a chalet. NO KEY UPDATE is enough to keep writers apart and lets foreign keys be checked meanwhile. Statements
 * that follow see everything that was committed before.
 */
export async function lockChalet(tx: Tx, chaletId: string): Promise<LockedChalet | undefined> {
  const [chalet] = await tx.$queryRaw<LockedChalet[]>`
    SELECT c.id, c.establishment_id AS "establishmentId", e.timezone, e.locale,
           c.archived_at IS NOT NULL AS archived
    FROM chalets c JOIN establishments e ON e.id = c.establishment_id
    WHERE c.id = ${chaletId}::uuid
    FOR NO KEY UPDATE OF c`;
  return chalet;
}

/** Locks the chalet of a booking; undefined when there is no such booking. A booking never changes its chalet. */
async function lockChaletOf(tx: Tx, bookingId: string): Promise<LockedChalet | undefined> {
  const booking = await tx.booking.findUnique({ where: { id: bookingId }, select: { chaletId: true } });
  return booking ? lockChalet(tx, booking.chaletId) : undefined;
}

/**
 * Changes one booking as `decide` says, under its chalet's lock, in one commit with audit trail and event.
 * @returns the booking as it is afterwards, changed or not; `not_found`; or the decision's refusal
 */
export async function changeBooking(
  ctx: BookingContext,
  o: { bookingId: string; at: Date } & Origin,
  decide: (booking: BookingRecord, chalet: LockedChalet, tx: Tx) => Promise<Decision> | Decision,
): Promise<Result<BookingRecord>> {
  return inTransaction(ctx, async tx => {
    const chalet = await lockChaletOf(tx, o.bookingId);
    const before = chalet && (await tx.booking.findUnique({ where: { id: o.bookingId } }));
    if (!chalet || !before) return bookingNotFound();
    const booking = fromRow(before);
    const decision = await decide(booking, chalet, tx);
    switch (decision.kind) {
      case 'refused':
        return { ok: false, refusal: decision.refusal };
      case 'unchanged':
        return { ok: true, value: booking };
      case 'changed': {
        const { change } = decision;
        // Only a contested booking can leave somebody's conflict flag behind when it goes.
        const changes = booking.conflict ? await withConflicts(tx, [booking], [change], o.at) : [change];
        await saveChanges(tx, changes, { newId: ctx.newId, traceparent: o.traceparent });
        return { ok: true, value: changes[0]?.booking ?? change.booking };
      }
      default:
        return decision satisfies never;
    }
  });
}

export const noSuchBooking: Refusal = { code: 'not_found', message: 'There is no such booking.' };
export const bookingNotFound = (): Result<never> => ({ ok: false, refusal: noSuchBooking });

/** Adds to changes of one chalet what they do to conflict flags. */
export async function withConflicts(
  tx: Tx,
  before: readonly BookingRecord[],
  changes: readonly Change[],
  at: Date,
): Promise<Change[]> {
  const stays = [...before, ...changes.map(change => change.booking)];
  const [chaletId] = stays.map(stay => stay.chaletId);
  if (chaletId === undefined) return [];
  const range = hull(stays);
  const touching = await findActive(tx, chaletId, range);
  const around = hull([range, ...touching]);
  const active =
    around.startDate === range.startDate && around.endDate === range.endDate
      ? touching
      : await findActive(tx, chaletId, around);
  return settleConflicts(active, changes, range, { at });
}

const hull = (stays: readonly Stay[]): Stay => ({
  startDate: stays.map(stay => stay.startDate).reduce((a, b) => (a < b ? a : b)),
  endDate: stays.map(stay => stay.endDate).reduce((a, b) => (a > b ? a : b)),
});

/** Rows of a chalet that take nights of a stay. */
export const takesNightsOf = (chaletId: string, stay: Stay) =>
  ({
    chaletId,
    status: { not: 'cancelled' },
    startDate: { lt: civilDateToDb(stay.endDate) },
    endDate: { gt: civilDateToDb(stay.startDate) },
  }) satisfies Prisma.BookingWhereInput;

/** The bookings of a chalet that take nights of a stay. */
export async function findActive(tx: Tx, chaletId: string, stay: Stay): Promise<BookingRecord[]> {
  return (await tx.booking.findMany({ where: takesNightsOf(chaletId, stay) })).map(fromRow);
}

/** Writes new versions with their audit entries and events, in one statement. The caller holds the chalet's lock. */
export async function saveChanges(tx: Tx, changes: readonly Change[], origin: EventOrigin): Promise<void> {
  if (changes.length === 0) return;
  const json = JSON.stringify(changes.map(change => toSavedChange(change, origin)));
  await tx.$queryRaw`SELECT 1 FROM save_bookings(${json}::jsonb)`;
}
