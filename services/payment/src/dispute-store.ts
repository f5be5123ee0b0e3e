import type { Transaction } from './context.ts';
import type { StripeDisputeState } from './dispute.ts';
import type { Payment } from './payment.ts';

/** Takes over what Stripe says of a payment's disputes; the caller holds `lockPayments`. */
export async function recordDisputes(
  tx: Transaction,
  o: { payment: Payment; disputes: StripeDisputeState[]; at: Date },
): Promise<void> {
  const { id: paymentId, bookingId, establishmentId } = o.payment;
  for (const { id, movements, ...told } of o.disputes) {
    const data = { ...told, updatedAt: o.at };
    await tx.dispute.upsert({
      where: { id },
      create: { id, paymentId, bookingId, establishmentId, ...data },
      update: data,
    });
  }
}
