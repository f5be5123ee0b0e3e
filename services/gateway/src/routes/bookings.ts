import { bookingRequests, httpRoutes, paymentRequests } from '@monde-sauvage/contracts';
import { sendProblem, sendRefusal } from '../problems.ts';
import { askFor, authorize, custom, type Gateway, guarded, open, type ServedRoute } from '../route.ts';

export const bookingRoutes: ServedRoute[] = [
  open(httpRoutes.createBooking, ({ ask, headers, body }) => {
    const idempotencyKey = headers['Idempotency-Key'];
    return ask(bookingRequests.create, { booking: body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
  }),
  guarded(httpRoutes.getBooking, ({ ask, actor, params }) => ask(bookingRequests.get, { actor, bookingId: params.id })),
  guarded(httpRoutes.cancelBooking, ({ ask, actor, params, body }) =>
    ask(bookingRequests.cancel, { actor, bookingId: params.id, ...body }),
  ),
  guarded(httpRoutes.openCheckout, ({ ask, actor, params }) =>
    ask(paymentRequests.openCheckout, { actor, bookingId: params.id }),
  ),
  guarded(httpRoutes.listBookings, ({ ask, actor, params, query }) =>
    ask(bookingRequests.list, { actor, establishmentId: params.id, ...query }),
  ),
  guarded(httpRoutes.getBookingHistory, ({ ask, actor, params, query }) =>
    ask(bookingRequests.history, { actor, bookingId: params.id, ...query }),
  ),
  custom(httpRoutes.streamBooking, streamBooking),
];

function streamBooking(gateway: Gateway): ReturnType<ServedRoute['serve']> {
  const route = httpRoutes.streamBooking;
  return async (req, res) => {
    const who = await authorize(gateway, route, req, res);
    if (!who.ok) return sendRefusal(res, who.refusal);
    const params = route.params.safeParse(req.params);
    if (!params.success) return sendProblem(res, { code: 'not_found', detail: 'It does not exist, or is not yours.' });
    const ask = askFor(gateway, res);
    const read = () => ask(bookingRequests.get, { actor: who.value, bookingId: params.data.id });
    if (req.method === 'HEAD') {
      const found = await read();
      if (!found.ok) return sendRefusal(res, found.refusal);
      res.status(200).type('text/event-stream').end();
      return;
    }
    const seen = Number(req.get('last-event-id'));
    const lastVersion = Number.isSafeInteger(seen) && seen > 0 ? seen : 0;
    const problem = await gateway.bookingStreams.open({ res, bookingId: params.data.id, lastVersion, read });
    if (problem === 'full') {
      const detail = 'Too many open streams. Read the booking instead, or try again later.';
      return sendProblem(res, { code: 'unavailable', detail, retryAfterSeconds: 30 });
    }
    if (problem) sendRefusal(res, problem.refusal);
  };
}
