import type { Clock, Metrics } from '@monde-sauvage/service-kit';
import type { PrismaClient } from './generated/prisma/client.ts';

/** Gauges of waiting work, read from the database when metrics are asked for. */
export function watchBacklog(metrics: Metrics, prisma: PrismaClient, now: Clock): void {
  metrics.gauge('booking_conflicts', 'Active bookings that are flagged as a conflict', [], async gauge => {
    gauge.set(await countConflicts(prisma).catch(unknown));
  });
  metrics.gauge(
    'booking_holds_overdue_seconds',
    'Age of the oldest hold that is over and not released',
    [],
    async gauge => {
      gauge.set(await oldestHold(prisma).then(end => overdueSeconds(end, now()), unknown));
    },
  );
}

/** A cancelled booking is never flagged. Counted by the partial index over what is. */
export const countConflicts = (prisma: PrismaClient): Promise<number> =>
  prisma.booking.count({ where: { conflict: true } });

/** When the hold that ends first ends. In SQL, because Prisma's way to compare an enum keeps the partial index out. */
export async function oldestHold(prisma: PrismaClient): Promise<Date | null> {
  const [oldest] = await prisma.$queryRaw<{ end: Date | null }[]>`
    SELECT min(hold_expires_at) AS "end" FROM bookings WHERE status = 'pending'`;
  return oldest?.end ?? null;
}

const overdueSeconds = (end: Date | null, now: Date): number =>
  end === null ? 0 : Math.max(0, (now.getTime() - end.getTime()) / 1000);

/** The rest of the metrics must still be readable while the database is away. */
const unknown = () => Number.NaN;
