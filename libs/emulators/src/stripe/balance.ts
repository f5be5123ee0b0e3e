import type Stripe from 'stripe';
import { z } from 'zod';
import { noSuch } from './errors.ts';
import type { FormTree } from './form.ts';
import { type List, listPage } from './lists.ts';
import { listParams, parseParams } from './params.ts';
import type { World } from './store.ts';

const categories = {
  charge: 'charge',
  refund: 'refund',
  refund_failure: 'refund_failure',
  dispute: 'dispute',
  dispute_reversal: 'dispute_reversal',
} as const;
export type BalanceCategory = keyof typeof categories;

/** 2.9 % and 30 cents of a charge, 15.00 of a lost dispute: what an account without an agreement pays. */
const feeOf = (category: BalanceCategory, amount: number): number =>
  category === 'charge' ? Math.round(amount * 0.029) + 30 : category === 'dispute' ? 1_500 : 0;

/**
 * Money moves on the account: `amount` in minor units, negative when it leaves. The balance settles in the currency of
 * the charge, so there is no exchange rate.
 */
export function moveBalance(
  world: World,
  category: BalanceCategory,
  o: { amount: number; currency: string; source: string; description?: string | null },
): Stripe.BalanceTransaction {
  const fee = feeOf(category, o.amount);
  const transaction: Stripe.BalanceTransaction = {
    id: world.newId('txn'),
    object: 'balance_transaction',
    amount: o.amount,
    available_on: world.now() + 2 * 24 * 60 * 60,
    balance_type: 'payments',
    created: world.now(),
    currency: o.currency,
    description: o.description ?? null,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [{ amount: fee, application: null, currency: o.currency, description: 'Stripe fees', type: 'stripe_fee' }],
    net: o.amount - fee,
    reporting_category: categories[category],
    source: o.source,
    status: 'pending',
    type: category === 'dispute' || category === 'dispute_reversal' ? 'adjustment' : category,
  };
  world.state.balanceTransactions[transaction.id] = transaction;
  return transaction;
}

const listSchema = z.strictObject({
  ...listParams,
  currency: z.string().optional(),
  source: z.string().optional(),
  type: z.string().optional(),
});

export function listBalanceTransactions(world: World, params: FormTree): List<Stripe.BalanceTransaction> {
  const { currency, source, type, ...page } = parseParams(listSchema, params);
  const matches = Object.values(world.state.balanceTransactions).filter(
    transaction =>
      (currency === undefined || transaction.currency === currency) &&
      (source === undefined || transaction.source === source) &&
      (type === undefined || transaction.type === type),
  );
  return listPage('/v1/balance_transactions', 'balance_transaction', matches, page);
}

export function findBalanceTransaction(world: World, id: string): Stripe.BalanceTransaction {
  const transaction = world.state.balanceTransactions[id];
  if (!transaction) throw noSuch('balance_transaction', id);
  return transaction;
}
