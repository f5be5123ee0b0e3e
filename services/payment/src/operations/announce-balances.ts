import { balanceEvents, balanceTerms, establishmentRequests } from '@monde-sauvage/contracts';
import { outboxRow, request } from '@monde-sauvage/messaging';
import { civilDateFromDb } from '@monde-sauvage/persistence';
import { z } from 'zod';
import { type Balance, type BalanceStage, decideBalance, mayCancel } from '../balance.ts';
import { inTransaction, type PaymentContext, type Transaction } from '../context.ts';
import type { Booking } from '../generated/prisma/client.ts';
import { isPaid, type Payment } from '../payment.ts';
import { lockPayments, toPayment } from '../payment-store.ts';
import { describeStripeError, expireSession } from '../stripe-client.ts';
import { closeAttempt } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

const batch = 10;
const leaseMs = 60_000;
const retryMs = 5_000;
const underWayMs = 3_600_000;
const told = z.enum(['none', 'upcoming', 'due', 'overdue']);

/**
 * Announces balances that come due, are due, or were not paid in time: each stage once, whichever replica finds it, because
 * what was told is noted in the commit that tells it; the last one each day until booking says so.
 * @returns whether there may be more
 */
export async function announceBalances(context: PaymentContext, signal: AbortSignal): Promise<boolean> {
  const now = context.now();
  const lease = new Date(now.getTime() + leaseMs);
  const claimed = await context.db.$queryRaw<{ id: string }[]>`
    UPDATE bookings SET balance_notice_at = ${lease}::timestamptz
     WHERE id IN (SELECT id FROM bookings WHERE balance_notice_at <= ${now}::timestamptz
                   ORDER BY balance_notice_at LIMIT ${batch} FOR UPDATE SKIP LOCKED)
    RETURNING id`;
  await Promise.all(
    claimed.map(({ id: bookingId }) =>
      announceBalance(context, bookingId).catch(error => putOff(context, bookingId, error)),
    ),
  );
  return !signal.aborted && claimed.length === batch;
}

/** Sooner than the lease ends, which is for replicas that died. */
async function putOff(context: PaymentContext, bookingId: string, error: unknown): Promise<void> {
  const reason = describeStripeError(error);
  context.logger.warn({ bookingId, reason }, 'a balance could not be looked at; it will be again');
  const balanceNoticeAt = new Date(context.now().getTime() + retryMs);
  await context.db.booking
    .updateMany({ where: { id: bookingId, balanceNoticeAt: { not: null } }, data: { balanceNoticeAt } })
    .catch(() => undefined); // the database is away: the lease ends by itself
}

async function announceBalance(context: PaymentContext, bookingId: string): Promise<void> {
  const booking = await context.db.booking.findUniqueOrThrow({ where: { id: bookingId }, include: { payments: true } });
  const balance = owedBalance(booking, booking.payments.map(toPayment));
  if (balance === undefined) {
    await context.db.booking.update({ where: { id: bookingId }, data: { balanceNoticeAt: null } });
    return;
  }
  const { establishmentId } = booking;
  const found = await request(context.nc, establishmentRequests.getEstablishment, { establishmentId });
  if (!found.ok) throw new Error(`establishment ${establishmentId}: ${found.refusal.message}`);
  const terms = balanceTerms.nullable().parse(booking.balanceTerms);
  const { timezone } = found.value;
  const decide = ({ balanceTold, heardOverdue: heard }: Booking) =>
    decideBalance(balance, { terms, timezone, told: told.parse(balanceTold), heard, now: context.now() });
  const cancel = mayCancel(balance, { terms, timezone, now: context.now() });
  if (cancel && decide(booking).tell === 'overdue') {
    await closeSessions(context, bookingId);
    await context.passing('balance session closed, overdue not announced');
  }
  const announced = await inTransaction(context.db, async tx => {
    const current = await lockPayments(tx, bookingId);
    if (owedBalance(current.booking, current.payments) === undefined) {
      await tx.booking.update({ where: { id: bookingId }, data: { balanceNoticeAt: null } });
      return undefined;
    }
    const { tell, nextAt } = decide(current.booking);
    // A bank debit is under way: it may yet be paid.
    if (tell === 'overdue' && cancel && current.payments.some(isOpenBalance)) {
      const balanceNoticeAt = new Date(context.now().getTime() + underWayMs);
      await tx.booking.update({ where: { id: bookingId }, data: { balanceNoticeAt } });
      return undefined;
    }
    const data = { balanceNoticeAt: nextAt, ...(tell ? { balanceTold: tell } : {}) };
    await tx.booking.update({ where: { id: bookingId }, data });
    if (tell) await publish(context, tx, { booking, balance, tell, cancel });
    return tell;
  });
  if (announced === undefined) return;
  context.nudge.outbox();
  context.logger.info({ bookingId, stage: announced, cancel }, 'balance announced');
  context.metrics.counter('balance_notices_total', 'Announcements of balances', ['stage']).inc({ stage: announced });
}

/** What a confirmed booking still owes; undefined when it owes nothing, or is not confirmed any more. */
function owedBalance(booking: Booking, payments: readonly Payment[]): Balance | undefined {
  const { status, balanceAmount, balanceDueOn } = booking;
  if (status !== 'confirmed' || balanceAmount === null || balanceDueOn === null) return undefined;
  if (payments.some(payment => payment.purpose === 'balance' && isPaid(payment))) return undefined;
  return { amount: balanceAmount, dueOn: civilDateFromDb(balanceDueOn), arrival: civilDateFromDb(booking.startDate) };
}

const isOpenBalance = (payment: Payment): boolean => payment.purpose === 'balance' && payment.status === 'open';

/** Before booking is told to cancel: nobody may pay any more, and who just did has paid. */
async function closeSessions(context: PaymentContext, bookingId: string): Promise<void> {
  const rows = await context.db.payment.findMany({ where: { bookingId, status: 'open', purpose: 'balance' } });
  for (const payment of rows.map(toPayment)) {
    if (payment.checkoutSessionId === null) await closeAttempt(context, payment, 'balance_overdue');
    else {
      await expireSession(context.stripe, payment.checkoutSessionId);
      await syncPayment(context, payment.id);
    }
  }
}

async function publish(
  context: PaymentContext,
  tx: Transaction,
  o: { booking: Booking; balance: Balance; tell: Exclude<BalanceStage, 'none'>; cancel: boolean },
): Promise<void> {
  const at = context.now();
  const { id: bookingId, establishmentId, currency } = o.booking;
  const { amount, dueOn } = o.balance;
  const notice = { bookingId, establishmentId, amount, dueOn, currency, occurredAt: at.toISOString() };
  const where = { id: context.newId(), aggregateId: bookingId, at };
  const row =
    o.tell === 'overdue'
      ? outboxRow(balanceEvents.balanceOverdue, { ...notice, cancel: o.cancel }, where)
      : outboxRow(balanceEvents.balanceDue, { ...notice, stage: o.tell }, where);
  await tx.outbox.create({ data: row });
}
