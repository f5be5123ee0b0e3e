import { type ChaletSnapshot, calendarRequests, establishmentEvents, plainRates } from '@monde-sauvage/contracts';
import { newId } from '@monde-sauvage/service-kit';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { type CalendarSystem, granted, ownerEmail, timezone } from './calendar-system.ts';

export interface Chalet {
  establishmentId: string;
  chaletId: string;
  calendarId: string;
  owner: { kind: 'owner'; establishmentId: string; keyId: string };
}

/** A chalet that calendar-sync knows of, of an establishment of its own. */
export async function seedChalet(system: CalendarSystem, establishmentId = newId()): Promise<Chalet> {
  const chaletId = newId();
  await announceChalet(system, { id: chaletId, establishmentId });
  await eventually(async () => {
    const { rowCount } = await system.pool.query('SELECT FROM chalets WHERE id = $1', [chaletId]);
    return rowCount === 1;
  });
  const { id: calendarId } = system.google.createCalendar({ owner: ownerEmail, summary: 'Chalet 1' });
  return { establishmentId, chaletId, calendarId, owner: { kind: 'owner', establishmentId, keyId: newId() } };
}

export async function announceChalet(
  system: CalendarSystem,
  o: { id: string; establishmentId: string; name?: string; timezone?: string; version?: number },
): Promise<void> {
  const at = new Date().toISOString();
  const chalet: ChaletSnapshot = {
    name: 'Chalet 1',
    description: '',
    capacity: 4,
    nightlyRate: 20_000,
    cleaningFee: 0,
    minNights: 1,
    maxNights: 28,
    ...plainRates,
    currency: 'CAD',
    archived: false,
    timezone,
    locale: 'fr-CA',
    whenGoogleUnreachable: 'open',
    createdAt: at,
    updatedAt: at,
    version: 1,
    ...o,
  };
  await system.publish(establishmentEvents.chaletUpdated, chalet, chalet.id);
}

/** What an owner chose about the establishment's calendars; waits until it is known. */
export async function announceSettings(
  system: CalendarSystem,
  { establishmentId }: Pick<Chalet, 'establishmentId'>,
  settings: { calendarDrift?: 'restore' | 'ask'; guestInvitations?: boolean; version?: number },
): Promise<void> {
  const at = new Date().toISOString();
  const establishment = {
    id: establishmentId,
    name: 'Monde Sauvage',
    timezone,
    currency: 'CAD',
    locale: 'fr-CA',
    cancellationPolicy: 'moderate' as const,
    createdAt: at,
    updatedAt: at,
    version: 1,
    ...settings,
  };
  await system.publish(establishmentEvents.establishmentUpdated, establishment, establishmentId);
  await eventually(async () => {
    const { rowCount } = await system.pool.query('SELECT FROM establishments WHERE id = $1 AND version = $2', [
      establishmentId,
      establishment.version,
    ]);
    return rowCount === 1;
  });
}

/** The owner goes through Google's pages, over HTTP. Returns what the callback says. */
export async function connectGoogle(
  system: CalendarSystem,
  chalet: Pick<Chalet, 'owner' | 'establishmentId'>,
  o: { account?: string; decision?: 'allow' | 'deny'; scopes?: string[] } = {},
) {
  const { establishmentId, owner: actor } = chalet;
  const { authorizationUrl } = granted(await system.ask(calendarRequests.connect, { actor, establishmentId }));
  const form = new URLSearchParams({
    request: new URL(authorizationUrl).search.slice(1),
    account: o.account ?? ownerEmail,
    decision: o.decision ?? 'allow',
  });
  for (const scope of o.scopes ?? []) form.append('scope', scope);
  const answer = await fetch(new URL('/o/oauth2/v2/auth', authorizationUrl), {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  const back = new URL(answer.headers.get('location') ?? '');
  const { state, code, error } = z
    .object({ state: z.string(), code: z.string().optional(), error: z.string().optional() })
    .parse(Object.fromEntries(back.searchParams));
  return { answer: await system.ask(calendarRequests.completeConnection, { state, code, error }), state, code };
}

export const choose = (system: CalendarSystem, chalet: Chalet, calendarId: string | null = chalet.calendarId) =>
  system.ask(calendarRequests.chooseCalendar, { actor: chalet.owner, chaletId: chalet.chaletId, calendarId });

/** A chalet whose calendar is chosen, watched, and was read since its channel is open. */
export async function seedConnectedChalet(system: CalendarSystem): Promise<Chalet> {
  const chalet = await seedChalet(system);
  granted((await connectGoogle(system, chalet)).answer);
  granted(await choose(system, chalet));
  await eventually(() => system.google.channels().some(({ calendarId }) => calendarId === chalet.calendarId), {
    describe: 'a push channel for the calendar',
  });
  await eventually(
    async () => {
      const { rowCount } = await system.pool.query(
        `SELECT FROM calendars JOIN channels USING (chalet_id, generation)
          WHERE chalet_id = $1 AND expires_at IS NOT NULL AND watch_at IS NULL
            AND next_sync_at > now() AND lease_owner IS NULL`,
        [chalet.chaletId],
      );
      return rowCount === 1;
    },
    { describe: 'a sync since the channel is open' },
  );
  return chalet;
}

/** As if the time were over for which Google asked to be left alone: what waited for that is due. */
export async function endPause(system: CalendarSystem, { establishmentId }: Chalet): Promise<void> {
  const of = [establishmentId];
  await system.pool.query('UPDATE connections SET paused_until = NULL WHERE establishment_id = $1', of);
  for (const [table, due] of [
    ['mirrors', 'next_attempt_at'],
    ['calendars', 'next_sync_at'],
  ]) {
    await system.pool.query(`UPDATE ${table} SET ${due} = now() WHERE establishment_id = $1 AND ${due} > now()`, of);
  }
}
