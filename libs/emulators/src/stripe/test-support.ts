import { createServer } from 'node:http';
import Stripe from 'stripe';
import { type StripeEmulator, type StripeEmulatorOptions, startStripeEmulator } from './stripe-emulator.ts';

export const secretKey = 'sk_test_emulator';
export const webhookSecret = 'whsec_test';

/** An emulator and the unmodified SDK that talks to it. */
export async function startWithClient(
  o: StripeEmulatorOptions = {},
): Promise<{ emulator: StripeEmulator; stripe: Stripe }> {
  const emulator = await startStripeEmulator({ secretKey, webhookSecret, ...o });
  return { emulator, stripe: clientOf(emulator) };
}

export function clientOf(emulator: StripeEmulator, key = secretKey, maxNetworkRetries = 0): Stripe {
  return new Stripe(key, {
    host: '127.0.0.1',
    port: emulator.port,
    protocol: 'http',
    maxNetworkRetries,
    telemetry: false,
  });
}

export interface Receiver {
  url: string;
  received: { body: string; signature: string }[];
  /** What the next deliveries are answered; 200 once used up. */
  answers: number[];
  close(): Promise<void>;
}

/** Takes webhook deliveries. */
export async function startReceiver(): Promise<Receiver> {
  const received: Receiver['received'] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ body, signature: String(request.headers['stripe-signature']) });
      response.writeHead(answers.shift() ?? 200).end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/webhooks/stripe`,
    received,
    answers,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a booking of 120.00 CAD asks for. */
export const checkout: Stripe.Checkout.SessionCreateParams = {
  mode: 'payment',
  line_items: [
    { quantity: 2, price_data: { currency: 'cad', unit_amount: 5000, product_data: { name: 'Chalet 1, <2 nights>' } } },
    { quantity: 1, price_data: { currency: 'cad', unit_amount: 2000, product_data: { name: 'Cleaning' } } },
  ],
  client_reference_id: 'booking-1',
  metadata: { bookingId: 'booking-1' },
  payment_intent_data: { metadata: { bookingId: 'booking-1' } },
  customer_email: 'john@example.com',
  success_url: 'http://shop.test/done?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'http://shop.test/cancelled',
};

/** Presses a button of the pay page. */
export async function press(emulator: StripeEmulator, sessionId: string, button: string): Promise<Response> {
  return await fetch(`${emulator.url}/c/pay/${sessionId}/${button}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ name: 'John Doe', email: 'john@example.com' }),
  });
}

/** What a call is refused with; throws when it is not. */
export async function refusalOf(call: Promise<unknown>): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('The call was not refused.');
}
