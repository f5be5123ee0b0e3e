import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Api } from '../../support/api.ts';
import { recordAnswers } from '../answers.ts';
import { openDatabases } from '../databases.ts';
import { change, finds, mirror, type Plant, pay } from './plant.ts';
import { cancelledPaid, createWorld, id, lodge, paid, payment, pending, refund, type World } from './world.ts';

let world: World;
const found = () => world;
beforeAll(async () => {
  world = await createWorld();
});
beforeEach(() => world.reset());
afterAll(() => world?.close());

describe('E finds', () => {
  finds(found, 'E', [
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
        ['booking', change(paid, 'amount_paid = 120000')],
      ],
      `booking ${id(paid)} is owed 60000 of payment ${id(88)}, 0 goes back`,
    ],
    [
      'a ledger that says something else',
      [
        [
          'payment',
          `INSERT INTO ledger_entries (id, entry_key, kind, amount, currency, payment_id, booking_id, establishment_id,
                                       booking_reference, stripe_id, charge_id, occurred_at, recorded_at)
           SELECT '${id(89)}', 'ch_1', 'charge', 59999, 'CAD', id, booking_id, establishment_id, 'R1', 'ch_1', 'ch_1',
                  created_at, created_at FROM payments WHERE id = '${payment(paid)}'`,
        ],
      ],
      `booking ${id(paid)} has payment ${payment(paid)} with 60000 left of it, the ledger says 59999`,
    ],
    [
      'a deposit of another amount than was frozen',
      [['booking', change(paid, `price_schedule = '[{"purpose":"deposit","amount":20000,"dueDate":null}]'`)]],
      `booking ${id(paid)} is confirmed at 20000 CAD, payment ${payment(paid)} brought 60000 CAD`,
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

  finds(found, 'F', [
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
