import type { StripeState } from './payment.ts';

/** The ledger, pure: the movements of money in what Stripe says of one payment. */

export type LedgerKind = 'charge' | 'refund' | 'refund_failed' | 'dispute' | 'dispute_reversed';

export interface LedgerMovement {
  /** The same for the same movement however often it is read; unique over all payments. */
  entryKey: string;
  kind: LedgerKind;
  /** Minor units; negative when it leaves the account. */
  amount: number;
  currency: string;
  /** The charge, refund or dispute. */
  stripeId: string;
  chargeId: string;
  occurredAt: Date;
}

/**
 * Every movement that Stripe tells of: the charge, each refund, the money of each refund that failed coming back, and what
 * disputes took and gave back. It only ever grows as time goes on, so that an append-only table can follow it. It is what moved, whether or
 * not it is what we asked for: a payment of a wrong amount is in it as well.
 * @param o.seenAt when the state was read: Stripe does not say when a refund failed
 */
export function movementsOf(state: StripeState, o: { seenAt: Date }): LedgerMovement[] {
  const { charge } = state;
  if (charge === null) return [];
  const common = { currency: charge.currency, chargeId: charge.id };
  const movements: LedgerMovement[] = [
    {
      ...common,
      entryKey: charge.id,
      kind: 'charge',
      amount: charge.amount,
      stripeId: charge.id,
      occurredAt: charge.at,
    },
  ];
  for (const refund of state.refunds) {
    const made = { ...common, stripeId: refund.id, kind: 'refund', amount: -refund.amount } as const;
    movements.push({ ...made, entryKey: refund.id, occurredAt: refund.at });
    if (refund.status !== 'failed') continue;
    const back = { ...common, stripeId: refund.id, kind: 'refund_failed', amount: refund.amount } as const;
    movements.push({ ...back, entryKey: `${refund.id}:failed`, occurredAt: o.seenAt });
  }
  for (const dispute of state.disputes) {
    for (const { id, amount, at } of dispute.movements) {
      // Zero when all went back before the bank took it: Stripe books a withdrawal of nothing.
      const kind = amount > 0 ? 'dispute_reversed' : 'dispute';
      movements.push({ ...common, entryKey: id, kind, amount, stripeId: dispute.id, occurredAt: at });
    }
  }
  return movements;
}
