import { type BookingSnapshot, noPayment } from '../src/index.ts';

/** Two nights that a guest asked for on the website and has not paid, for tests; ids and whatever a test is about are given. */
export const sampleBooking = (
  fields: Partial<BookingSnapshot> & Pick<BookingSnapshot, 'id' | 'chaletId' | 'establishmentId' | 'createdAt'>,
): BookingSnapshot => ({
  reference: 'MS-7K3QXD',
  startDate: '2027-03-01',
  endDate: '2027-03-03',
  nights: 2,
  guests: 2,
  status: 'pending',
  source: 'website',
  customer: { name: 'John Doe', email: 'john.doe@example.com', phone: null },
  notes: null,
  price: { currency: 'CAD', total: 40_000, lines: [{ label: '2 nuits', amount: 40_000 }] },
  holdExpiresAt: null,
  googleEventId: null,
  payment: noPayment,
  conflict: false,
  version: 1,
  updatedAt: fields.createdAt,
  cancelledAt: null,
  cancelReason: null,
  locale: 'fr-CA',
  policy: null,
  confirmedAt: null,
  refundPercentage: null,
  refundBase: null,
  balanceTerms: null,
  ...fields,
});
