import { startWorker } from '@monde-sauvage/service-kit';
import type { PaymentContext } from './context.ts';
import { announceBalances } from './operations/announce-balances.ts';
import { checkPayments } from './operations/check-payments.ts';
import { executeRefunds } from './operations/execute-refunds.ts';
import { forgetStripeEvents } from './operations/forget-stripe-events.ts';
import { processStripeEvents } from './operations/process-stripe-events.ts';
import { reconcile } from './operations/reconcile.ts';
import { tellMoneyAgain } from './operations/tell-money-again.ts';

/** Starts the background work of one replica and ties the context's nudges to it. */
export function startWorkers(context: PaymentContext): {
  reconcileNow(): void;
  announceNow(): void;
  drain(): Promise<void>;
} {
  const { logger, metrics } = context;
  const worker = (name: string, everyMs: number, run: (signal: AbortSignal) => Promise<unknown>) =>
    startWorker({ name, everyMs, run, logger, metrics });

  const events = worker('stripe-events', 1_000, signal => processStripeEvents(context, signal));
  const payments = worker('payment-checks', 5_000, signal => checkPayments(context, signal));
  const refunds = worker('refunds', 2_000, signal => executeRefunds(context, signal));
  const reconciliation = worker('reconciliation', context.config.RECONCILE_INTERVAL_SECONDS * 1000, signal =>
    reconcile(context, signal),
  );
  const money = worker('money-told', context.config.RECONCILE_INTERVAL_SECONDS * 1000, signal =>
    tellMoneyAgain(context, signal),
  );
  const balances = worker('balances', 30_000, signal => announceBalances(context, signal));
  const forgetting = worker('forget-stripe-events', 600_000, () => forgetStripeEvents(context));
  Object.assign(context.nudge, { events: events.nudge, payments: payments.nudge, refunds: refunds.nudge });

  return {
    reconcileNow() {
      for (const one of [reconciliation, events, payments, refunds, money]) one.nudge();
    },
    announceNow: balances.nudge,
    async drain() {
      await Promise.all(
        [events, payments, refunds, reconciliation, money, balances, forgetting].map(one => one.drain()),
      );
    },
  };
}
