import type { PaymentContext } from './context.ts';

/** What an operator must see: work that waits, since when, and what needs a person. Read when it is asked for. */
export function watchWork({ db, metrics, now }: PaymentContext): void {
  const watch = (name: string, help: string, read: () => Promise<number>) =>
    metrics.gauge(name, help, [], async gauge => gauge.set(await read().catch(unknown)));

  watch('stripe_events_waiting', 'Stored events of Stripe not processed yet', () =>
    db.stripeEvent.count({ where: { processedAt: null } }),
  );
  watch('stripe_events_oldest_seconds', 'Age of the oldest event not processed yet', async () => {
    const { _min } = await db.stripeEvent.aggregate({ where: { processedAt: null }, _min: { receivedAt: true } });
    return _min.receivedAt === null ? 0 : (now().getTime() - _min.receivedAt.getTime()) / 1000;
  });
  watch('payments_in_review', 'Payments that a person must look at', () =>
    db.payment.count({ where: { needsReview: true } }),
  );
  // Only what will be looked at again: the index over it keeps the count cheap.
  watch('payment_checks_failing', 'Payments that could not be looked up at Stripe at the last try', () =>
    db.payment.count({ where: { nextCheckAt: { not: null }, lastError: { not: null } } }),
  );
  watch('stripe_events_in_review', 'Events of Stripe that fit no payment of ours', () =>
    db.stripeEvent.count({ where: { outcome: 'needs_review' } }),
  );
  metrics.gauge('refunds', 'Refunds by state', ['status'], async gauge => {
    for (const status of ['requested', 'pending', 'failed']) {
      gauge.set({ status }, await db.refund.count({ where: { status } }).catch(unknown));
    }
  });
}

/** The rest of the metrics must still be readable while the database is away; an error here would end the process. */
const unknown = () => Number.NaN;
