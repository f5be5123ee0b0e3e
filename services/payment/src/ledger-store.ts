import type { PaymentContext, Transaction } from './context.ts';
import type { Booking } from './generated/prisma/client.ts';
import { movementsOf } from './ledger.ts';
import type { Payment, StripeState } from './payment.ts';

/**
 * Writes down what moved at Stripe and is not in the ledger yet, in the transaction of the payment's change. Each movement
 * has a key of its own, so reading the same state again, or on two replicas, adds nothing.
 */
export async function recordInLedger(
  context: Pick<PaymentContext, 'newId'>,
  tx: Transaction,
  o: { booking: Booking; payment: Payment; state: StripeState; at: Date },
): Promise<void> {
  const { booking, payment } = o;
  const data = movementsOf(o.state, { seenAt: o.at }).map(movement => ({
    ...movement,
    id: context.newId(),
    paymentId: payment.id,
    bookingId: payment.bookingId,
    establishmentId: payment.establishmentId,
    bookingReference: booking.reference,
    recordedAt: o.at,
  }));
  if (data.length > 0) await tx.ledgerEntry.createMany({ data, skipDuplicates: true });
}
