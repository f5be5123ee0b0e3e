import { calendarRequests, httpRoutes, paymentRequests } from '@monde-sauvage/contracts';
import express, { type Request, type Response } from 'express';
import { sendProblem, sendRefusal } from '../problems.ts';
import { askFor, custom, parseHeaders, type ServedRoute } from '../route.ts';

/** Stripe signs the bytes as they were sent: they are passed on untouched, whatever their type. */
// As base64 in a request it must stay below NATS's largest message, 1 MB.
const rawParser = express.raw({ limit: '700kb', type: () => true });

const readRaw = (req: Request, res: Response): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    rawParser(req, res, (error: unknown) => {
      if (error) reject(error);
      else resolve(Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0));
    });
  });

export const webhookRoutes: ServedRoute[] = [
  custom(httpRoutes.receiveStripeWebhook, gateway => async (req, res) => {
    const headers = parseHeaders(httpRoutes.receiveStripeWebhook, req);
    if (!headers.success) {
      return sendProblem(res, { code: 'validation_failed', status: 400, detail: 'Stripe-Signature is missing.' });
    }
    const rawBody = (await readRaw(req, res)).toString('base64');
    const signature = headers.data['Stripe-Signature'];
    const stored = await askFor(gateway, res)(paymentRequests.receiveWebhook, { rawBody, signature });
    if (!stored.ok) return sendRefusal(res, stored.refusal, { status: 400 });
    res.status(200).json({ received: true });
  }),

  custom(httpRoutes.receiveGooglePush, gateway => async (req, res) => {
    const headers = parseHeaders(httpRoutes.receiveGooglePush, req);
    if (!headers.success) return sendProblem(res, { code: 'not_found', detail: 'This channel is not known.' });
    const taken = await askFor(gateway, res)(calendarRequests.receivePush, {
      channelId: headers.data['X-Goog-Channel-ID'],
      channelToken: headers.data['X-Goog-Channel-Token'],
      resourceId: headers.data['X-Goog-Resource-ID'],
      resourceState: headers.data['X-Goog-Resource-State'],
      messageNumber: headers.data['X-Goog-Message-Number'],
    });
    if (!taken.ok) return sendProblem(res, { code: 'not_found', detail: 'This channel is not known.' });
    res.status(204).end();
  }),
];
