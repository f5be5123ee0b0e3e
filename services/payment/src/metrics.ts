import type { PaymentContext } from './context.ts';

/** What an operator must see: work that waits, since when, and what needs a person. Read when it is asked for. */
export function watchWork({ db, metrics, now }: PaymentContext): void {
  metrics.gauge('stripe_events_waiting', 'Stored events of Stripe not processed yet', [], async gauge =>
    gauge.set(await db.stripeEvent.count({ where: { processedAt: null } })),
  );
  metrics.gauge('stripe_events_oldest_seconds', 'Age of the oldest event not processed yet', [], async gauge => {
    const { _min } = await db.stripeEvent.aggregate({ where: { processedAt: null }, _min: { receivedAt: true } });
    gauge.set(_min.receivedAt === null ? 0 : (now().getTime() - _min.receivedAt.getTime()) / 1000);
  });
  metrics.gauge('payments_in_review', 'Payments that a person must look at', [], async gauge =>
    gauge.set(await db.payment.count({ where: { needsReview: true } })),
  );
  metrics.gauge(
    'payment_checks_failing',
    'Payments that could not be looked up at Stripe at the last try',
    [],
    async gauge => gauge.set(await db.payment.count({ where: { lastError: { not: null } } })),
  );
  metrics.gauge('stripe_events_in_review', 'Events of Stripe that fit no payment of ours', [], async gauge =>
    gauge.set(await db.stripeEvent.count({ where: { outcome: 'needs_review' } })),
  );
  metrics.gauge('refunds', 'Refunds by state', ['status'], async gauge => {
    for (const status of ['requested', 'pending', 'failed']) {
      gauge.set({ status }, await db.refund.count({ where: { status } }));
    }
  });
}
