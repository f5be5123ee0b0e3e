import {
  addDays,
  availability,
  type Booking,
  booking,
  type CivilDate,
  createdBooking,
  googleOverview,
  syncReport,
} from '@monde-sauvage/contracts';
import type { Demo } from '@monde-sauvage/emulators';
import { z } from 'zod';
import { type Api, createApi } from '../support/api.ts';
import { type CalendarEvent, createGoogleHand, type GoogleHand } from '../support/google.ts';
import { createStripeHand, type StripeHand } from '../support/stripe.ts';
import { createPatientApi } from './patient-api.ts';
import type { Story } from './story.ts';

/** The stage of the demo: one chalet with a calendar, its owner, a guest, and dates nobody has taken. */
export interface Stage {
  story: Story;
  api: Api;
  owner: Api;
  google: GoogleHand;
  stripe: StripeHand;
  chalet: { id: string; name: string; calendarId: string };
  establishmentId: string;
  /** The first day of eight free weeks. */
  from: CivilDate;
}

const checkPath = (chaletId: string, from: string, to: string) =>
  `/v1/chalets/${chaletId}/availability?from=${from}&to=${to}`;

/** Finds eight free weeks, so that the demo can be played any number of times. */
export async function setStage(demo: Demo, story: Story): Promise<Stage> {
  const chalet = demo.chalets.find(candidate => candidate.calendarId !== null);
  if (!chalet?.calendarId) {
    throw new Error(
      'no chalet of the demo has a calendar: the demo needs the Google emulator (unset GOOGLE_API_BASE_URL)',
    );
  }
  const api = createPatientApi(createApi(demo.gatewayUrl), line => story.tell(line));
  const today = new Date().toISOString().slice(0, 10);
  const freeDay = z.object({ items: z.array(z.object({ available: z.boolean() })) });
  for (let ahead = 14; ahead < 1_000; ahead += 7) {
    const from = addDays(today, ahead);
    const path = `/v1/chalets/${chalet.id}/calendar?from=${from}&to=${addDays(from, 56)}`;
    const { items } = await api.expect(200, freeDay, 'GET', path);
    if (items.some(day => !day.available)) continue;
    return {
      story,
      api,
      owner: api.as(demo.ownerKey),
      google: createGoogleHand(demo.googleUrl),
      stripe: createStripeHand(demo.stripeUrl),
      chalet: { ...chalet, calendarId: chalet.calendarId },
      establishmentId: demo.establishmentId,
      from,
    };
  }
  throw new Error('every week of the next years is taken: npm run reset empties the demo');
}

const row = (stage: Stage, id: string): Promise<Booking> =>
  stage.owner.expect(200, booking, 'GET', `/v1/bookings/${id}`);

const tellRow = (one: Booking) =>
  `${one.source} ${one.status}${one.cancelReason ? ` (${one.cancelReason})` : ''}, ${one.startDate} → ${one.endDate}, ` +
  `${one.customer.name}, google_event_id ${one.googleEventId ?? 'null'}`;

const tellEvent = (event: CalendarEvent | undefined) =>
  event ? `“${event.summary}”, ${event.start?.date} → ${event.end?.date}` : 'nothing of this booking';

const bookStay = (stage: Stage, startDate: CivilDate, endDate: CivilDate, name: string) =>
  stage.api.expect(201, createdBooking, 'POST', '/v1/bookings', {
    body: {
      chaletId: stage.chalet.id,
      startDate,
      endDate,
      customer: { name, email: 'john.doe@example.com' },
      notes: 'Arrivée vers 20 h',
    },
  });

const onlyMirror = async (stage: Stage, bookingId: string): Promise<CalendarEvent | undefined> => {
  const mirrors = await stage.google.mirrorsOf(stage.chalet.calendarId, bookingId);
  return mirrors.length === 1 ? mirrors[0] : undefined;
};

/**
 * Bookings made just before (a load test, say) are mirrored first, as quickly as Google's quota lets them.
 * @throws Error when their number does not fall for a minute and a half
 */
async function letCalendarCatchUp(stage: Stage): Promise<void> {
  const path = `/v1/establishments/${stage.establishmentId}/google`;
  let least = Number.POSITIVE_INFINITY;
  let fellAt = performance.now();
  for (;;) {
    const { calendars } = await stage.owner.expect(200, googleOverview, 'GET', path);
    const waiting = calendars.reduce((sum, { mirrors }) => sum + mirrors.waiting, 0);
    if (waiting === 0) return;
    if (least === Number.POSITIVE_INFINITY) stage.story.tell(`(${waiting} bookings are still on their way to Google)`);
    if (waiting < least) fellAt = performance.now();
    least = Math.min(least, waiting);
    if (performance.now() - fellAt > 90_000) throw new Error(`${waiting} bookings do not get to Google: see ${path}`);
    await new Promise(resolve => setTimeout(resolve, 500));
  }
}

export async function websiteBooking(stage: Stage) {
  const { story, chalet } = stage;
  await letCalendarCatchUp(stage);
  const [start, end] = [stage.from, addDays(stage.from, 3)];
  story.chapter('1. A guest books on the website (database → Google)');
  const began = performance.now();
  const made = await bookStay(stage, start, end, 'John Doe');
  story.tell(
    `John Doe books ${chalet.name}, ${start} → ${end}; answered in ${(performance.now() - began).toFixed(0)} ms`,
  );
  story.show('database', tellRow(made));
  story.check(
    'the row is pending, from the website, without an event yet',
    [made.status, made.source, made.googleEventId],
    ['pending', 'website', null],
  );
  const mirror = await story.until('the event appears in Google', () => onlyMirror(stage, made.id));
  story.show('calendar', tellEvent(mirror));
  story.check('its title is chalet and guest', mirror.summary, `${chalet.name} - John Doe`);
  story.check('it carries our booking id', mirror.extendedProperties?.private?.booking_id, made.id);
  const linked = await story.until('its id comes back into the row', async () => {
    const now = await row(stage, made.id);
    return now.googleEventId === mirror.id && now;
  });
  story.show('database', tellRow(linked));
  return made;
}

export async function googleBooking(stage: Stage): Promise<void> {
  const { story, google, chalet } = stage;
  const [start, end] = [addDays(stage.from, 10), addDays(stage.from, 15)];
  story.chapter('2. The owner adds an event in Google (Google → database)');
  const event = await google.addEvent(chalet.calendarId, { title: 'Famille Tremblay', startDate: start, endDate: end });
  story.tell(`The owner writes “Famille Tremblay”, ${start} → ${end}, into the calendar`);
  const rows = z.object({ items: z.array(booking) });
  const path = `/v1/establishments/${stage.establishmentId}/bookings?source=google&status=confirmed&from=${start}&to=${end}`;
  const arrived = await story.until('a push brings it in as a confirmed row', async () =>
    (await stage.owner.expect(200, rows, 'GET', path)).items.find(item => item.googleEventId === event.id),
  );
  story.show('database', tellRow(arrived));
  story.check('the customer is the title', arrived.customer.name, 'Famille Tremblay');

  await google.moveEvent(chalet.calendarId, event.id, { startDate: addDays(start, 1), endDate: end });
  story.tell('The owner shortens it by its first night');
  const moved = await story.until('the row follows', async () => {
    const now = await row(stage, arrived.id);
    return now.startDate === addDays(start, 1) && now;
  });
  story.show('database', tellRow(moved));

  await google.deleteEvent(chalet.calendarId, event.id);
  story.tell('The owner deletes it');
  const gone = await story.until('the row is cancelled', async () => {
    const now = await row(stage, arrived.id);
    return now.status === 'cancelled' && now;
  });
  story.show('database', tellRow(gone));
}

export async function availabilityCheck(stage: Stage): Promise<void> {
  const { story, api, google, chalet } = stage;
  const [start, end] = [addDays(stage.from, 20), addDays(stage.from, 24)];
  story.chapter('3. A guest asks for availability (both must be clear)');
  const ask = () => api.expect(200, availability, 'GET', checkPath(chalet.id, start, end));
  const free = await ask();
  story.tell(`Is ${chalet.name} free, ${start} → ${end}?`);
  story.show(
    'answer',
    `${free.available ? 'free' : 'taken'}; google is ${free.sources.google.status}; ${free.quote.total / 100} ${free.quote.currency}`,
  );
  story.check('nothing in the database, nothing in Google: free', free.available, true);
  const event = await google.addEvent(chalet.calendarId, {
    title: 'Airbnb',
    startDate: addDays(start, 1),
    endDate: end,
  });
  await stage.owner.expect(200, syncReport, 'POST', `/v1/chalets/${chalet.id}/google-calendar/sync`);
  const taken = await ask();
  story.tell('An Airbnb stay is added in Google. And now?');
  story.show('answer', `${taken.available ? 'free' : 'taken'}: ${JSON.stringify(taken.conflicts)}`);
  story.check('an event in Google takes the nights', [taken.available, taken.conflicts.length], [false, 1]);
  const refused = await api.call('POST', '/v1/bookings', {
    body: {
      chaletId: chalet.id,
      startDate: start,
      endDate: end,
      customer: { name: 'Jane Roe', email: 'jane@example.com' },
    },
  });
  story.check('and a booking of them is refused', refused.status, 409);
  await google.deleteEvent(chalet.calendarId, event.id);
}

export async function cancellation(stage: Stage): Promise<void> {
  const { story } = stage;
  const [start, end] = [addDays(stage.from, 30), addDays(stage.from, 32)];
  story.chapter('4. A booking is cancelled');
  const made = await bookStay(stage, start, end, 'Jane Roe');
  const mirror = await story.until('Jane Roe has booked, her event is in Google', () => onlyMirror(stage, made.id));
  story.show('calendar', tellEvent(mirror));
  const guest = stage.api.as(made.manageToken);
  const cancelled = await guest.expect(200, booking, 'POST', `/v1/bookings/${made.id}/cancel`, { body: {} });
  story.tell('She cancels');
  story.show('database', tellRow(cancelled));
  story.check('the row is cancelled at once', [cancelled.status, cancelled.cancelReason], ['cancelled', 'guest']);
  await story.until(
    'the event is deleted in Google',
    async () => (await stage.google.mirrorsOf(stage.chalet.calendarId, made.id)).length === 0,
  );
  story.show('calendar', tellEvent(undefined));
}

const checkoutLink = z.object({ checkoutUrl: z.url(), expiresAt: z.string() });

export async function payment(stage: Stage, made: z.infer<typeof createdBooking>): Promise<void> {
  const { story, stripe, chalet } = stage;
  story.chapter('5. The guest pays');
  const guest = stage.api.as(made.manageToken);
  const link = await guest.expect(200, checkoutLink, 'POST', `/v1/bookings/${made.id}/checkout`, { body: {} });
  story.tell(`John Doe opens Stripe's page (${link.checkoutUrl}) and pays`);
  await stripe.pay(link.checkoutUrl);
  const confirmed = await story.until('Stripe reports it and the row is confirmed', async () => {
    const now = await row(stage, made.id);
    return now.status === 'confirmed' && now;
  });
  story.show(
    'database',
    `${tellRow(confirmed)}, paid ${confirmed.payment.amountPaid / 100} ${confirmed.price?.currency}`,
  );
  story.check('the payment is recorded', confirmed.payment.amountPaid, confirmed.price?.total);
  const title = `[CONFIRMED] ${chalet.name} - John Doe`;
  const mirror = await story.until('the event says so', async () => {
    const now = await onlyMirror(stage, made.id);
    return now?.summary === title && now;
  });
  story.show('calendar', tellEvent(mirror));
}
