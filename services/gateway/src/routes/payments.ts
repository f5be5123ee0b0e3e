import { once } from 'node:events';
import { httpRoutes, paymentRequests } from '@monde-sauvage/contracts';
import { csvHeader, toCsvLine } from '../csv.ts';
import { sendProblem, sendRefusal, validationErrors } from '../problems.ts';
import { askFor, authorize, custom, type Gateway, guarded, type ServedRoute } from '../route.ts';

export const paymentRoutes: ServedRoute[] = [
  guarded(httpRoutes.createRefund, ({ ask, actor, params, headers, body }) => {
    const idempotencyKey = headers['Idempotency-Key'];
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    return ask(paymentRequests.createRefund, { actor, bookingId: params.id, refund: body ?? {}, ...key });
  }),
  guarded(httpRoutes.listRefunds, ({ ask, actor, params }) =>
    ask(paymentRequests.listRefunds, { actor, bookingId: params.id }),
  ),
  guarded(httpRoutes.listPayments, ({ ask, actor, params, query }) =>
    ask(paymentRequests.listLedger, { actor, establishmentId: params.id, ...query }),
  ),
  guarded(httpRoutes.listDisputes, ({ ask, actor, params, query }) =>
    ask(paymentRequests.listDisputes, { actor, establishmentId: params.id, ...query }),
  ),
  custom(httpRoutes.exportPayments, exportPayments),
];

const exportPage = 500;

/**
 * Page by page, as fast as the reader takes it. What fails before the first line is a problem; after it the connection
 * is broken, so that half a file is not taken for a whole one.
 */
function exportPayments(gateway: Gateway): ReturnType<ServedRoute['serve']> {
  const route = httpRoutes.exportPayments;
  return async (req, res) => {
    const who = await authorize(gateway, route, req, res);
    if (!who.ok) return sendRefusal(res, who.refusal);
    const params = route.params.safeParse(req.params);
    if (!params.success) return sendProblem(res, { code: 'not_found', detail: 'It does not exist, or is not yours.' });
    const query = route.query.safeParse(req.query);
    if (!query.success) {
      const detail = 'The request is not valid; errors says where.';
      return sendProblem(res, { code: 'validation_failed', detail, errors: validationErrors(query.error) });
    }
    const ask = askFor(gateway, res);
    const establishmentId = params.data.id;
    const read = (cursor?: string) =>
      ask(paymentRequests.listLedger, {
        ...{ actor: who.value, establishmentId, ...query.data, limit: exportPage, totals: false },
        ...(cursor === undefined ? {} : { cursor }),
      });
    let page = await read();
    if (!page.ok) return sendRefusal(res, page.refusal);
    const { from, to } = query.data;
    res.status(200).type('text/csv');
    res.attachment(`payments-${from}-${to}.csv`);
    res.write(csvHeader);
    try {
      for (;;) {
        const { items, nextCursor, timezone } = page.value;
        if (!res.write(items.map(entry => toCsvLine(entry, timezone)).join(''))) {
          await Promise.race([once(res, 'drain'), once(res, 'close')]);
        }
        if (nextCursor === null || res.destroyed) break;
        page = await read(nextCursor);
        if (!page.ok) throw new Error(page.refusal.message);
      }
      res.end();
    } catch (error) {
      gateway.logger.error({ err: error, establishmentId }, 'an export of payments was broken off');
      res.destroy();
    }
  };
}
