import type { Context } from '../context.ts';
import type { GoogleEvent } from '../domain/classify-event.ts';
import type { CalendarApi } from '../google/calendar-api.ts';
import { GoogleCallError } from '../google/classify-error.ts';
import { LaneLostError, renewLane } from './lanes.ts';

/**
 * The API as the holder of a lane uses it. Every call first makes sure that the lane is still held. Writes are announced:
 * each makes Google push once, and a push that a write explains costs no listing (docs/decisions/011). Announced before
 * the call, since the push can be faster than the answer.
 * @throws LaneLostError when another replica writes this calendar by now
 */
export function laneApi(context: Context, chaletId: string, calendarId: string, api: CalendarApi): CalendarApi {
  const held = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!(await renewLane(context, chaletId))) throw new LaneLostError();
    return call();
  };
  const announced = async <T>(write: () => Promise<T>): Promise<T> => {
    await expectEcho(context, chaletId, calendarId);
    try {
      return await held(write);
    } catch (error) {
      // Refused, nothing will be pushed; without an answer, nobody knows, and one listing too many does no harm.
      if (error instanceof GoogleCallError) await forgetEcho(context, chaletId);
      throw error;
    }
  };
  return {
    ...api,
    getEvent: (...input) => held(() => api.getEvent(...input)),
    insertEvent: (id, event, sendUpdates) =>
      withOrWithoutGuests(event, one => announced(() => api.insertEvent(id, one, sendUpdates))),
    patchEvent: (id, eventId, event, etag, sendUpdates) =>
      withOrWithoutGuests(event, one => announced(() => api.patchEvent(id, eventId, one, etag, sendUpdates))),
    deleteEvent: (...input) => announced(() => api.deleteEvent(...input)),
  };
}

/**
 * Google refuses an event whole for an address that it takes for none, and is stricter about them than we are. That a
 * stay is in the calendar matters more than its guest's invitation; the address is in the event's text as well.
 */
async function withOrWithoutGuests<T>(event: GoogleEvent, write: (event: GoogleEvent) => Promise<T>): Promise<T> {
  try {
    return await write(event);
  } catch (error) {
    const isRefused = error instanceof GoogleCallError && error.failure.kind === 'invalid';
    const { attendees, ...withoutGuests } = event;
    if (!isRefused || !attendees?.length) throw error;
    return write(withoutGuests);
  }
}

/** Only while a channel is open: without one nothing is pushed, and a push that does not come says nothing. */
async function expectEcho(context: Context, chaletId: string, calendarId: string): Promise<void> {
  const now = context.now();
  const after = (ms: number) => new Date(now.getTime() + ms);
  await context.db.$executeRaw`
    UPDATE calendars
       SET echoes = CASE WHEN echoes_until > ${now}::timestamptz THEN echoes + 1 ELSE 1 END,
           echoes_until = ${after(context.timing.echoMs)}::timestamptz,
           check_at = COALESCE(check_at, ${after(context.timing.missingEchoMs)}::timestamptz)
     WHERE chalet_id = ${chaletId}::uuid AND calendar_id = ${calendarId}
       AND EXISTS (SELECT 1 FROM channels channel
                    WHERE channel.chalet_id = calendars.chalet_id AND channel.generation = calendars.generation
                      AND channel.stopped_at IS NULL AND channel.expires_at > ${now}::timestamptz)`;
}

async function forgetEcho(context: Context, chaletId: string): Promise<void> {
  await context.db.$executeRaw`
    UPDATE calendars SET echoes = echoes - 1, check_at = CASE WHEN echoes > 1 THEN check_at END
     WHERE chalet_id = ${chaletId}::uuid AND echoes > 0`;
}
