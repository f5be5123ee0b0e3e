import {
  bookingRequests,
  type ChaletSnapshot,
  type CivilDate,
  calendarRequests,
  establishmentRequests,
  type Result,
} from '@monde-sauvage/contracts';
import { type NatsConnection, RemoteError, request, UnavailableError } from '@monde-sauvage/messaging';
import type { DatabaseView, GoogleView } from './availability.ts';
import type { PrismaClient } from './generated/prisma/client.ts';
import { findChalet, findStays } from './read-model.ts';

/** What an operation needs from outside its own decision. */
export interface Sources {
  db: PrismaClient;
  nats: NatsConnection;
  now: () => Date;
}

interface Asked {
  chaletId: string;
  from: CivilDate;
  to: CivilDate;
}

/**
 * A chalet's terms, from the copy kept here. A chalet this service has not heard of yet (it was created a moment ago)
 * is asked of the booking service, so that a new chalet can be looked at as soon as it exists.
 */
export async function readChalet(
  sources: Sources,
  chaletId: string,
  requestId: string,
): Promise<Result<Omit<ChaletSnapshot, 'version'>>> {
  const kept = await findChalet(sources.db, chaletId);
  if (kept) return { ok: true, value: kept };
  const asked = await request(sources.nats, establishmentRequests.getChalet, { chaletId }, { requestId });
  // So new that no calendar can have been chosen for it.
  return asked.ok ? { ok: true, value: { ...asked.value, whenGoogleUnreachable: 'open' } } : asked;
}

/**
 * The database's part of an answer: the booking service's own rows, because a guest who has just booked must not read
 * that the nights are free; when it does not answer, the newest copy kept here, and the answer says so.
 */
export async function consultDatabase(sources: Sources, asked: Asked, requestId: string): Promise<DatabaseView> {
  try {
    const answer = await request(sources.nats, bookingRequests.findOverlaps, asked, { requestId });
    if (answer.ok) return { status: 'ok', items: answer.value.items };
    throw new Error(`booking refused an overlap query: ${answer.refusal.message}`);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return { status: 'replica', items: await findStays(sources.db, { ...asked, now: sources.now() }) };
  }
}

/** Google's part of an answer. It never fails a check: a calendar-sync that does not answer, or fails, counts as unreachable. */
export async function consultGoogle(sources: Sources, asked: Asked, requestId: string): Promise<GoogleView> {
  try {
    const answer = await request(sources.nats, calendarRequests.consult, asked, { requestId });
    if (answer.ok) return answer.value;
    throw new Error(`calendar-sync refused a consultation: ${answer.refusal.message}`);
  } catch (error) {
    if (!(error instanceof UnavailableError || error instanceof RemoteError)) throw error;
    return { status: 'unreachable', syncedAt: null, busy: [] };
  }
}
