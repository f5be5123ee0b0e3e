import { calendarRequests, isConsulted, overlaps, type Stay } from '@monde-sauvage/contracts';
import { type NatsConnection, RemoteError, request, UnavailableError } from '@monde-sauvage/messaging';
import type { CalendarWord } from './context.ts';

/** Asks what the owner's calendar, as it is now, says of a stay. Whoever does not answer, or fails, leaves it unknown. */
export async function consultCalendar(nc: NatsConnection, chaletId: string, stay: Stay): Promise<CalendarWord> {
  try {
    const range = { chaletId, from: stay.startDate, to: stay.endDate };
    const answer = await request(nc, calendarRequests.consult, range);
    if (!answer.ok || !isConsulted(answer.value.status)) return 'unknown';
    return answer.value.busy.some(event => overlaps(event, stay)) ? 'busy' : 'clear';
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof RemoteError) return 'unknown';
    throw error;
  }
}
