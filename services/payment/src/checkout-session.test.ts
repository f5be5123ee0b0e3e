import { expect, test } from '@jest/globals';
import { buildCheckoutParams, sessionExpiry, stripeLocale } from './checkout-session.ts';

const now = new Date('2027-01-15T14:00:00.400Z');
const inMinutes = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

const subject: Parameters<typeof buildCheckoutParams>[0] = {
  bookingId: 'b-1',
  paymentId: 'p-1',
  reference: 'MS-7K3QXD',
  chaletName: 'Chalet 1',
  price: {
    currency: 'CAD',
    total: 12_000,
    lines: [
      { label: '2 nuits', amount: 10_000 },
      { label: 'Frais de ménage', amount: 2_000 },
    ],
  },
  owed: { purpose: 'full', amount: 12_000 },
  customerEmail: 'john.doe@example.com',
  locale: 'fr-CA',
  expiresAt: inMinutes(31),
  publicUrl: 'https://monde-sauvage.test/',
};

test("asks for each line of the price under the chalet's name", () => {
  expect(buildCheckoutParams(subject)).toMatchObject({
    client_reference_id: 'b-1',
    metadata: { bookingId: 'b-1', paymentId: 'p-1' },
    payment_intent_data: { metadata: { bookingId: 'b-1', paymentId: 'p-1' } },
    line_items: [
      { price_data: { currency: 'cad', unit_amount: 10_000, product_data: { name: 'Chalet 1 – 2 nuits' } } },
      { price_data: { currency: 'cad', unit_amount: 2_000, product_data: { name: 'Chalet 1 – Frais de ménage' } } },
    ],
    success_url: 'https://monde-sauvage.test/checkout/success?booking=b-1',
    cancel_url: 'https://monde-sauvage.test/checkout/cancelled?booking=b-1',
  });
});

test.each([
  [
    'a discount',
    [
      { label: '2 nuits', amount: 13_000 },
      { label: 'Rabais', amount: -1_000 },
    ],
  ],
  ['lines that do not add up', [{ label: '2 nuits', amount: 1 }]],
])('asks for the total in one line when there is %s', (_what, lines) => {
  const { line_items } = buildCheckoutParams({ ...subject, price: { ...subject.price, lines } });
  expect(line_items).toMatchObject([{ price_data: { unit_amount: 12_000 } }]);
});

test.each([
  ['deposit', 'fr-CA', 'Chalet 1 – MS-7K3QXD, Acompte'],
  ['balance', 'fr-CA', 'Chalet 1 – MS-7K3QXD, Solde'],
  ['balance', 'en-CA', 'Chalet 1 – MS-7K3QXD, Balance'],
] as const)('asks for a %s in one line, in the language of %s', (purpose, locale, name) => {
  expect(buildCheckoutParams({ ...subject, locale, owed: { purpose, amount: 3_600 } }).line_items).toEqual([
    { quantity: 1, price_data: { currency: 'cad', unit_amount: 3_600, product_data: { name } } },
  ]);
});

test('leaves the e-mail out when there is none', () => {
  expect(buildCheckoutParams({ ...subject, customerEmail: null })).not.toHaveProperty('customer_email');
});

test.each([
  ['a hold of ten minutes', 10, 31],
  ['exactly half an hour, which Stripe refuses when clocks differ', 30, 31],
  ['an hour', 60, 60],
  ['two days', 2_880, 1_439],
])('a session for %s lasts as Stripe wants it', (_what, holdMinutes, minutes) => {
  expect(sessionExpiry(now, inMinutes(holdMinutes)).getTime()).toBe(
    Math.floor(inMinutes(minutes).getTime() / 1000) * 1000,
  );
});

test.each([
  ['fr-CA', 'fr-CA'],
  ['fr-BE', 'fr'],
  ['EN-us', 'en'],
  ['pt-BR', 'pt-BR'],
  ['nn-NO', 'nb'],
  ['eo', 'auto'],
  [null, 'auto'],
])("%s becomes %s on Stripe's pages", (tag, expected) => {
  expect(stripeLocale(tag)).toBe(expected);
});
