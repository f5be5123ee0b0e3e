import { paymentRequests } from '@monde-sauvage/contracts';
import { type EventHandler, handle, on, type RequestHandler } from '@monde-sauvage/messaging';
import { keepChaletName, listenedEvents } from './booking-copy.ts';
import type { PaymentContext } from './context.ts';
import { createRefund } from './operations/create-refund.ts';
import { listDisputes } from './operations/list-disputes.ts';
import { listLedger } from './operations/list-ledger.ts';
import { listRefunds } from './operations/list-refunds.ts';
import { openCheckout } from './operations/open-checkout.ts';
import { receiveWebhook } from './operations/receive-webhook.ts';
import { reconcileNow } from './operations/reconcile.ts';
import { recordBooking } from './operations/record-booking.ts';
import { listReviews, resolveReview } from './operations/reviews.ts';
import { settleHold } from './operations/settle-hold.ts';

/** What this service answers. What it announces (`payment.*`) is written by payment-store.ts. */
export const requestHandlers = (context: PaymentContext): RequestHandler[] => [
  handle(paymentRequests.openCheckout, (input, { requestId }) => openCheckout(context, input, requestId)),
  handle(paymentRequests.settleHold, input => settleHold(context, input)),
  handle(paymentRequests.createRefund, (input, { requestId }) => createRefund(context, input, requestId)),
  handle(paymentRequests.listRefunds, input => listRefunds(context, input)),
  handle(paymentRequests.listLedger, (input, { requestId }) => listLedger(context, input, requestId)),
  handle(paymentRequests.listDisputes, input => listDisputes(context, input)),
  handle(paymentRequests.reconcile, input => reconcileNow(context, input)),
  handle(paymentRequests.listReviews, input => listReviews(context, input)),
  handle(paymentRequests.resolveReview, input => resolveReview(context, input)),
  handle(paymentRequests.receiveWebhook, input => receiveWebhook(context, input)),
];

/** What this service keeps of what booking announces. */
export const eventHandlers = (context: PaymentContext): EventHandler[] => [
  ...listenedEvents.bookings.map(event => on(event, booking => recordBooking(context, booking))),
  ...listenedEvents.chalets.map(event => on(event, chalet => keepChaletName(context.db, chalet))),
];
