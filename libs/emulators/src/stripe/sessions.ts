import type Stripe from 'stripe';
import { z } from 'zod';
import { invalidParam, noSuch, notAllowed, StripeFault } from './errors.ts';
import type { FormTree } from './form.ts';
import { buildLineItems, lineItemSchema } from './line-items.ts';
import { type List, listPage } from './lists.ts';
import { formatMoney, leastCharge } from './money.ts';
import { integer, listOf, listParams, metadata, parseParams, text } from './params.ts';
import { cancelAbandonedIntent } from './payments.ts';
import { buildSession } from './session-objects.ts';
import type { StoredSession, WireLineItem, World } from './store.ts';

// Accepted and without effect here: they change how Stripe's page looks or what it collects.
const withoutEffect = Object.fromEntries(
  [
    'adaptive_pricing',
    'allow_promotion_codes',
    'allowed_payment_method_types',
    'billing_address_collection',
    'branding_settings',
    'consent_collection',
    'custom_text',
    'customer_creation',
    'excluded_payment_method_types',
    'invoice_creation',
    'name_collection',
    'payment_method_configuration',
    'payment_method_options',
    'phone_number_collection',
    'submit_type',
    'ui_mode',
    'wallet_options',
  ].map(name => [name, z.unknown().optional()]),
);

// Stripe: Checkout Sessions, locale.
const locales = [
  'auto',
  'bg',
  'cs',
  'da',
  'de',
  'el',
  'en',
  'en-GB',
  'es',
  'es-419',
  'et',
  'fi',
  'fil',
  'fr',
  'fr-CA',
  'hi-IN',
  'hr',
  'hu',
  'id',
  'it',
  'ja',
  'ko',
  'lt',
  'lv',
  'ms',
  'mt',
  'nb',
  'nl',
  'pl',
  'pt',
  'pt-BR',
  'ro',
  'ru',
  'sk',
  'sl',
  'sv',
  'th',
  'tr',
  'vi',
  'zh',
  'zh-HK',
  'zh-TW',
] as const;

const createSchema = z.strictObject({
  ...withoutEffect,
  mode: z.literal('payment'),
  line_items: listOf(lineItemSchema),
  success_url: text.optional(),
  cancel_url: text.optional(),
  client_reference_id: z.string().min(1).max(200).optional(),
  customer_email: z.string().min(1).max(800).optional(),
  expires_at: integer.optional(),
  locale: z.enum(locales).optional(),
  metadata: metadata.optional(),
  // Before 2026-09-30; newer versions refuse it, see refuseRemovedParams.
  payment_method_types: listOf(z.string()).optional(),
  payment_intent_data: z
    .strictObject({
      description: text.optional(),
      metadata: metadata.optional(),
      receipt_email: text.optional(),
      statement_descriptor: text.optional(),
      statement_descriptor_suffix: text.optional(),
      capture_method: z.enum(['automatic', 'automatic_async']).optional(),
    })
    .optional(),
});

const halfHour = 30 * 60;
const day = 24 * 60 * 60;

/** `POST /v1/checkout/sessions`, mode payment. `apiVersion` is the caller's. */
export function createSession(world: World, params: FormTree, apiVersion: string): Stripe.Checkout.Session {
  refuseRemovedParams(params, apiVersion);
  const input = parseParams(createSchema, params);
  const now = world.now();
  const expiresAt = input.expires_at ?? now + day;
  checkExpiry(expiresAt, now);
  checkUrl('success_url', input.success_url, true);
  checkUrl('cancel_url', input.cancel_url, false);
  checkEmail(input.customer_email);
  const lineItems = buildLineItems(world, input.line_items);
  const currency = lineItems[0]?.currency ?? 'usd';
  const total = lineItems.reduce((sum, item) => sum + item.amount_total, 0);
  const least = leastCharge(currency);
  if (total < least) {
    const message = `The Checkout Session's total amount due must add up to at least ${formatMoney(least, currency)}.`;
    throw new StripeFault(400, { type: 'invalid_request_error', code: 'amount_too_small', message });
  }
  const id = world.newId('cs_test');
  const session = buildSession({ id, currency, total, now, expiresAt, url: `${world.url()}/c/pay/${id}` });
  Object.assign(session, {
    cancel_url: input.cancel_url ?? null,
    client_reference_id: input.client_reference_id ?? null,
    customer_email: input.customer_email ?? null,
    locale: input.locale ?? null,
    metadata: input.metadata ?? {},
    success_url: input.success_url ?? null,
  } satisfies Partial<Stripe.Checkout.Session>);
  const data = input.payment_intent_data;
  const intent = {
    metadata: data?.metadata ?? {},
    description: data?.description ?? null,
    receiptEmail: data?.receipt_email ?? null,
  };
  world.state.sessions[id] = { session, lineItems, intent };
  return session;
}

export function findSession(world: World, id: string): StoredSession {
  const stored = world.state.sessions[id];
  if (!stored) throw noSuch('checkout.session', id);
  return stored;
}

/** The page asks for less from now on. 400 unless it is open, was not tried yet and still costs something. */
export function discountSession(world: World, id: string, amount: number): Stripe.Checkout.Session {
  const { session } = findSession(world, id);
  const total = (session.amount_total ?? 0) - amount;
  if (session.status !== 'open' || session.payment_intent !== null || total < leastCharge(session.currency ?? 'usd')) {
    throw notAllowed(`A discount of ${amount} cannot be applied to this Checkout Session.`);
  }
  session.amount_total = total;
  if (session.total_details) session.total_details.amount_discount += amount;
  return session;
}

const listSchema = z.strictObject({
  ...listParams,
  payment_intent: z.string().optional(),
  status: z.enum(['open', 'complete', 'expired']).optional(),
  customer_details: z.strictObject({ email: z.string() }).optional(),
});

export function listSessions(world: World, params: FormTree): List<Stripe.Checkout.Session> {
  const { payment_intent: intent, status, customer_details: customer, ...page } = parseParams(listSchema, params);
  const matches = Object.values(world.state.sessions)
    .map(stored => stored.session)
    .filter(
      session =>
        (intent === undefined || session.payment_intent === intent) &&
        (status === undefined || session.status === status) &&
        (customer === undefined || session.customer_details?.email === customer.email),
    );
  return listPage('/v1/checkout/sessions', 'checkout.session', matches, page);
}

const lineItemsSchema = z.strictObject(listParams);

export function listLineItems(world: World, id: string, params: FormTree): List<WireLineItem> {
  const { created: _none, ...page } = parseParams(lineItemsSchema, params);
  // Line items are listed in the order they were given, other than everything else.
  return listPage(
    `/v1/checkout/sessions/${id}/line_items`,
    'item',
    findSession(world, id).lineItems.toReversed(),
    page,
  );
}

/** `POST …/expire`: only while open, otherwise 400. */
export function expireSession(world: World, id: string): Stripe.Checkout.Session {
  const { session } = findSession(world, id);
  if (session.status !== 'open') {
    throw notAllowed(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
    );
  }
  closeExpired(world, session);
  return session;
}

/** Expires every open session whose time has come; returns when the next one is due, in seconds. */
export function expireDueSessions(world: World): number {
  const now = world.now();
  let next = Number.POSITIVE_INFINITY;
  for (const { session } of Object.values(world.state.sessions)) {
    if (session.status !== 'open') continue;
    if (session.expires_at <= now) closeExpired(world, session);
    else next = Math.min(next, session.expires_at);
  }
  return next;
}

function closeExpired(world: World, session: Stripe.Checkout.Session): void {
  session.status = 'expired';
  session.url = null;
  cancelAbandonedIntent(world, session);
  world.emit('checkout.session.expired', session);
}

function refuseRemovedParams(params: FormTree, apiVersion: string): void {
  // Stripe's changelog, 2026-09-30: payment methods are chosen in the dashboard or by allowed_payment_method_types.
  if (apiVersion.slice(0, 10) >= '2026-09-30' && params.payment_method_types !== undefined) {
    throw invalidParam('payment_method_types', 'Received unknown parameter: payment_method_types', 'parameter_unknown');
  }
}

function checkExpiry(expiresAt: number, now: number): void {
  if (expiresAt < now + halfHour) {
    throw invalidParam(
      'expires_at',
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
    );
  }
  if (expiresAt > now + day) {
    throw invalidParam(
      'expires_at',
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
    );
  }
}

function checkUrl(param: string, value: string | undefined, required: boolean): void {
  if (value === undefined) {
    if (required) throw invalidParam(param, `Missing required param: ${param}.`, 'parameter_missing');
    return;
  }
  const url = URL.parse(value);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw invalidParam(param, 'Not a valid URL', 'url_invalid');
}

function checkEmail(email: string | undefined): void {
  if (email !== undefined && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) {
    throw invalidParam('customer_email', `Invalid email address: ${email}`, 'email_invalid');
  }
}
