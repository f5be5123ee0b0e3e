import { z } from 'zod';
import { googleFreshness } from './availability.ts';
import { externalEventChange } from './booking.ts';
import { defineEvent, defineRequest } from './define.ts';
import { actor, civilDate, dateRange, id, page, pageOf, timestamp, withRangeRule } from './values.ts';

/** Published and answered by the calendar-sync service. */

export const connectionStatus = z.enum(['not_connected', 'active', 'revoked']);

/** What was done in Google to the event of a booking. */
export const driftKind = z.enum(['moved', 'renamed', 'deleted', 'marked_free', 'unlinked']);
export const driftOutcome = z.enum(['restore', 'cancel', 'undone']);

const [changed, removed] = externalEventChange.options;

export const calendarEvents = {
  /** A booking's mirror exists in Google under this id (null: it was removed). */
  eventLinked: defineEvent({
    subject: 'calendar.event_linked',
    stream: 'CALENDAR',
    body: z.object({
      bookingId: id,
      googleEventId: z.string().nullable(),
      calendarId: z.string(),
      revision: z.int().positive().meta({ description: "grows with every change of this booking's mirror" }),
    }),
  }),
  externalEventChanged: defineEvent({ subject: 'calendar.external_event_changed', stream: 'CALENDAR', body: changed }),
  externalEventRemoved: defineEvent({ subject: 'calendar.external_event_removed', stream: 'CALENDAR', body: removed }),
  connectionChanged: defineEvent({
    subject: 'calendar.connection_changed',
    stream: 'CALENDAR',
    body: z.object({ establishmentId: id, status: connectionStatus, reason: z.string().nullable(), at: timestamp }),
  }),
  /** For the audit trail: a mirror that somebody changed or removed in Google was put back from the database. */
  mirrorRestored: defineEvent({
    subject: 'calendar.mirror_restored',
    stream: 'CALENDAR',
    body: z.object({ bookingId: id, googleEventId: z.string(), drift: z.string(), at: timestamp }),
  }),
  /** A mirror was changed in Google, and the establishment wants to be asked what follows. The booking stays as it is. */
  driftAwaitsDecision: defineEvent({
    subject: 'calendar.drift_awaits_decision',
    stream: 'CALENDAR',
    body: z.object({
      decisionId: id,
      bookingId: id,
      chaletId: id,
      establishmentId: id,
      kinds: z.array(driftKind),
      drift: z.string(),
      at: timestamp,
    }),
  }),
  /** What was decided about it, and by whom; `undone`: the event was put right in Google by hand. */
  driftDecided: defineEvent({
    subject: 'calendar.drift_decided',
    stream: 'CALENDAR',
    body: z.object({
      decisionId: id,
      bookingId: id,
      outcome: driftOutcome,
      by: z.enum(['owner', 'admin', 'calendar']),
      drift: z.string(),
      at: timestamp,
    }),
  }),
};

const shownEvent = z.object({ title: z.string(), startDate: z.string(), endDate: z.string() });

/** A decision that waits for the owner of an establishment with `calendarDrift: ask`, or what became of it. */
export const driftDecision = z.object({
  id,
  chaletId: id,
  bookingId: id,
  reference: z.string().meta({ description: 'of the booking', example: 'MS-7K3QXD' }),
  kinds: z.array(driftKind).meta({ description: 'what was done to the event in Google' }),
  description: z.string().meta({ example: 'moved in Google from 2027-02-10 – 2027-02-12 to 2027-02-11 – 2027-02-13' }),
  from: shownEvent.meta({ description: 'the event as the booking wants it' }),
  to: shownEvent.nullable().meta({ description: 'the event as it is in Google; null when it was deleted' }),
  since: timestamp,
  status: z.enum(['waiting', 'restored', 'cancelled', 'undone', 'closed']).meta({
    description: 'undone: the event was put right by hand; closed: there is nothing to decide any more',
  }),
  decidedAt: timestamp.nullable(),
  underWay: z.enum(['restore', 'cancel']).nullable().default(null).meta({
    description: 'what was decided and is being done: it cannot be decided otherwise any more',
  }),
  problem: z.string().nullable().default(null).meta({
    description: 'why what was decided is not done yet, or could not be done so that it waits for a decision again',
  }),
});
export const driftChoice = z.object({
  decision: z.enum(['restore', 'cancel']).meta({
    description: 'restore puts the event back; cancel cancels the booking and gives everything paid back',
  }),
});

/** What is wrong, in plain words. */
export const calendarProblem = z.object({
  code: z.enum(['revoked', 'calendar_gone', 'no_permission', 'quota', 'unreachable', 'error']),
  message: z.string().meta({ description: 'for the owner: what it means and what to do' }),
  since: timestamp,
});

/** A website booking and an event of the owner that want the same night. */
export const calendarConflict = z.object({
  bookingId: id,
  reference: z.string(),
  startDate: civilDate,
  endDate: civilDate,
  event: z.object({
    googleEventId: z.string(),
    title: z.string().nullable().meta({ description: 'null when the event is private' }),
    startDate: civilDate,
    endDate: civilDate,
  }),
});

const problem = calendarProblem.nullable().default(null).meta({ description: 'what is wrong; null when nothing is' });
const reasonSince = {
  reason: z.string().nullable().meta({ description: 'what Google said, for whoever helps' }),
  since: timestamp.nullable(),
};

export const googleOverview = z.object({
  establishmentId: id,
  connection: z.object({
    status: connectionStatus,
    account: z.string().nullable(),
    connectedAt: timestamp.nullable(),
    ...reasonSince,
    problem,
  }),
  calendars: z.array(
    z.object({
      chaletId: id,
      chaletName: z.string().nullable(),
      calendarId: z.string(),
      status: z.enum(['ok', 'syncing', 'failing', 'blocked']),
      ...reasonSince,
      problem,
      lastSyncAt: timestamp.nullable(),
      lastPushAt: timestamp.nullable(),
      channelExpiresAt: timestamp.nullable(),
      channelProblem: z
        .string()
        .nullable()
        .default(null)
        .meta({ description: 'why Google does not push; changes come with the periodic sync until it does' }),
      mirrors: z.object({
        synced: z.int(),
        waiting: z.int(),
        failed: z.int(),
        blocked: z.int(),
        awaitingDecision: z.int().default(0),
      }),
      conflicts: z.int(),
      conflictList: z
        .array(calendarConflict)
        .default([])
        .meta({ description: 'those of stays that are not over, soonest first, at most 20' }),
      problems: z
        .array(z.object({ bookingId: id, state: z.string(), reason: z.string() }))
        .meta({ description: 'mirrors that wait with an error, newest first, at most 20' }),
      decisions: z
        .array(driftDecision)
        .default([])
        .meta({ description: 'changes in Google that wait for a decision, oldest first, at most 20' }),
    }),
  ),
  leftEvents: z
    .array(z.object({ chaletId: id, events: z.int().positive() }))
    .default([])
    .meta({
      description:
        'events that still take nights although Google was disconnected; choosing no calendar for the chalet lets go of them',
    }),
  leftMirrors: z
    .object({
      events: z.int(),
      calendars: z.array(
        z.object({
          calendarId: z.string(),
          account: z.string().nullable().meta({ description: 'the Google account that saw the calendar, if known' }),
          events: z.int().positive(),
          problem: calendarProblem,
        }),
      ),
    })
    .default({ events: 0, calendars: [] })
    .meta({
      description:
        'events of bookings that could not be removed from calendars where they do not belong any more, by calendar, at most 20',
    }),
  beingRemoved: z.int().default(0).meta({
    description: 'events of bookings of chalets without a calendar that are still to be removed from Google',
  }),
});

export const selectableCalendar = z.object({
  calendarId: z.string(),
  name: z.string(),
  primary: z.boolean(),
  writable: z.boolean(),
  chaletId: id.nullable().meta({ description: 'the chalet this calendar already serves' }),
  inUse: z
    .boolean()
    .default(false)
    .meta({ description: 'it serves a chalet already, perhaps of another establishment' }),
});

export const calendarChoice = z.object({ calendarId: z.string().min(1).max(255).nullable() });
export const chaletCalendar = z.object({ chaletId: id, calendarId: z.string().nullable() });

export const syncReport = z.object({
  chaletId: id,
  syncedAt: timestamp,
  full: z.boolean().meta({ description: 'everything was listed, not only what changed' }),
  changed: z.int(),
  removed: z.int(),
  recorded: z.boolean().meta({ description: 'the rows are in the database already, not only on their way' }),
});

const managed = { actor, establishmentId: id };
const deadlineMs = 3_000;
const googleDeadlineMs = 20_000;

export const calendarRequests = {
  /** Google's part of an availability answer: syncs first when the copy is older than allowed, within a deadline. */
  consult: defineRequest({
    subject: 'svc.calendar-sync.consult',
    input: withRangeRule(z.object({ chaletId: id, ...dateRange }), 400),
    output: z.object({
      status: googleFreshness,
      syncedAt: timestamp.nullable(),
      busy: z.array(z.object({ googleEventId: z.string(), startDate: civilDate, endDate: civilDate })),
    }),
    deadlineMs: 1_500,
  }),
  /** Syncs one chalet's calendar now; `google_not_connected` when it has none. */
  syncCalendar: defineRequest({
    subject: 'svc.calendar-sync.sync_calendar',
    input: z.object({ actor, chaletId: id }),
    output: syncReport,
    deadlineMs: googleDeadlineMs,
  }),
  connect: defineRequest({
    subject: 'svc.calendar-sync.connect',
    input: z.object(managed),
    output: z.object({ authorizationUrl: z.url() }),
    deadlineMs,
  }),
  /** The browser came back from Google. Refusals say in plain words why it is not connected. */
  completeConnection: defineRequest({
    subject: 'svc.calendar-sync.complete_connection',
    input: z.object({
      state: z.string().max(500),
      code: z.string().max(2_000).optional(),
      error: z.string().max(200).optional(),
    }),
    output: z.object({ establishmentId: id, account: z.string().nullable() }),
    deadlineMs: googleDeadlineMs,
  }),
  disconnect: defineRequest({
    subject: 'svc.calendar-sync.disconnect',
    input: z.object({ ...managed, removeMirrors: z.boolean().default(false) }),
    output: z.object({}),
    deadlineMs: googleDeadlineMs,
  }),
  overview: defineRequest({
    subject: 'svc.calendar-sync.overview',
    input: z.object(managed),
    output: googleOverview,
    deadlineMs,
  }),
  listCalendars: defineRequest({
    subject: 'svc.calendar-sync.list_calendars',
    input: z.object(managed),
    output: z.object({ items: z.array(selectableCalendar), nextCursor: z.null() }),
    deadlineMs: googleDeadlineMs,
  }),
  chooseCalendar: defineRequest({
    subject: 'svc.calendar-sync.choose_calendar',
    input: z.object({ actor, chaletId: id, calendarId: calendarChoice.shape.calendarId }),
    output: chaletCalendar,
    deadlineMs: googleDeadlineMs,
  }),
  /** The decisions that wait, oldest first. */
  listDecisions: defineRequest({
    subject: 'svc.calendar-sync.list_decisions',
    input: z.object({ ...managed, ...page }),
    output: pageOf(driftDecision),
    deadlineMs,
  }),
  /** Decides one; to decide the same again changes nothing, `already_decided` refuses to decide otherwise. */
  decideDrift: defineRequest({
    subject: 'svc.calendar-sync.decide_drift',
    input: z.object({ ...managed, decisionId: id, decision: driftChoice.shape.decision }),
    output: driftDecision,
    deadlineMs: 5_000,
  }),
  /** A push notification's headers. Refused with `not_found` for an unknown channel or a wrong token. */
  receivePush: defineRequest({
    subject: 'svc.calendar-sync.receive_push',
    input: z.object({
      channelId: z.string().max(64),
      channelToken: z.string().max(256),
      resourceId: z.string().max(200),
      resourceState: z.string().max(50),
      messageNumber: z.string().max(20).optional().meta({ description: 'tells a message that Google sends again' }),
    }),
    output: z.object({}),
    deadlineMs,
  }),
};
