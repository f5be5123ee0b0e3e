import {
  type Actor,
  dateInZone,
  decodeCursor,
  mayManage,
  pageOfRows,
  type Result,
  refuse,
  type Stay,
} from '@monde-sauvage/contracts';
import { civilDateFromDb, civilDateToDb } from '@monde-sauvage/persistence';
import { z } from 'zod';
import type { BookingRecord, HistoryEntry } from './booking.ts';
import { fromRow, toBooking, toSnapshot } from './booking-rows.ts';
import { bookingNotFound, takesNightsOf } from './booking-store.ts';
import { describeCancellation, maySee } from './cancellation.ts';
import type { Booking as BookingRow, Prisma, PrismaClient } from './generated/prisma/client.ts';

const mostRows = 1_000;

/** A booking with what cancelling it today, on the establishment's calendar, would give back. */
export async function getBooking(prisma: PrismaClient, o: { actor: Actor; bookingId: string; now: Date }) {
  const booking = await findVisible(prisma, o);
  if (!booking.ok) return booking;
  const { timezone } = await prisma.establishment.findUniqueOrThrow({
    where: { id: booking.value.establishmentId },
    select: { timezone: true },
  });
  const cancellation = describeCancellation(booking.value, dateInZone(o.now, timezone));
  return { ok: true as const, value: { ...toBooking(booking.value), cancellation } };
}

export async function getSnapshot(prisma: PrismaClient, o: { bookingId: string }) {
  const row = await prisma.booking.findUnique({ where: { id: o.bookingId } });
  return row ? { ok: true as const, value: toSnapshot(fromRow(row)) } : bookingNotFound();
}

/** Somebody else's booking is not there, rather than forbidden. */
async function findVisible(
  prisma: PrismaClient,
  o: { actor: Actor; bookingId: string },
): Promise<Result<BookingRecord>> {
  const row = await prisma.booking.findUnique({ where: { id: o.bookingId } });
  return row && maySee(o.actor, row) ? { ok: true, value: fromRow(row) } : bookingNotFound();
}

const listPosition = z.tuple([z.iso.date(), z.uuid()]);

interface BookingFilter {
  establishmentId: string;
  from?: string | undefined;
  to?: string | undefined;
  status?: BookingRow['status'] | undefined;
  source?: BookingRow['source'] | undefined;
  chaletId?: string | undefined;
  conflict?: 'true' | 'false' | undefined;
}

/** An establishment's bookings by arrival; `from` and `to` select the stays that touch that range. */
export async function listBookings(
  prisma: PrismaClient,
  o: BookingFilter & { actor: Actor; limit: number; cursor?: string | undefined },
) {
  const establishment = await prisma.establishment.findUnique({ where: { id: o.establishmentId } });
  if (!establishment || !mayManage(o.actor, o.establishmentId)) {
    return refuse('not_found', 'There is no such establishment.');
  }
  const cursor = decodeCursor(listPosition, o.cursor);
  if (!cursor.ok) return cursor;
  const rows = await prisma.booking.findMany({
    where: { AND: [matching(o), cursor.value ? after(cursor.value) : {}] },
    orderBy: [{ startDate: 'asc' }, { id: 'asc' }],
    take: o.limit + 1,
  });
  const value = pageOfRows(rows, o.limit, {
    item: row => toBooking(fromRow(row)),
    position: row => [civilDateFromDb(row.startDate), row.id],
  });
  return { ok: true as const, value };
}

const matching = (filter: BookingFilter): Prisma.BookingWhereInput => ({
  establishmentId: filter.establishmentId,
  ...(filter.status === undefined ? {} : { status: filter.status }),
  ...(filter.source === undefined ? {} : { source: filter.source }),
  ...(filter.chaletId === undefined ? {} : { chaletId: filter.chaletId }),
  ...(filter.conflict === undefined ? {} : { conflict: filter.conflict === 'true' }),
  ...(filter.to === undefined ? {} : { startDate: { lt: civilDateToDb(filter.to) } }),
  ...(filter.from === undefined ? {} : { endDate: { gt: civilDateToDb(filter.from) } }),
});

/** `>=` on the date lets the index find the place; the rest of it is the tie break. */
const after = ([startDate, id]: z.output<typeof listPosition>): Prisma.BookingWhereInput => ({
  startDate: { gte: civilDateToDb(startDate) },
  OR: [{ startDate: { gt: civilDateToDb(startDate) } }, { id: { gt: id } }],
});

/** Everything that takes nights of a chalet in a range, with names, for its owner. */
export async function getSchedule(
  prisma: PrismaClient,
  o: { actor: Actor; chaletId: string; from: string; to: string },
) {
  const chalet = await prisma.chalet.findUnique({ where: { id: o.chaletId } });
  if (!chalet || !mayManage(o.actor, chalet.establishmentId)) return refuse('not_found', 'There is no such chalet.');
  const rows = await prisma.booking.findMany({
    where: takesNightsOf(o.chaletId, { startDate: o.from, endDate: o.to }),
    orderBy: [{ startDate: 'asc' }, { id: 'asc' }],
    take: mostRows,
  });
  return { ok: true as const, value: { items: rows.map(row => toBooking(fromRow(row))) } };
}

/** What takes nights of a chalet, nothing personal. A hold that is over does not count, released already or not. */
export async function findOverlaps(prisma: PrismaClient, o: { chaletId: string; from: string; to: string; now: Date }) {
  const stay: Stay = { startDate: o.from, endDate: o.to };
  const rows = await prisma.booking.findMany({
    where: {
      ...takesNightsOf(o.chaletId, stay),
      NOT: { status: 'pending', holdExpiresAt: { lte: o.now } },
    },
    select: { id: true, startDate: true, endDate: true, source: true, status: true, googleEventId: true },
    orderBy: [{ startDate: 'asc' }, { id: 'asc' }],
    take: mostRows,
  });
  const items = rows.map(({ id, startDate, endDate, ...rest }) => ({
    bookingId: id,
    startDate: civilDateFromDb(startDate),
    endDate: civilDateFromDb(endDate),
    ...rest,
  }));
  return { ok: true as const, value: { items } };
}

const historyPosition = z.tuple([z.int32(), z.uuid()]);
const changesColumn = z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() }));
const byColumn = z.enum(['guest', 'owner', 'admin', 'payment', 'calendar', 'system']);

/** The audit trail of a booking, oldest first, for who manages it. */
export async function getHistory(
  prisma: PrismaClient,
  o: { actor: Actor; bookingId: string; limit: number; cursor?: string | undefined },
) {
  const booking = await findVisible(prisma, o);
  if (!booking.ok) return booking;
  if (!mayManage(o.actor, booking.value.establishmentId)) return bookingNotFound();
  const cursor = decodeCursor(historyPosition, o.cursor);
  if (!cursor.ok) return cursor;
  const [version, id] = cursor.value ?? [];
  const rows = await prisma.bookingHistory.findMany({
    where: {
      bookingId: o.bookingId,
      ...(version === undefined || id === undefined
        ? {}
        : { version: { gte: version }, OR: [{ version: { gt: version } }, { id: { gt: id } }] }),
    },
    orderBy: [{ version: 'asc' }, { id: 'asc' }],
    take: o.limit + 1,
  });
  const value = pageOfRows(rows, o.limit, {
    item: (row): HistoryEntry => ({
      version: row.version,
      at: row.at.toISOString(),
      by: byColumn.parse(row.by),
      action: row.action,
      reason: row.reason,
      changes: changesColumn.parse(row.changes),
    }),
    position: row => [row.version, row.id],
  });
  return { ok: true as const, value };
}
