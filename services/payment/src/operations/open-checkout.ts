import {
  type Actor,
  type BookingSnapshot,
  bookingRequests,
  type checkout,
  mayManage,
  type Result,
  refuse,
} from '@monde-sauvage/contracts';
import { request } from '@monde-sauvage/messaging';
import type { z } from 'zod';
import { keepBooking } from '../booking-copy.ts';
import { buildCheckoutParams, holdUntil, sessionExpiry } from '../checkout-session.ts';
import { inTransaction, type PaymentContext } from '../context.ts';
import { holdsMoney, type Payment } from '../payment.ts';
import { findPayment, toPayment } from '../payment-store.ts';
import { classify, expireSession, isAboutEmail, isTooSmall, orUnavailable, whileGuestWaits } from '../stripe-client.ts';
import { openSession } from './open-session.ts';
import { syncPayment } from './sync-payment.ts';

type Checkout = z.input<typeof checkout>;
type PricedBooking = BookingSnapshot & { price: NonNullable<BookingSnapshot['price']> };

const notFound = refuse('not_found', 'There is no such booking.');
const closed = (message: string) => refuse('not_pending', message);
const unpayable = (message: string) => refuse('validation_failed', message, [{ path: 'price.total', message }]);

/**
 * Opens a Checkout Session for a pending booking, or gives the open one. What is owed is asked of the booking service,
 * the hold is extended to the session's end, and only then is the page given out.
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
  if (!isPayable(booking, now)) return closed('This booking is not waiting for a payment.');
  if (booking.price.total === 0) return unpayable('This booking costs nothing; there is nothing to pay.');
  await inTransaction(context.db, tx => keepBooking(tx, booking));

  // A session can close between two looks at it; then there is a new attempt.
  let email = booking.customer.email;
  for (let tries = 0; tries < 3; tries += 1) {
    const payment = await findOrStartAttempt(context, booking, email);
    if (payment === 'paid') return closed('This booking is paid already.');
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

const isPayable = (booking: BookingSnapshot, now: Date): booking is PricedBooking =>
  booking.status === 'pending' &&
  booking.price !== null &&
  (booking.holdExpiresAt === null || new Date(booking.holdExpiresAt) > now);

/** The booking's open attempt, or a new one. A partial unique index lets two requests at once share one. */
async function findOrStartAttempt(
  context: PaymentContext,
  booking: PricedBooking,
  email: string | null,
): Promise<Payment | 'paid'> {
  const rows = await context.db.payment.findMany({ where: { bookingId: booking.id } });
  const payments = rows.map(toPayment);
  if (payments.some(holdsMoney)) return 'paid';
  const open = payments.find(payment => payment.status === 'open');
  if (open) return open;
  const chalet = await context.db.chalet.findUnique({ where: { id: booking.chaletId } });
  const id = context.newId();
  const at = context.now();
  const expiresAt = sessionExpiry(at, booking.holdExpiresAt === null ? null : new Date(booking.holdExpiresAt));
  const params = buildCheckoutParams({
    bookingId: booking.id,
    paymentId: id,
    reference: booking.reference,
    chaletName: chalet?.name ?? null,
    price: booking.price,
    customerEmail: email,
    locale: booking.locale,
    expiresAt,
    publicUrl: context.config.PUBLIC_URL,
  });
  // Looked at again in two minutes, should this process end before the session is stored.
  const nextCheckAt = new Date(at.getTime() + 120_000);
  await context.db.$executeRaw`
    INSERT INTO payments (id, booking_id, establishment_id, attempt, status, session_status, amount, currency,
                          session_params, expires_at, next_check_at, created_at, updated_at)
    SELECT ${id}::uuid, ${booking.id}::uuid, ${booking.establishmentId}::uuid, coalesce(max(attempt), 0) + 1, 'open',
           'opening', ${booking.price.total}, ${booking.price.currency}, ${JSON.stringify(params)}::jsonb,
           ${expiresAt}::timestamptz, ${nextCheckAt}::timestamptz, ${at}::timestamptz, ${at}::timestamptz
      FROM payments WHERE booking_id = ${booking.id}::uuid
    ON CONFLICT DO NOTHING`;
  const started = await context.db.payment.findFirst({ where: { bookingId: booking.id, status: 'open' } });
  return started ? toPayment(started) : findOrStartAttempt(context, booking, email);
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
  const until = holdUntil(expiresAt).toISOString();
  const extension = { bookingId, until, paymentId: o.payment.id };
  const held = await request(context.nc, bookingRequests.extendHold, extension, { requestId: o.requestId });
  if (held.ok) return { ok: true, value: { checkoutUrl: o.url, expiresAt: expiresAt.toISOString() } };
  const { checkoutSessionId } = await findPayment(context.db, o.payment.id);
  await orUnavailable(async () => {
    if (checkoutSessionId !== null) await expireSession(context.stripe, checkoutSessionId, whileGuestWaits);
    await syncPayment(context, o.payment.id, whileGuestWaits);
  });
  return held.refusal.code === 'not_pending' ? held : closed('This booking is not waiting for a payment.');
}
