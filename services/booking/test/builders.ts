import { type PaymentSnapshot, plainRates } from '@monde-sauvage/contracts';
import { type BookingPatch, type BookingRecord, withMoney } from '../src/booking.ts';
import type { KnownPayment } from '../src/money.ts';
import type { OfferedChalet } from '../src/placement.ts';

export const ids = {
  chalet: '0197a3a0-0000-7000-8000-000000000001',
  establishment: '0197a3a0-0000-7000-8000-000000000002',
  booking: '0197a3a0-0000-7000-8000-000000000003',
  payment: '0197a3a0-0000-7000-8000-000000000004',
};

export const chaletOf = (fields: Partial<OfferedChalet> = {}): OfferedChalet => ({
  id: ids.chalet,
  establishmentId: ids.establishment,
  capacity: 4,
  nightlyRate: 20_000,
  cleaningFee: 5_000,
  minNights: 2,
  maxNights: 28,
  ...plainRates,
  archived: false,
  currency: 'CAD',
  timezone: 'America/Toronto',
  locale: 'fr-CA',
  whenGoogleUnreachable: 'open',
  policy: {
    name: 'moderate',
    tiers: [
      { daysBefore: 14, percentage: 100 },
      { daysBefore: 5, percentage: 50 },
    ],
  },
  version: 1,
  ...fields,
});

/** A pending website booking for 10 to 12 February 2027 whose hold ends on 10 January at 12:30 UTC. */
export const bookingOf = (fields: BookingPatch = {}): BookingRecord =>
  withMoney({
    id: ids.booking,
    reference: 'MS-7K3QXD',
    chaletId: ids.chalet,
    establishmentId: ids.establishment,
    startDate: '2027-02-10',
    endDate: '2027-02-12',
    nights: 2,
    guests: 2,
    status: 'pending',
    source: 'website',
    customer: { name: 'John Doe', email: 'john.doe@example.com', phone: null },
    notes: null,
    price: { currency: 'CAD', total: 45_000, lines: [{ label: '2 nuits', amount: 45_000 }] },
    holdExpiresAt: '2027-01-10T12:30:00.000Z',
    checkoutOpenUntil: null,
    googleEventId: null,
    mirrorRevision: 0,
    payments: [],
    sums: null,
    balanceOverdue: false,
    conflict: false,
    version: 1,
    createdAt: '2027-01-10T12:00:00.000Z',
    updatedAt: '2027-01-10T12:00:00.000Z',
    confirmedAt: null,
    cancelledAt: null,
    cancelReason: null,
    locale: 'fr-CA',
    policy: {
      name: 'moderate',
      tiers: [
        { daysBefore: 14, percentage: 100 },
        { daysBefore: 5, percentage: 50 },
      ],
    },
    refundPercentage: null,
    refundBase: null,
    balanceTerms: null,
    manageTokenHash: 'hash',
    ...fields,
  });

/** A pending booking of which a third is paid when booking, and the rest two weeks before arrival. */
export const depositBookingOf = (fields: BookingPatch = {}): BookingRecord =>
  bookingOf({
    price: {
      currency: 'CAD',
      total: 45_000,
      lines: [{ label: '2 nuits', amount: 45_000 }],
      schedule: [
        { purpose: 'deposit', amount: 15_000, dueDate: null },
        { purpose: 'balance', amount: 30_000, dueDate: '2027-01-27' },
      ],
    },
    balanceTerms: { reminderDays: 7, unpaidBalance: 'cancel', graceDays: 3 },
    ...fields,
  });

export const knownPaymentOf = (fields: Partial<KnownPayment> = {}): KnownPayment => ({
  paymentId: ids.payment,
  purpose: 'full',
  version: 2,
  status: 'succeeded',
  amountPaid: 45_000,
  amountRefunded: 0,
  ...fields,
});

export const paidBookingOf = (fields: BookingPatch = {}): BookingRecord =>
  bookingOf({
    status: 'confirmed',
    holdExpiresAt: null,
    confirmedAt: '2027-01-10T12:10:00.000Z',
    payments: [knownPaymentOf()],
    version: 2,
    ...fields,
  });

export const paymentOf = (fields: Partial<PaymentSnapshot> = {}): PaymentSnapshot => ({
  paymentId: ids.payment,
  bookingId: ids.booking,
  establishmentId: ids.establishment,
  status: 'succeeded',
  amount: 45_000,
  amountPaid: 45_000,
  amountRefunded: 0,
  currency: 'CAD',
  stripe: { checkoutSessionId: 'cs_1', paymentIntentId: 'pi_1', chargeId: 'ch_1' },
  paidAt: '2027-01-10T12:10:00.000Z',
  reason: null,
  version: 2,
  occurredAt: '2027-01-10T12:10:00.000Z',
  ...fields,
});
