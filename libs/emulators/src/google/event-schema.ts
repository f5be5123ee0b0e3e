import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { z } from 'zod';

export type GoogleEvent = calendar_v3.Schema$Event;
export type EventDateTime = calendar_v3.Schema$EventDateTime;

const text = z.string().nullable().exactOptional();
const flag = z.boolean().nullable().exactOptional();

export const eventDateTime = z.object({ date: text, dateTime: text, timeZone: text });

const person = z
  .object({
    id: z.string().exactOptional(),
    email: z.string().exactOptional(),
    displayName: z.string().exactOptional(),
    self: z.boolean().exactOptional(),
  })
  .nullable()
  .exactOptional();

const attendee = z.object({
  id: text,
  email: z.string(),
  displayName: text,
  organizer: flag,
  self: flag,
  resource: flag,
  optional: flag,
  responseStatus: z.enum(['needsAction', 'declined', 'tentative', 'accepted']).nullable().exactOptional(),
  comment: text,
  additionalGuests: z.number().int().nullable().exactOptional(),
});

const properties = z.record(z.string().min(1).max(44), z.string().max(1024)).exactOptional();

/** What a caller may set; everything else in a body is ignored, as Google does. */
const writable = {
  id: text,
  iCalUID: text,
  status: z.enum(['confirmed', 'tentative', 'cancelled']).nullable().exactOptional(),
  summary: text,
  description: text,
  location: text,
  colorId: text,
  start: eventDateTime.exactOptional(),
  end: eventDateTime.exactOptional(),
  recurrence: z.array(z.string()).nullable().exactOptional(),
  transparency: z.enum(['opaque', 'transparent']).nullable().exactOptional(),
  visibility: z.enum(['default', 'public', 'private', 'confidential']).nullable().exactOptional(),
  sequence: z.number().int().nullable().exactOptional(),
  attendees: z.array(attendee).exactOptional(),
  extendedProperties: z.object({ private: properties, shared: properties }).nullable().exactOptional(),
  reminders: z
    .object({
      useDefault: z.boolean().exactOptional(),
      overrides: z
        .array(z.object({ method: text, minutes: z.number().int().nullable().exactOptional() }))
        .exactOptional(),
    })
    .nullable()
    .exactOptional(),
  source: z.object({ title: z.string().exactOptional(), url: z.string().exactOptional() }).nullable().exactOptional(),
  guestsCanInviteOthers: flag,
  guestsCanModify: flag,
  guestsCanSeeOtherGuests: flag,
  anyoneCanAddSelf: flag,
  eventType: text,
};

/** Names of the fields a caller may set. */
export const writableFields: readonly string[] = Object.keys(writable);

/** A stored event; its output is the SDK's own type, so a wrong field does not compile. */
export const eventResource: z.ZodType<GoogleEvent> = z.object({
  ...writable,
  kind: text,
  etag: text,
  htmlLink: text,
  created: text,
  updated: text,
  creator: person,
  organizer: person,
  recurringEventId: text,
  originalStartTime: eventDateTime.exactOptional(),
});
