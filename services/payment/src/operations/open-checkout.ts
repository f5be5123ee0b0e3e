import {
  type Actor,
  type BookingSnapshot,
  bookingRequests,
  type checkout,
  establishmentRequests,
  mayManage,
  type Result,
  refuse,
  scheduleOf,
} from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import { mayCancel } from '../balance.ts';
import { keepBooking } from '../booking-copy.ts';
import { buildCheckoutParams, holdUntil, type Owed, sessionExpiry } from '../checkout-session.ts';
import { inTransaction, type PaymentContext } from '../context.ts';
import { holdsMoney, isPaid, type Payment } from '../payment.ts';
import { findPayment, toPayment } from '../payment-store.ts';
import { classify, expireSession, isAboutEmail, isTooSmall, orUnavailable, whileGuestWaits } from '../stripe-client.ts';
import { closeAttempt, openSession } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

type Checkout = z.input<typeof checkout>;
type PricedBooking = BookingSnapshot & { price: NonNullable<BookingSnapshot['price']> };

const notFound = refuse('not_found', 'There is no such booking.');
const closed = (message: string) => refuse('not_pending', message);
const unpayable = (message: string) => refuse('validation_failed', message, [{ path: 'price.total', message }]);

/**
 * Opens a Checkout Session for what is due next (price or deposit of a pending booking, balance of a confirmed one), or
 * gives the open one. What is owed is asked of the booking service, the hold is extended to the session's end, and only then is the page given out.
 * @throws UnavailableError when Stripe or the booking service does not answer; asking again is safe
 */
export async function openCheckout(
  context: PaymentContext,
  { actor, bookingId }: { actor: Actor; bookingId: string },
  requestId: string,
): Promise<Result<Checkout>> {
  if (actor.kind === 'guest' && actor.bookingId !== bookingId) return notFound;
  const answer = await request(context.nc, bookingRequests.getSnapshot, { bookingId }, { requestId });
  if (!answer.ok) return answer;
  const booking = answer.value;
  if (actor.kind !== 'guest' && !mayManage(actor, booking.establishmentId)) return notFound;
  const now = context.now();
  const owed = findOwed(booking, now);
  if (owed === undefined || !isPriced(booking)) return closed('This booking is not waiting for a payment.');
  if (owed.amount === 0) return unpayable('This booking costs nothing; there is nothing to pay.');
  await inTransaction(context.db, tx => keepBooking(tx, booking));
  if (owed.purpose === 'balance' && (await isTooLate(context, booking)))
    return closed('The time to pay the balance is over.');

  // A session can close between two looks at it; then there is a new attempt.
  let email = booking.customer.email;
  for (let tries = 0; tries < 3; tries += 1) {
    const payment = await findOrStartAttempt(context, booking, owed, email);
    if (payment === 'paid') return closed('This is paid already.');
    if (payment.purpose !== owed.purpose) {
      await closeOther(context, payment);
      continue;
    }
    const page = await findPage(context, payment);
    if (page.kind === 'too_small') return unpayable('The amount is too small to be paid by card.');
    if (page.kind === 'under_way') return closed('A payment for this booking is under way.');
    // Asked too late for its own deadline, say: a new attempt asks afresh, but only once.
    if (page.kind === 'refused' && tries > 0) throw page.error;
    // Stripe is stricter about addresses than we are; without one it asks the guest.
    if (page.kind === 'refused' && isAboutEmail(page.error)) email = null;
    if (page.kind === 'open') return offerPage(context, { payment, url: page.url, requestId });
  }
  throw new Error(`no session stays open for booking ${bookingId}`);
}

const isPriced = (booking: BookingSnapshot): booking is PricedBooking => booking.price !== null;

/** The next payment of the frozen schedule: the deposit or all while the nights are held, the balance once confirmed. */
function findOwed(booking: BookingSnapshot, now: Date): Owed | undefined {
  if (booking.price === null) return undefined;
  const schedule = scheduleOf(booking.price);
  const isHeld = booking.holdExpiresAt === null || new Date(booking.holdExpiresAt) > now;
  if (booking.status === 'pending') return isHeld ? schedule[0] : undefined;
  return booking.status === 'confirmed' ? schedule.find(part => part.purpose === 'balance') : undefined;
}

/** A session for another part of the price was left open: one at a time. */
const closeOther = (context: PaymentContext, payment: Payment) =>
  orUnavailable(async () => {
    if (payment.checkoutSessionId === null) return closeAttempt(context, payment, 'not_owed_any_more');
    await expireSession(context.stripe, payment.checkoutSessionId, whileGuestWaits);
    await syncPayment(context, payment.id, whileGuestWaits);
    return undefined;
  });

/** Booking was told to cancel it because the balance was not paid, and still may. */
async function isTooLate(context: PaymentContext, booking: PricedBooking): Promise<boolean> {
  const { establishmentId, startDate: arrival, balanceTerms: terms } = booking;
  const { balanceTold } = await context.db.booking.findUniqueOrThrow({ where: { id: booking.id } });
  if (balanceTold !== 'overdue') return false;
  const found = await request(context.nc, establishmentRequests.getEstablishment, { establishmentId });
  if (!found.ok) throw new Error(`establishment ${establishmentId}: ${found.refusal.message}`);
  return mayCancel({ arrival }, { terms, timezone: found.value.timezone, now: context.now() });
}

/** The booking's open attempt, or a new one. A partial unique index lets two requests at once share one. */
async function findOrStartAttempt(
  context: PaymentContext,
  booking: PricedBooking,
  owed: Owed,
  email: string | null,
): Promise<Payment | 'paid'> {
  const rows = await context.db.payment.findMany({ where: { bookingId: booking.id } });
  const payments = rows.map(toPayment);
  // A refund does not make the balance due again.
  const isBalance = owed.purpose === 'balance';
  if (payments.some(one => (isBalance ? one.purpose === 'balance' && isPaid(one) : holdsMoney(one)))) return 'paid';
  const open = payments.find(payment => payment.status === 'open');
  if (open) return open;
  const chalet = await context.db.chalet.findUnique({ where: { id: booking.chaletId } });
  const id = context.newId();
  const at = context.now();
  const expiresAt = isBalance
    ? sessionExpiry(at, new Date(at.getTime() + 86_400_000))
    : sessionExpiry(at, booking.holdExpiresAt === null ? null : new Date(booking.holdExpiresAt));
  const params = buildCheckoutParams({
    bookingId: booking.id,
    paymentId: id,
    reference: booking.reference,
    chaletName: chalet?.name ?? null,
    price: booking.price,
    owed,
    customerEmail: email,
    locale: booking.locale,
    expiresAt,
    publicUrl: context.config.PUBLIC_URL,
  });
  // Looked at again in two minutes, should this process end before the session is stored.
  const nextCheckAt = new Date(at.getTime() + 120_000);
  await context.db.$executeRaw`
    INSERT INTO payments (id, booking_id, establishment_id, attempt, purpose, status, session_status, amount, currency,
                          session_params, expires_at, next_check_at, created_at, updated_at)
    SELECT ${id}::uuid, ${booking.id}::uuid, ${booking.establishmentId}::uuid, coalesce(max(attempt), 0) + 1,
           ${owed.purpose}, 'open', 'opening', ${owed.amount}, ${booking.price.currency}, ${JSON.stringify(params)}::jsonb,
           ${expiresAt}::timestamptz, ${nextCheckAt}::timestamptz, ${at}::timestamptz, ${at}::timestamptz
      FROM payments WHERE booking_id = ${booking.id}::uuid
    ON CONFLICT DO NOTHING`;
  const started = await context.db.payment.findFirst({ where: { bookingId: booking.id, status: 'open' } });
  await context.passing('attempt noted, no session at Stripe');
  return started ? toPayment(started) : findOrStartAttempt(context, booking, owed, email);
}

type Page =
  | { kind: 'open'; url: string }
  | { kind: 'under_way' | 'closed' | 'too_small' }
  | { kind: 'refused'; error: unknown };

async function findPage(context: PaymentContext, payment: Payment): Promise<Page> {
  return orUnavailable(async () => {
    if (payment.checkoutSessionId === null) {
      try {
        const url = await openSession(context, payment);
        if (url !== undefined) return { kind: 'open', url };
      } catch (error) {
        if (isTooSmall(error)) return { kind: 'too_small' };
        if (classify(error) === 'refused') return { kind: 'refused', error };
        throw error;
      }
    }
    const { payment: current, url } = await syncPayment(context, payment.id, whileGuestWaits);
    if (current.status === 'open' && current.sessionStatus === 'open' && url !== null) return { kind: 'open', url };
    return current.status === 'open' ? { kind: 'under_way' } : { kind: 'closed' };
  });
}

/** Extends the hold to the session's end and gives the page out; closes the session when the hold cannot be extended. */
async function offerPage(
  context: PaymentContext,
  o: { payment: Payment; url: string; requestId: string },
): Promise<Result<Checkout>> {
  const { bookingId, expiresAt } = o.payment;
  const opened = { checkoutUrl: o.url, expiresAt: expiresAt.toISOString() };
  await context.passing('session stored, hold not extended');
  // The nights of a confirmed booking need no hold.
  if (o.payment.purpose === 'balance') return { ok: true, value: opened };
  const until = holdUntil(expiresAt).toISOString();
  const extension = { bookingId, until, paymentId: o.payment.id };
  const held = await request(context.nc, bookingRequests.extendHold, extension, { requestId: o.requestId });
  if (held.ok) return { ok: true, value: opened };
  const { checkoutSessionId } = await findPayment(context.db, o.payment.id);
  await orUnavailable(async () => {
    if (checkoutSessionId !== null) await expireSession(context.stripe, checkoutSessionId, whileGuestWaits);
    await syncPayment(context, o.payment.id, whileGuestWaits);
  });
  return held.refusal.code === 'not_pending' ? held : closed('This booking is not waiting for a payment.');
}
