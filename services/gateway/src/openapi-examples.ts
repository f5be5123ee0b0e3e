export const exampleIds = {
  chalet: '0197a3a0-5c1e-7c3e-8b0a-3f0a6f6f2d11',
  request: '0197a3a1-0d3b-7a51-9c44-5d1f3c8e7b20',
};

/** A body one can send, for every operation that takes one. */
export const bodyExamples: Record<string, unknown> = {
  createEstablishment: {
    name: 'Monde Sauvage',
    timezone: 'America/Toronto',
    currency: 'CAD',
    locale: 'fr-CA',
    cancellationPolicy: 'moderate',
    taxes: [
      { name: 'TPS', rateMillionths: 50_000, appliesTo: ['nights', 'extra_guests', 'cleaning'] },
      { name: 'TVQ', rateMillionths: 99_750, appliesTo: ['nights', 'extra_guests', 'cleaning'] },
    ],
    deposit: { percentage: 30, balanceDaysBefore: 30, reminderDays: 7, unpaidBalance: 'cancel', graceDays: 3 },
  },
  updateEstablishment: {
    cancellationPolicy: {
      name: 'custom',
      tiers: [
        { daysBefore: 30, percentage: 100 },
        { daysBefore: 7, percentage: 50 },
      ],
    },
    calendarDrift: 'ask',
    whenGoogleUnreachable: 'closed',
  },
  createKey: { name: 'Website' },
  createChalet: {
    name: 'Chalet 1',
    description: 'Au bord du lac',
    capacity: 6,
    nightlyRate: 18_000,
    cleaningFee: 6_000,
    minNights: 2,
    maxNights: 28,
    weekendRate: 21_000,
    includedGuests: 4,
    extraGuestFee: 2_000,
    lengthDiscounts: [
      { nights: 7, percentage: 10 },
      { nights: 28, percentage: 20 },
    ],
  },
  updateChalet: {
    nightlyRate: 19_500,
    seasons: [
      {
        name: 'Temps des fêtes',
        startDate: '2027-12-18',
        endDate: '2028-01-04',
        nightlyRate: 32_000,
        weekendRate: null,
        minNights: 4,
        maxNights: 14,
      },
    ],
  },
  createBooking: {
    chaletId: exampleIds.chalet,
    startDate: '2027-02-10',
    endDate: '2027-02-15',
    customer: { name: 'John Doe', email: 'john.doe@example.com', phone: '+1 418 555 0199' },
    guests: 2,
    notes: 'Nous arrivons vers 18 h.',
    locale: 'fr-CA',
  },
  cancelBooking: { reason: 'Change of plans' },
  decideDrift: { decision: 'restore' },
  createRefund: { amount: 5_000, reason: 'The sauna was out of order' },
  chooseGoogleCalendar: { calendarId: 'chalet-1@group.calendar.google.com' },
};
