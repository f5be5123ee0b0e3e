import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Api } from '../../support/api.ts';
import { recordAnswers } from '../answers.ts';
import { type Databases, openDatabases } from '../databases.ts';
import {
  calendarId,
  cancelledPaid,
  contested,
  createWorld,
  establishment,
  eventId,
  external,
  id,
  lodge,
  mirrorEvent,
  now,
  paid,
  payment,
  pending,
  refund,
  type World,
} from './world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

type Plant = [violation: string, plant: [service: keyof Databases, sql: string][], expected: string];

/** A checker that cannot fail is worth nothing: each violation is planted, and must be told in these words. */
function finds(invariant: string, plants: Plant[]): void {
  it.each(plants)('%s', async (_, statements, expected) => {
    expect(await world.violations(invariant)).toEqual([]);
    for (const [service, sql] of statements) await world.sql(service, sql);
    expect(await world.violations(invariant)).toEqual([expected]);
  });
}

const change = (number: number, what: string) => `UPDATE bookings SET ${what} WHERE id = '${id(number)}'`;
const mirror = (number: number, what: string) => `UPDATE mirrors SET ${what} WHERE booking_id = '${id(number)}'`;
const pay = (number: number, what: string) => `UPDATE payments SET ${what} WHERE id = '${payment(number)}'`;

describe('a system in which everything agrees', () => {
  it('holds every invariant', async () => {
    const findings = await world.check();
    expect(findings.map(finding => finding.invariant)).toEqual(['A', 'C', 'D', 'E', 'F']);
    expect(findings.flatMap(finding => finding.violations)).toEqual([]);
  });
});

describe('A finds', () => {
  finds('A', [
    [
      'two website bookings on one night',
      [
        ['booking', 'ALTER TABLE bookings DROP CONSTRAINT bookings_no_overlap'],
        ['booking', change(pending, "start_date = '2027-06-09', end_date = '2027-06-11'")],
      ],
      `bookings ${id(pending)} and ${id(paid)} hold the same night of chalet ${lodge}`,
    ],
    [
      'a conflict that is not flagged',
      [['booking', change(contested, 'conflict = false')]],
      `booking ${id(contested)} (website, confirmed) shares a night with an external one and is not flagged`,
    ],
    [
      'a flag without a conflict',
      [['booking', change(external, 'conflict = true')]],
      `booking ${id(external)} (google, confirmed) is flagged as a conflict and shares no night with a website booking`,
    ],
    [
      'a flag on a cancelled booking',
      [['booking', change(cancelledPaid, 'conflict = true')]],
      `booking ${id(cancelledPaid)} (website, cancelled) is flagged as a conflict and shares no night with an external one`,
    ],
  ]);
});

describe('C finds', () => {
  finds('C', [
    [
      'a version that availability has not seen',
      [['availability', `UPDATE stays SET version = 3 WHERE booking_id = '${id(external)}'`]],
      `booking ${id(external)} is at version 4, availability has version 3`,
    ],
    [
      'a booking that calendar-sync has never heard of',
      [['calendar-sync', `DELETE FROM mirrors WHERE booking_id = '${id(paid)}'`]],
      `booking ${id(paid)} is at version 4, calendar-sync has never heard of it`,
    ],
    [
      'a version that payment has not seen',
      [['payment', `UPDATE bookings SET version = 1 WHERE id = '${id(pending)}'`]],
      `booking ${id(pending)} is at version 4, payment has version 1`,
    ],
    [
      'a copy that is ahead of what was committed',
      [['payment', `UPDATE bookings SET version = 9 WHERE id = '${id(pending)}'`]],
      `payment has version 9 of booking ${id(pending)}, booking is at version 4`,
    ],
    [
      'a copy of a booking that does not exist',
      [
        ['availability', `UPDATE stays SET booking_id = '${id(77)}', version = 1 WHERE booking_id = '${id(external)}'`],
        [
          'booking',
          `UPDATE bookings SET end_date = '2027-03-01', start_date = '2027-02-01' WHERE id = '${id(external)}'`,
        ],
      ],
      `availability has booking ${id(77)}, which booking does not have`,
    ],
    [
      "a chalet's version that availability has not seen",
      [['availability', `UPDATE chalets SET version = 2 WHERE id = '${lodge}'`]],
      `chalet ${lodge} is at version 3, availability has version 2`,
    ],
    [
      'an establishment that calendar-sync has never heard of',
      [['calendar-sync', 'DELETE FROM establishments']],
      `establishment ${establishment} is at version 2, calendar-sync has never heard of it`,
    ],
  ]);

  it('nothing in a change that may still be on its way, and finds it once it is late', async () => {
    await world.sql('booking', change(pending, `version = 5, updated_at = '${now.toISOString()}'`));
    expect(await world.violations('C', { graceMs: 30_000 })).toEqual([]);
    const later = new Date(now.getTime() + 30_000);
    expect(await world.violations('C', { graceMs: 30_000, at: later })).toHaveLength(3);
  });
});

describe('D finds in the databases', () => {
  finds('D', [
    [
      'a booking whose mirror is not written, for no reason',
      [['calendar-sync', mirror(paid, "state = 'wanted', place_calendar_id = NULL, place_event_id = NULL")]],
      `booking ${id(paid)} has a mirror that is wanted, not synced`,
    ],
    [
      'a booking without a mirror',
      [['calendar-sync', `DELETE FROM mirrors WHERE booking_id = '${id(paid)}'`]],
      `booking ${id(paid)} has no mirror`,
    ],
    [
      'an event that booking was not told of',
      [['booking', change(paid, 'google_event_id = NULL')]],
      `booking ${id(paid)} names event none, its mirror is event ${eventId(paid)}`,
    ],
    [
      'a mirror on other dates',
      [['calendar-sync', mirror(paid, "end_date = '2027-06-14'")]],
      `booking ${id(paid)} has a mirror on other dates`,
    ],
    [
      'a mirror left in a calendar that the chalet does not use',
      [['calendar-sync', mirror(paid, "place_calendar_id = 'old@example.com'")]],
      `booking ${id(paid)} has its event in old@example.com, its chalet uses ${calendarId}`,
    ],
    [
      'a cancelled booking whose mirror is still there',
      [['calendar-sync', mirror(cancelledPaid, `place_calendar_id = '${calendarId}', place_event_id = 'left'`)]],
      `booking ${id(cancelledPaid)} is cancelled, its mirror still has event left`,
    ],
    [
      'a cancelled booking that its mirror takes for active',
      [['calendar-sync', mirror(cancelledPaid, 'active = true')]],
      `booking ${id(cancelledPaid)} is cancelled, its mirror is not`,
    ],
    [
      'a cancelled booking that still names an event',
      [['booking', change(cancelledPaid, "google_event_id = 'left'")]],
      `booking ${id(cancelledPaid)} is cancelled and still names event left`,
    ],
    [
      'an external event whose row has other nights',
      [
        [
          'calendar-sync',
          `UPDATE external_events SET end_date = '2027-06-23' WHERE google_event_id = '${eventId(external)}'`,
        ],
      ],
      `external event ${eventId(external)} of chalet ${lodge} takes other nights than its row ${id(external)}`,
    ],
    [
      'news of an external event that booking has not heard',
      [['calendar-sync', `UPDATE external_events SET revision = 3 WHERE google_event_id = '${eventId(external)}'`]],
      `external event ${eventId(external)} of chalet ${lodge} is at revision 3, its row knows 2`,
    ],
    [
      'a row whose event takes no nights any more',
      [
        [
          'calendar-sync',
          `UPDATE external_events SET status = 'removed' WHERE google_event_id = '${eventId(external)}'`,
        ],
      ],
      `row ${id(external)} is of external event ${eventId(external)} of chalet ${lodge}, which takes no nights`,
    ],
  ]);

  it('an external event without a row, by the account of calendar-sync and of Google', async () => {
    await world.sql('booking', change(external, "status = 'cancelled', cancel_reason = 'external_removed'"));
    expect(await world.violations('D')).toEqual([
      `external event ${eventId(external)} of chalet ${lodge} takes nights and has no row`,
      `event ${eventId(external)} in ${calendarId} (chalet ${lodge}) takes nights in Google and has no row`,
    ]);
  });

  it('nothing in a mirror that waits for a stated reason, and counts it', async () => {
    await world.sql('calendar-sync', mirror(paid, "state = 'blocked', last_error = 'the calendar may not be written'"));
    const finding = (await world.check()).find(({ invariant }) => invariant === 'D');
    expect(finding).toMatchObject({ violations: [], looked: expect.stringContaining('1 waiting for a stated reason') });
  });
});

describe('D finds in Google', () => {
  const stay = { start: '2027-06-10', end: '2027-06-12', status: 'confirmed' };
  const nights = (start: string, end: string) => ({ start: { date: start }, end: { date: end } });

  it.each<[violation: string, plant: (world: World) => unknown, expected: string]>([
    [
      'a second event of one booking',
      ({ google }) => google.admin.createEvent(calendarId, mirrorEvent(paid, stay, 'second')),
      `booking ${id(paid)} has 2 events in Google: ${eventId(paid)}, second`,
    ],
    [
      'a booking whose event is gone',
      ({ google }) => google.admin.deleteEvent(calendarId, eventId(paid)),
      `booking ${id(paid)} has no event in Google`,
    ],
    [
      'an event left of a cancelled booking',
      ({ google }) => google.admin.createEvent(calendarId, mirrorEvent(cancelledPaid, stay)),
      `booking ${id(cancelledPaid)} is cancelled and has 1 in Google: ${eventId(cancelledPaid)}`,
    ],
    [
      'an event that was moved',
      ({ google }) => google.admin.patchEvent(calendarId, eventId(paid), nights('2027-06-10', '2027-06-15')),
      `booking ${id(paid)} has event ${eventId(paid)} in Google on other dates`,
    ],
    [
      'a title that does not say confirmed',
      ({ google }) => google.admin.patchEvent(calendarId, eventId(paid), { summary: 'Chalet - Guest' }),
      `booking ${id(paid)} is confirmed, and the title of event ${eventId(paid)} says otherwise`,
    ],
    [
      "an owner's event without a row",
      ({ google }) =>
        google.admin.createEvent(calendarId, { id: 'unheard', ...nights('2027-07-01', '2027-07-03'), summary: 'Roy' }),
      `event unheard in ${calendarId} (chalet ${lodge}) takes nights in Google and has no row`,
    ],
    [
      "a row on other nights than its owner's event",
      ({ google }) => google.admin.patchEvent(calendarId, eventId(external), nights('2027-06-20', '2027-06-23')),
      `row ${id(external)} has other nights than event ${eventId(external)} in ${calendarId} (chalet ${lodge}) in Google`,
    ],
    [
      "a row whose owner's event was deleted",
      ({ google }) => google.admin.deleteEvent(calendarId, eventId(external)),
      `row ${id(external)} is of event ${eventId(external)} in ${calendarId} (chalet ${lodge}), which takes no nights in Google`,
    ],
  ])('%s', async (_, plant, expected) => {
    plant(world);
    expect(await world.violations('D')).toEqual([expected]);
  });

  it('nothing wrong in events that take no nights, nor in a copy an owner made by hand', async () => {
    const { admin } = world.google;
    const free = { ...nights('2027-07-01', '2027-07-03'), transparency: 'transparent' };
    admin.createEvent(calendarId, { id: 'free1', summary: 'Ménage', ...free });
    admin.patchEvent(calendarId, eventId(external), {
      extendedProperties: { private: { booking_id: id(paid), source: 'website' } },
    });
    expect(await world.violations('D')).toEqual([]);
  });
});

describe('E finds', () => {
  finds('E', [
    [
      'a confirmed booking without a payment',
      [
        ['payment', pay(paid, "status = 'open', amount_paid = 0")],
        ['booking', change(paid, "amount_paid = 0, payment_status = 'open'")],
      ],
      `booking ${id(paid)} is confirmed at 60000 CAD and has no successful payment`,
    ],
    [
      'a payment of another amount',
      [
        ['payment', pay(paid, 'amount_paid = 59999')],
        ['booking', change(paid, 'amount_paid = 59999')],
      ],
      `booking ${id(paid)} is confirmed at 60000 CAD, payment ${payment(paid)} brought 59999 CAD`,
    ],
    [
      'a payment in another currency',
      [['payment', pay(paid, "currency = 'USD'")]],
      `booking ${id(paid)} is confirmed at 60000 CAD, payment ${payment(paid)} brought 60000 USD`,
    ],
    [
      'a payment that did not confirm its booking',
      [['booking', change(paid, "status = 'pending', hold_expires_at = '2027-05-01T13:00:00Z'")]],
      `booking ${id(paid)} is pending although payment ${payment(paid)} succeeded`,
    ],
    [
      'a refund that was never made',
      [
        ['payment', 'DELETE FROM refunds'],
        ['payment', pay(cancelledPaid, "amount_refunded = 0, status = 'succeeded'")],
        ['booking', change(cancelledPaid, "amount_refunded = 0, payment_status = 'succeeded'")],
      ],
      `booking ${id(cancelledPaid)} is owed 20001 of payment ${payment(cancelledPaid)}, 0 goes back`,
    ],
    [
      'a refund of more than the cancellation gives',
      [['booking', change(cancelledPaid, 'refund_percentage = 25')]],
      `booking ${id(cancelledPaid)} is owed 10000 of payment ${payment(cancelledPaid)}, its cancellation gives back 20001`,
    ],
    [
      'a paid booking that was cancelled without a decision about the money',
      [['booking', change(paid, "status = 'cancelled', cancel_reason = 'hold_expired'")]],
      `booking ${id(paid)} is cancelled, payment ${payment(paid)} succeeded, and what goes back was not decided`,
    ],
    [
      'a second payment that is kept',
      [
        [
          'payment',
          `INSERT INTO payments (id, booking_id, establishment_id, attempt, status, session_status, amount, currency,
                                 expires_at, amount_paid, created_at, updated_at)
           SELECT '${id(88)}', booking_id, establishment_id, 2, status, session_status, amount, currency, expires_at,
                  amount_paid, created_at, updated_at FROM payments WHERE id = '${payment(paid)}'`,
        ],
      ],
      `booking ${id(paid)} is owed 60000 of payment ${id(88)}, 0 goes back`,
    ],
    [
      'refunds that do not add up to what the payment says',
      [['payment', "UPDATE refunds SET status = 'failed'"]],
      `booking ${id(cancelledPaid)} has payment ${payment(cancelledPaid)} with 20001 refunded, its refunds are 0 of 0`,
    ],
    [
      'sums that differ between booking and payment',
      [['booking', change(paid, 'amount_refunded = 1')]],
      `booking ${id(paid)} says succeeded, 60000 paid, 1 refunded; payment ${payment(paid)} says succeeded, 60000, 0`,
    ],
    [
      'a payment that booking has not heard of',
      [['booking', change(cancelledPaid, "payment_id = NULL, payment_status = 'unpaid', amount_paid = 0")]],
      `booking ${id(cancelledPaid)} has not heard of payment ${payment(cancelledPaid)}, which succeeded`,
    ],
  ]);
});

describe('F finds', () => {
  const then = '2027-05-01T11:00:00Z';
  const since = ', since 2027-05-01T11:00:00.000Z';
  const letter = `INSERT INTO dead_letters (id, stream, consumer, subject, body, error, deliveries, created_at)
                  VALUES ('${id(60)}', 'BOOKING', 'c', 's', '', 'unreadable', 5, '${then}')`;
  const unpublished = `INSERT INTO outbox (id, subject, body, created_at) VALUES ('${id(61)}', 's', '{}', '${then}')`;

  finds('F', [
    ...(['booking', 'calendar-sync', 'payment'] as const).map(
      (service): Plant => [
        `an event in the outbox of ${service}`,
        [[service, unpublished]],
        `event in the outbox of ${service} is not published ${id(61)}${since}`,
      ],
    ),
    ...(['booking', 'availability', 'calendar-sync', 'payment'] as const).map(
      (service): Plant => [
        `a dead letter of ${service}`,
        [[service, letter]],
        `dead letter of ${service} was not replayed ${id(60)}${since}`,
      ],
    ),
    [
      'a hold that is over',
      [['booking', change(pending, `hold_expires_at = '${then}'`)]],
      `hold is over and was not released: booking ${id(pending)}${since}`,
    ],
    [
      'a hold with a Checkout that nobody settles',
      [['booking', change(pending, `hold_expires_at = '${then}', checkout_open_until = '${then}'`)]],
      `hold is over and its Checkout was not settled: booking ${id(pending)}${since}`,
    ],
    [
      'a mirror that is due',
      [['calendar-sync', mirror(paid, `next_attempt_at = '${then}'`)]],
      `mirror is due and nobody writes it: booking ${id(paid)}${since}`,
    ],
    [
      'a mirror that waits without a reason',
      [['calendar-sync', mirror(paid, `state = 'wanted', updated_at = '${then}'`)]],
      `mirror is not synced, for no stated reason: booking ${id(paid)}${since}`,
    ],
    [
      'a calendar that nobody reads',
      [['calendar-sync', `UPDATE calendars SET next_sync_at = '${then}'`]],
      `calendar is due to be read: chalet ${lodge}${since}`,
    ],
    [
      'a payment that nobody looks up',
      [['payment', pay(paid, `next_check_at = '${then}'`)]],
      `payment is due to be looked up at Stripe ${payment(paid)}${since}`,
    ],
    [
      'a payment that stays open',
      [['payment', pay(paid, `status = 'open', session_status = 'open', expires_at = '${then}'`)]],
      `payment is open past its deadline ${payment(paid)}${since}`,
    ],
    [
      'a refund that is due',
      [['payment', `UPDATE refunds SET next_attempt_at = '${then}'`]],
      `refund is due ${refund(cancelledPaid)}${since}`,
    ],
    [
      'a refund that nobody follows',
      [['payment', `UPDATE refunds SET status = 'pending', updated_at = '${then}'`]],
      `refund has not ended and nobody follows it ${refund(cancelledPaid)}${since}`,
    ],
    [
      "an event of Stripe's that nobody processes",
      [
        [
          'payment',
          `INSERT INTO stripe_events (id, type, object_id, livemode, created_at, received_at, source, next_attempt_at)
           VALUES ('evt_1', 'charge.refunded', 'ch_1', false, '${then}', '${then}', 'webhook', '${then}')`,
        ],
      ],
      `Stripe's event is not processed evt_1${since}`,
    ],
  ]);

  it('nothing in a hold whose payment by a slow method is under way', async () => {
    await world.sql('booking', change(pending, `hold_expires_at = '${then}', checkout_open_until = '${then}'`));
    await world.sql('payment', `${pay(paid, `status = 'open'`)}`);
    await world.sql('payment', `UPDATE payments SET booking_id = '${id(pending)}' WHERE id = '${payment(paid)}'`);
    expect(await world.violations('F')).toEqual([]);
  });
});

describe('B finds', () => {
  const stay = { chaletId: lodge, startDate: '2027-06-01', endDate: '2027-06-04' };
  const answering = (status: number, body: unknown): Api => {
    const api: Api = {
      call: async () => ({ status, headers: new Headers(), body }),
      expect: async (_, schema) => schema.parse(body),
      as: () => api,
    };
    return api;
  };
  const afterAnswer = async (path: string, status: number, body: unknown) => {
    const answers = recordAnswers();
    const { api } = answers.listenTo({ api: answering(status, body), admin: answering(status, body) });
    await api.as('token').call('POST', path);
    return (await answers.check(world.databases)).violations;
  };

  it('a booking that was answered and does not exist', async () => {
    expect(await afterAnswer('/v1/bookings', 201, { id: id(pending), ...stay })).toEqual([]);
    const lost = `booking ${id(55)} was answered and does not exist`;
    expect(await afterAnswer('/v1/bookings', 201, { id: id(55), ...stay })).toEqual([lost]);
    expect(await afterAnswer('/v1/bookings', 409, { id: id(55), ...stay })).toEqual([]);
  });

  it('a booking that is for another stay than was answered', async () => {
    const body = { id: id(pending), ...stay, endDate: '2027-06-05' };
    const other = `booking ${id(pending)} is for another stay than was answered`;
    expect(await afterAnswer('/v1/bookings', 201, body)).toEqual([other]);
  });

  it('a cancellation that was answered and not kept', async () => {
    const cancel = (booking: number) => afterAnswer(`/v1/bookings/${id(booking)}/cancel`, 200, { id: id(booking) });
    expect(await cancel(cancelledPaid)).toEqual([]);
    expect(await cancel(paid)).toEqual([`the cancellation of booking ${id(paid)} was answered; it is confirmed`]);
  });
});

describe('the databases', () => {
  it('cannot be written through the checker, whatever the role may do', async () => {
    const sql = "UPDATE chalets SET name = '' RETURNING id";
    const written = world.databases.booking.rows(z.object({ id: z.string() }), sql);
    await expect(written).rejects.toThrow(/BOOKING_DATABASE_URL.*read-only transaction/);
  });

  it('that are missing or out of reach are named by their variables, one line each', async () => {
    const missing = world.urls.payment.replace(/[^/]+$/, 'nowhere');
    const opened = openDatabases({ ...world.urls, payment: missing, availability: 'postgres://127.0.0.1:1/a' });
    await expect(opened).rejects.toThrow(
      /^AVAILABILITY_DATABASE_URL: cannot use Postgres at 127.0.0.1:1\/a: .*\nPAYMENT_DATABASE_URL: cannot use .*\/nowhere: .*$/,
    );
  });
});
