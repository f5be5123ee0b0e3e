import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { change, finds, mirror } from './plant.ts';
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
  pending,
  type World,
} from './world.ts';

let world: World;
const found = () => world;
beforeAll(async () => {
  world = await createWorld();
});
beforeEach(() => world.reset());
afterAll(() => world?.close());

describe('a system in which everything agrees', () => {
  it('holds every invariant', async () => {
    const findings = await world.check();
    expect(findings.map(finding => finding.invariant)).toEqual(['A', 'C', 'D', 'E', 'F']);
    expect(findings.flatMap(finding => finding.violations)).toEqual([]);
  });
});

describe('A finds', () => {
  it('two website bookings on one night', async () => {
    // In a world of its own: the tables themselves refuse this.
    const broken = await createWorld();
    try {
      await broken.sql('booking', 'ALTER TABLE bookings DROP CONSTRAINT bookings_no_overlap');
      await broken.sql('booking', change(pending, "start_date = '2027-06-09', end_date = '2027-06-11'"));
      expect(await broken.violations('A')).toEqual([
        `bookings ${id(pending)} and ${id(paid)} hold the same night of chalet ${lodge}`,
      ]);
    } finally {
      await broken.close();
    }
  });

  finds(found, 'A', [
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
  finds(found, 'C', [
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
  finds(found, 'D', [
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

  it('nothing wrong in an event that lost its link, while its owner is asked about the rest', async () => {
    const { start, end } = nights('2027-06-11', '2027-06-13');
    world.google.admin.updateEvent(calendarId, eventId(paid), { summary: 'Roy', start, end });
    expect(await world.violations('D')).not.toEqual([]);
    await world.sql('calendar-sync', mirror(paid, "state = 'awaiting_decision'"));
    expect(await world.violations('D')).toEqual([]);
  });
});
