import type { Context } from '../context.ts';
import type { CalendarApi } from '../google/calendar-api.ts';
import { GoogleCallError } from '../google/classify-error.ts';
import { LaneLostError, renewLane } from './lanes.ts';

/** A push that our own write causes comes within this time, or not at all. */
const echoMs = 30_000;

/**
 * The API as the holder of a lane uses it. Every call first makes sure that the lane is still held. Writes are announced: each makes Google push, and a push that is expected lets the next ones
 * join it before the calendar is listed; announced before the call, since the push can be faster than the answer.
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
    insertEvent: (...input) => announced(() => api.insertEvent(...input)),
    patchEvent: (...input) => announced(() => api.patchEvent(...input)),
    deleteEvent: (...input) => announced(() => api.deleteEvent(...input)),
  };
}

async function expectEcho(context: Context, chaletId: string, calendarId: string): Promise<void> {
  const now = context.now();
  const until = new Date(now.getTime() + echoMs);
  await context.db.$executeRaw`
    UPDATE calendars
       SET echoes = CASE WHEN echoes_until > ${now}::timestamptz THEN echoes + 1 ELSE 1 END,
           echoes_until = ${until}::timestamptz
     WHERE chalet_id = ${chaletId}::uuid AND calendar_id = ${calendarId}`;
}

async function forgetEcho(context: Context, chaletId: string): Promise<void> {
  await context.db.calendar.updateMany({ where: { chaletId, echoes: { gt: 0 } }, data: { echoes: { decrement: 1 } } });
}
