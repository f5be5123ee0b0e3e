import { z } from 'zod';
import { invalidParam } from './errors.ts';
import { smallestStep } from './money.ts';
import { integer, metadata, text } from './params.ts';
import type { WireLineItem, World } from './store.ts';

/** One of `line_items`: the price is given with the session, not kept in a catalogue. */
export const lineItemSchema = z.strictObject({
  quantity: integer.optional(),
  metadata: metadata.optional(),
  price_data: z.strictObject({
    currency: z.string().regex(/^[A-Za-z]{3}$/, 'Invalid currency'),
    unit_amount: integer,
    tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
    product_data: z.strictObject({
      name: text.min(1),
      description: text.min(1).optional(),
      images: z.unknown().optional(),
      metadata: metadata.optional(),
      tax_code: text.optional(),
    }),
  }),
});

type LineItemInput = z.output<typeof lineItemSchema>;

/** The lines of a session. Throws Stripe's 400 for mixed currencies, negative prices and missing quantities. */
export function buildLineItems(world: World, items: LineItemInput[]): WireLineItem[] {
  if (items.length === 0 || items.length > 100) {
    throw invalidParam('line_items', 'You must provide between 1 and 100 line items.');
  }
  const currency = items[0]?.price_data.currency.toLowerCase() ?? '';
  return items.map((item, index) => buildLineItem(world, item, { name: `line_items[${index}]`, currency }));
}

function buildLineItem(world: World, item: LineItemInput, o: { name: string; currency: string }): WireLineItem {
  const { name, currency } = o;
  const { quantity, price_data: price } = item;
  if (price.currency.toLowerCase() !== currency) {
    throw invalidParam(`${name}[price_data][currency]`, 'All line items must have the same currency.');
  }
  if (price.unit_amount < 0) {
    throw invalidParam(`${name}[price_data][unit_amount]`, 'Invalid non-negative integer', 'parameter_invalid_integer');
  }
  if (price.unit_amount % smallestStep(currency) !== 0) {
    // Stripe documents the rule, not the wording.
    const message = `Must be a multiple of ${smallestStep(currency)} in ${currency}`;
    throw invalidParam(`${name}[price_data][unit_amount]`, message);
  }
  if (quantity === undefined) {
    throw invalidParam(`${name}[quantity]`, `Quantity is required. Add \`quantity\` to \`${name}\``);
  }
  if (quantity < 1) {
    const message = 'This value must be greater than or equal to 1.';
    throw invalidParam(`${name}[quantity]`, message, 'parameter_invalid_integer');
  }
  const amount = price.unit_amount * quantity;
  return {
    id: world.newId('li'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency,
    description: price.product_data.name,
    metadata: item.metadata ?? {},
    price: {
      id: world.newId('price'),
      object: 'price',
      active: false,
      billing_scheme: 'per_unit',
      created: world.now(),
      currency,
      custom_unit_amount: null,
      livemode: false,
      lookup_key: null,
      metadata: {},
      nickname: null,
      product: world.newId('prod'),
      recurring: null,
      tax_behavior: price.tax_behavior ?? 'unspecified',
      tiers_mode: null,
      transform_quantity: null,
      type: 'one_time',
      unit_amount: price.unit_amount,
      unit_amount_decimal: String(price.unit_amount),
    },
    quantity,
  };
}
