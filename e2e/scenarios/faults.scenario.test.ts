import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, availability, booking } from '@monde-sauvage/contracts';
import { eventually } from '@monde-sauvage/testkit';
import { connect } from 'nats';
import pg from 'pg';
import { z } from 'zod';
import type { Infrastructure } from '../../scripts/platform/infrastructure.ts';
import { recordAnswers } from '../invariants/answers.ts';
import { invariantsHold } from '../invariants/at-rest.ts';
import {
  book,
  bookingBody,
  calendarSettles,
  dateAhead,
  type Lodge,
  mirrorsAreDone,
  openLodge,
  pay,
  type Scenario,
  startScenario,
} from '../support/scenario.ts';

let scenario: Scenario;
let lodge: Lodge;
const answers = recordAnswers();

beforeAll(async () => {
  scenario = answers.listenTo(await startScenario({ RECONCILE_INTERVAL_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' }));
  lodge = await openLodge(scenario);
}, 300_000);

/** Whatever went wrong in a test: once it is over, the system comes to rest with every promise kept. */
afterEach(() => invariantsHold(scenario.platform, answers), 300_000);

afterAll(() => scenario?.stop(), 300_000);

const readBooking = (id: string) => lodge.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);

describe('Google', () => {
  it('is down while a guest books: the booking is answered, its event appears when Google is back', async () => {
    await scenario.google.setDown(true);
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(30), endDate: dateAhead(32) });
    expect(created.status).toBe('pending');
    const check = await scenario.api.expect(
      200,
      availability,
      'GET',
      `/v1/chalets/${lodge.chaletId}/availability?from=${dateAhead(33)}&to=${dateAhead(34)}`,
    );
    expect(check.available).toBe(true);
    await scenario.google.setDown(false);
    await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
  });

  it('applies an insert and loses its answer: there is exactly one event', async () => {
    await scenario.google.addFault({ match: { method: 'POST', path: 'events$' }, times: 1, loseResponse: 'after' });
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(34), endDate: dateAhead(36) });
    await eventually(async () => (await readBooking(created.id)).googleEventId);
    expect(await scenario.google.mirrorsOf(lodge.calendarId, created.id)).toHaveLength(1);
  });

  it('brings an event that overlaps a website booking: it is stored, both are flagged, and cleared when it goes', async () => {
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(38), endDate: dateAhead(41) });
    const event = await scenario.google.addEvent(lodge.calendarId, {
      title: 'Famille Gagnon',
      startDate: dateAhead(40),
      endDate: dateAhead(42),
    });
    await eventually(async () => (await readBooking(created.id)).conflict);
    const path = `/v1/chalets/${lodge.chaletId}/schedule?from=${dateAhead(38)}&to=${dateAhead(43)}`;
    const schedule = await lodge.owner.expect(200, z.object({ items: z.array(booking) }), 'GET', path);
    expect(schedule.items.map(({ source, status, conflict }) => ({ source, status, conflict }))).toEqual([
      { source: 'website', status: 'pending', conflict: true },
      { source: 'google', status: 'confirmed', conflict: true },
    ]);
    await scenario.google.deleteEvent(lodge.calendarId, event.id);
    await eventually(async () => !(await readBooking(created.id)).conflict);
  });
});

describe('Stripe', () => {
  it('loses every webhook of a payment: reconciliation finds it', async () => {
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(50), endDate: dateAhead(52) });
    await scenario.stripe.dropWebhooks(20);
    await pay(scenario, created);
    await eventually(async () => (await readBooking(created.id)).status === 'confirmed');
    await scenario.stripe.dropWebhooks(0);
  });
});

describe('a service', () => {
  it('is stopped: what needs it answers 503 with Retry-After, what does not goes on, and its events wait', async () => {
    const { services } = scenario.platform;
    await services.availability.stop();
    const range = `from=${dateAhead(60)}&to=${dateAhead(62)}`;
    const refused = await scenario.api.call('GET', `/v1/chalets/${lodge.chaletId}/availability?${range}`);
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await book(scenario, lodge.chaletId, { startDate: dateAhead(60), endDate: dateAhead(62) });
    await services.availability.start();
    await services.availability.ready();

    // Now booking is away: the waiting event has reached the read model, which answers in its place.
    await services.booking.stop();
    try {
      const answer = await eventually(async () => {
        const path = `/v1/chalets/${lodge.chaletId}/availability?${range}`;
        const seen = await scenario.api.expect(200, availability, 'GET', path);
        return seen.conflicts.length > 0 ? seen : undefined;
      });
      expect(answer).toMatchObject({ available: false, sources: { database: { status: 'replica' } } });
      const body = bookingBody(lodge.chaletId, { startDate: dateAhead(64), endDate: dateAhead(65) });
      expect(await scenario.api.call('POST', '/v1/bookings', { body })).toMatchObject({ status: 503 });
    } finally {
      await services.booking.start();
      await services.booking.ready();
    }
  });

  it('is killed between commit and publish: its event still arrives', async () => {
    const { services, infrastructure } = scenario.platform;
    const database = new pg.Client({ connectionString: infrastructure.databaseUrl('booking') });
    await database.connect();
    try {
      // While this trigger stands, the relay takes new outbox rows for published: it stops exactly between the two.
      await database.query(`
        CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.published_at := now(); RETURN NEW; END $$`);
      await database.query(
        'CREATE TRIGGER hold_back BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION hold_back()',
      );
      const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(70), endDate: dateAhead(72) });
      await services.booking.kill();
      await database.query('DROP FUNCTION hold_back CASCADE');
      const { rowCount } = await database.query(
        `UPDATE outbox SET published_at = NULL WHERE subject = 'booking.created' AND body->>'id' = $1`,
        [created.id],
      );
      expect(rowCount).toBe(1);
      expect(await scenario.google.mirrorsOf(lodge.calendarId, created.id)).toEqual([]);

      await services.booking.start();
      await services.booking.ready();
      await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
      await mirrorsAreDone(lodge);
    } finally {
      await database.end();
    }
  });

  it('misses events because their stream was lost: the sweep finds out and has them said again', async () => {
    const { services, infrastructure } = scenario.platform;
    await services.availability.stop();
    await services['calendar-sync'].stop();
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(80), endDate: dateAhead(82) });
    // Without a calendar nothing announces this booking a second time.
    const plain = await openLodge(scenario, { google: false });
    await book(scenario, plain.chaletId, { startDate: dateAhead(80), endDate: dateAhead(82) });
    await loseStream(infrastructure, 'BOOKING');
    await services.availability.start();
    await services['calendar-sync'].start();
    await services['calendar-sync'].ready();
    await calendarSettles(scenario, lodge, created.id, mirrors => mirrors.length === 1);
    const isFound = async (from: string) => {
      const search = `/v1/availability?from=${from}&to=${addDays(from, 1)}&establishmentId=${plain.establishmentId}`;
      return (
        (await scenario.api.expect(200, z.object({ items: z.array(z.unknown()) }), 'GET', search)).items.length > 0
      );
    };
    await eventually(() => isFound(dateAhead(83)), { describe: 'the chalet to be known again' });
    await eventually(async () => !(await isFound(dateAhead(80))), { describe: 'its booking to be known again' });
  });

  it('misses what the calendars said because their stream was lost: it is found out and said again', async () => {
    const { services, infrastructure } = scenario.platform;
    await scenario.google.setDown(true);
    const created = await book(scenario, lodge.chaletId, { startDate: dateAhead(86), endDate: dateAhead(88) });
    await services.booking.stop();
    await scenario.google.setDown(false);
    const isLinked = `SELECT 1 FROM mirrors WHERE booking_id = '${created.id}' AND linked_event_id IS NOT NULL`;
    await eventually(async () => (await rowsOf(infrastructure, 'calendar-sync', isLinked)) === 1, {
      timeoutMs: 30_000,
    });
    const stay = { startDate: dateAhead(90), endDate: dateAhead(92) };
    await scenario.google.addEvent(lodge.calendarId, { title: 'Famille Roy', ...stay });
    const isRead = `SELECT 1 FROM external_events WHERE title = 'Famille Roy' AND status = 'active'`;
    await eventually(async () => (await rowsOf(infrastructure, 'calendar-sync', isRead)) === 1, { timeoutMs: 30_000 });
    await loseStream(infrastructure, 'CALENDAR', 'calendar-sync');
    await services.booking.start();
    await services.booking.ready();
    await eventually(async () => (await readBooking(created.id)).googleEventId, { describe: 'the link to be known' });
    const body = bookingBody(lodge.chaletId, stay);
    await eventually(
      async () => {
        const path = `/v1/chalets/${lodge.chaletId}/availability?from=${stay.startDate}&to=${stay.endDate}`;
        return !(await scenario.api.expect(200, availability, 'GET', path)).available;
      },
      { describe: "the owner's nights to be taken" },
    );
    expect(await scenario.api.call('POST', '/v1/bookings', { body })).toMatchObject({ status: 409 });
  });

  it('is killed while guests book: every booking answered 201 exists, and each has its event', async () => {
    const { services } = scenario.platform;
    const wishes = Array.from({ length: 20 }, (_, index) => ({
      startDate: dateAhead(100 + index),
      endDate: dateAhead(101 + index),
    }));
    const sent = wishes.map(wish =>
      scenario.api.call('POST', '/v1/bookings', { body: bookingBody(lodge.chaletId, wish) }),
    );
    await Promise.race(sent);
    await services.booking.kill();
    const answers = await Promise.all(sent);
    await services.booking.start();
    await services.booking.ready();
    expect(answers.every(answer => answer.status === 201 || answer.status === 503)).toBe(true);
    for (const answer of answers.filter(({ status }) => status === 201)) {
      const { id } = z.object({ id: z.string() }).parse(answer.body);
      expect(await readBooking(id)).toMatchObject({ status: 'pending' });
      await calendarSettles(scenario, lodge, id, mirrors => mirrors.length === 1);
    }
  });
});

/** Deletes a service's stream once everything is published to it, as a rolled back JetStream would lose it. */
async function loseStream(
  infrastructure: Infrastructure,
  stream: string,
  service: 'booking' | 'calendar-sync' = 'booking',
): Promise<void> {
  const waiting = 'SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1';
  await eventually(async () => (await rowsOf(infrastructure, service, waiting)) === 0);
  const connection = await connect({ servers: infrastructure.natsUrl });
  const manager = await connection.jetstreamManager();
  await manager.streams.delete(stream);
  await connection.close();
}

/** How many rows a query of a service's database finds. */
async function rowsOf(infrastructure: Infrastructure, service: 'booking' | 'calendar-sync', sql: string) {
  const database = new pg.Client({ connectionString: infrastructure.databaseUrl(service) });
  await database.connect();
  try {
    return (await database.query(sql)).rowCount;
  } finally {
    await database.end();
  }
}
