import type { Context } from '../context.ts';
import type { CalendarApi } from '../google/calendar-api.ts';
import { GoogleCallError } from '../google/classify-error.ts';

/** A push that our own write causes comes within this time, or not at all. */
const echoMs = 30_000;

/**
 * The API with its writes announced: each makes Google push, and a push that is expected is no reason to list the
 * calendar at once. Announced before the call, since the push can be faster than the answer.
 */
export function announceWrites(context: Context, chaletId: string, calendarId: string, api: CalendarApi): CalendarApi {
  const announced = async <T>(write: () => Promise<T>): Promise<T> => {
    await expectEcho(context, chaletId, calendarId);
    try {
      return await write();
    } catch (error) {
      // With an answer that refuses, nothing was written and nothing will be pushed.
      if (error instanceof GoogleCallError && error.failure.kind !== 'retry') await forgetEcho(context, chaletId);
      throw error;
    }
  };
  return {
    ...api,
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
