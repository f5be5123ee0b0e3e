import type { Clock, Metrics } from '@monde-sauvage/service-kit';
import type { PrismaClient } from './generated/prisma/client.ts';

/** Gauges of waiting work, read from the database when metrics are asked for. */
export function watchBacklog(metrics: Metrics, prisma: PrismaClient, now: Clock): void {
  metrics.gauge('booking_conflicts', 'Active bookings that are flagged as a conflict', [], async gauge => {
    gauge.set(await prisma.booking.count({ where: { conflict: true, status: { not: 'cancelled' } } }).catch(unknown));
  });
  metrics.gauge(
    'booking_holds_overdue_seconds',
    'Age of the oldest hold that is over and not released',
    [],
    async gauge => {
      const oldest = await prisma.booking
        .findFirst({ where: { status: 'pending' }, orderBy: { holdExpiresAt: 'asc' }, select: { holdExpiresAt: true } })
        .catch(() => undefined);
      if (oldest === undefined) return gauge.set(Number.NaN);
      const overdueMs = oldest?.holdExpiresAt ? now().getTime() - oldest.holdExpiresAt.getTime() : 0;
      gauge.set(Math.max(0, overdueMs / 1000));
    },
  );
}

/** The rest of the metrics must still be readable while the database is away. */
const unknown = () => Number.NaN;
