import { z } from 'zod';
import { answer, base, everybody, html, noContent, route } from './http-route.ts';

/** Routes that machines call: Stripe, Google, and what watches over the gateway. */

const webhooks = { ...base, tag: 'Webhooks' } as const;
const operations = { ...base, tag: 'Operations' } as const;

export const webhookRoutes = {
  receiveStripeWebhook: route('post', '/webhooks/stripe', ['stripe'], {
    ...webhooks,
    summary: 'An event of Stripe, signed over its raw bytes',
    headers: z.object({ 'Stripe-Signature': z.string().max(2_000) }),
    success: answer(z.object({ received: z.literal(true) })),
    refusals: ['payload_too_large'],
  }),
  receiveGooglePush: route('post', '/webhooks/google-calendar', ['google'], {
    ...webhooks,
    summary: 'A push notification of Google Calendar; it has no body',
    headers: z.object({
      'X-Goog-Channel-ID': z.string().min(1).max(64),
      'X-Goog-Channel-Token': z.string().max(256).default(''),
      'X-Goog-Resource-ID': z.string().max(200).default(''),
      'X-Goog-Resource-State': z.string().max(50).default(''),
      'X-Goog-Message-Number': z.string().max(20).optional(),
    }),
    success: noContent,
    refusals: ['not_found'],
  }),
};

const readiness = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) });
export const operationsRoutes = {
  getOpenApi: route('get', '/openapi.json', everybody, {
    ...operations,
    summary: 'This document',
    success: answer(z.record(z.string(), z.unknown())),
  }),
  getDocs: route('get', '/docs', everybody, {
    ...operations,
    summary: 'This document, to read and try',
    success: html,
  }),
  getLiveness: route('get', '/livez', ['operator'], {
    ...operations,
    summary: 'The process turns',
    success: answer(z.object({ status: z.literal('ok') })),
  }),
  getReadiness: route('get', '/readyz', ['operator'], {
    ...operations,
    summary: 'It can do its work; 503 with the failing check otherwise',
    success: answer(readiness),
  }),
  getMetrics: route('get', '/metrics', ['operator'], {
    ...operations,
    summary: 'Prometheus metrics',
    success: { ...answer(z.string()), contentType: 'text/plain' },
  }),
};
