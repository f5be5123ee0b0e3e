import type { Context } from './context.ts';

/** Gauges of what waits, asked from the database when metrics are read: the same numbers from every replica. */
export function measureWaiting(context: Pick<Context, 'db' | 'metrics'>): void {
  const { db, metrics } = context;
  metrics.gauge('mirrors', 'Mirrors of bookings, by state', ['state'], async gauge => {
    const rows = await db.mirror.groupBy({ by: ['state'], _count: true });
    gauge.reset();
    for (const { state, _count } of rows) gauge.set({ state }, _count);
  });
  metrics.gauge('mirrors_oldest_due_seconds', 'How long the oldest mirror that is due has waited', [], async gauge => {
    const rows = await db.$queryRaw<{ age: number }[]>`
      SELECT coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0)::float8 AS age
        FROM mirrors WHERE next_attempt_at <= now()`;
    gauge.set(Math.max(0, rows[0]?.age ?? 0));
  });
  metrics.gauge(
    'cancellations_oldest_seconds',
    'How long the oldest decision to cancel is not done',
    [],
    async gauge => {
      const { _min } = await db.driftDecision.aggregate({ where: { status: 'cancelling' }, _min: { decidedAt: true } });
      gauge.set(_min.decidedAt === null ? 0 : Math.max(0, (Date.now() - _min.decidedAt.getTime()) / 1_000));
    },
  );
  metrics.gauge('left_mirrors', 'Events of ours left in calendars out of reach, by reason', ['reason'], async gauge => {
    const rows = await db.leftMirror.groupBy({ by: ['reason'], _count: true });
    gauge.reset();
    for (const { reason, _count } of rows) gauge.set({ reason }, _count);
  });
  metrics.gauge('calendars', 'Chosen calendars, by status', ['status'], async gauge => {
    const rows = await db.calendar.groupBy({ by: ['status'], _count: true });
    gauge.reset();
    for (const { status, _count } of rows) gauge.set({ status }, _count);
  });
  metrics.gauge('calendars_not_watched', 'Chosen calendars that Google refused to push for', [], async gauge => {
    gauge.set(await db.calendar.count({ where: { watchError: { not: null } } }));
  });
}
