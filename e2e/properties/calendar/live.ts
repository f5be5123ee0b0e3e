import type { CrashPoint } from '@monde-sauvage/calendar-sync/crash-points';
import { calendarRequests, paymentEvents } from '@monde-sauvage/contracts';
import type { FaultInput } from '@monde-sauvage/emulators';
import type { Action, Life, Trouble } from './actions.ts';
import {
  askAboutDrift,
  at,
  book,
  calendarsInUse,
  cancel,
  chooseAgain,
  chooseCalendar,
  connect,
  connectAgain,
  decide,
  disconnect,
  type Estate,
  fetchLeft,
  isConnected,
  openSchedule,
  paymentFor,
  renameChalet,
} from './estate.ts';
import { actInGoogle, editMirror, showOf } from './owner.ts';
import { isCalm } from './quiet.ts';

const calmPatienceMs = 1_500;
/** Longer where a machine that is busy would make the step idle. */
const readPatienceMs = 6_000;
const settlePatienceMs = 180_000;

/** Lives a life, one action after the other, mostly without waiting for what each has the services do. */
export async function live(estate: Estate, life: Life): Promise<void> {
  for (const action of life.actions) await act(estate, action);
}

async function act(estate: Estate, action: Action): Promise<void> {
  const { world } = estate;
  const { google } = world;
  switch (action.do) {
    case 'book':
      return book(estate, action);
    case 'pay': {
      const stay = at(
        estate.stays.filter(one => one.state === 'pending'),
        action.pick,
      );
      if (!stay) return;
      stay.state = 'paid';
      return world.publish(paymentEvents.paymentSucceeded, paymentFor(stay.booking), stay.booking.id);
    }
    case 'cancel': {
      const stay = at(
        estate.stays.filter(one => one.state !== 'cancelled'),
        action.pick,
      );
      return stay && cancel(estate, stay, action.by);
    }
    case 'edit a mirror':
      // Only what is done to an event that is settled must not be undone without asking.
      if (estate.asks || action.by % 2 === 0) await waitUntilCalm(estate);
      return editMirror(estate, action, await calendarsInUse(estate));
    case 'choose calendar':
      if (estate.broughtBack) await waitUntilCalm(estate);
      // Events that are moved to another calendar are made anew there.
      estate.additions.clear();
      estate.done.clear();
      return chooseCalendar(estate, action.chalet, action.calendar);
    case 'rename chalet':
      return renameChalet(estate, action.chalet);
    case 'open schedule':
      return openSchedule(estate, action.chalet);
    case 'wait until calm':
      return waitUntilCalm(estate);
    case 'trouble':
      google.addFault(faultOf(action, estate.calendars[action.calendar] ?? ''));
      return;
    case 'push trouble': {
      const calendarId = estate.calendars[action.calendar] ?? '';
      return google.addPushFault({ kind: action.kind, calendarId, times: action.times, delayMs: 300 });
    }
    case 'sync tokens expire':
      return google.expireSyncTokens(estate.calendars[action.calendar] ?? '');
    case 'access tokens expire':
      google.configure({ rotateRefreshTokens: action.rotate });
      return google.expireAccessTokens(estate.email);
    case 'token endpoint fails':
      google.addFault({
        match: { path: '^/token$' },
        ...(action.lost ? { loseResponse: 'after' as const } : { status: 503 }),
      });
      return google.expireAccessTokens(estate.email);
    case 'revoke':
      return google.revokeAccount(estate.email);
    case 'reconnect':
      return connect(estate, action.as === 'usual' ? estate.email : estate.otherEmail);
    case 'ask about drift':
      return askAboutDrift(estate, action.ask);
    case 'decide':
      if (!estate.asks) return;
      // There is a question once what was done in Google has been read.
      await waitUntilCalm(estate);
      return decide(estate, action);
    case 'disconnect':
      if (estate.broughtBack) await waitUntilCalm(estate);
      estate.additions.clear();
      estate.done.clear();
      return disconnect(estate, action.removeMirrors);
    case 'crash':
      world.plan.arm(action.at);
      return leadTo(estate, action.at);
    case 'remove unnoticed': {
      const pick = await eventInUse(estate, action.pick);
      // What was never read is not missed: the event must have come in before.
      await waitUntilCalm(estate, readPatienceMs);
      return actInGoogle(estate, { ...action, pick });
    }
    default:
      return actInGoogle(estate, action);
  }
}

/** Has something done that passes a point which is passed seldom. */
async function leadTo(estate: Estate, point: CrashPoint): Promise<void> {
  const { google } = estate.world;
  switch (point) {
    case 'token refreshed, the new one not stored':
      google.configure({ rotateRefreshTokens: true });
      return google.expireAccessTokens(estate.email);
    case 'between two pages of a list':
    case 'calendar listed, nothing applied':
      for (const calendarId of estate.calendars) google.expireSyncTokens(calendarId);
      return openSchedule(estate, 0);
    case 'code exchanged for tokens, connection not stored':
    case 'channel noted, not opened':
    case 'channel opened, not committed':
    case 'channel stopped, not committed':
      return connect(estate, estate.email);
    case 'calendar chosen, nobody woken':
    case 'mirror removed from the old calendar, not made in the new one': {
      if (estate.broughtBack) await waitUntilCalm(estate);
      estate.additions.clear();
      estate.done.clear();
      return chooseCalendar(estate, 0, 2);
    }
    case 'left mirror removed from Google, not forgotten': {
      if (estate.broughtBack) await waitUntilCalm(estate);
      estate.additions.clear();
      estate.done.clear();
      // What is in the last calendar is left there by the other account, and fetched by the usual one.
      await chooseCalendar(estate, 0, 2);
      await waitUntilCalm(estate);
      await connect(estate, estate.otherEmail);
      await chooseCalendar(estate, 0, 0);
      await waitUntilCalm(estate);
      return connect(estate, estate.email);
    }
    case 'decided to restore, nobody woken':
      return leadToDecision(estate, 'restore');
    case 'decided to cancel, booking not asked':
    case 'booking cancelled as decided, not noted':
      return leadToDecision(estate, 'cancel');
    default:
  }
}

async function leadToDecision(estate: Estate, decision: 'restore' | 'cancel'): Promise<void> {
  if (!estate.asks) await askAboutDrift(estate, true);
  await waitUntilCalm(estate);
  await editMirror(estate, { pick: 0, how: 'move', by: 1 }, await calendarsInUse(estate));
  await waitUntilCalm(estate);
  await decide(estate, { pick: 0, decision });
}

const strokes: Record<Trouble, Omit<FaultInput, 'match'>> = {
  too_many: { status: 429 },
  too_many_wait: { status: 429, retryAfter: 1 },
  quota: { status: 403, reason: 'quotaExceeded' },
  broken: { status: 500 },
  unavailable: { status: 503, retryAfter: 0 },
  lost_before: { loseResponse: 'before' },
  lost_after: { loseResponse: 'after' },
  broken_but_applied: { status: 503, applied: true },
  forbidden: { status: 403, reason: 'forbidden' },
};

function faultOf(action: Extract<Action, { do: 'trouble' }>, calendarId: string): FaultInput {
  const path = { reads: '/events$', writes: '/events/[^/]+$', everything: '/events' }[action.on];
  const { times, skip } = action;
  return { match: { calendarId, path }, ...strokes[action.kind], times, skip };
}

/** The place of an owner's event in a calendar that some chalet uses; one is made where there is none. */
async function eventInUse(estate: Estate, pick: number): Promise<number> {
  const inUse = await calendarsInUse(estate);
  const find = () =>
    estate.ownEvents.flatMap(({ calendar, id }, index) =>
      inUse.has(calendar) && showOf(estate, { calendar, id }) !== null ? [index] : [],
    );
  if (find().length === 0) {
    const calendar = estate.calendars.findIndex(id => inUse.has(id));
    actInGoogle(estate, { do: 'add', calendar, from: pick * 3, nights: 2, form: 'all_day', look: 'plain' });
  }
  return at(find(), pick) ?? pick;
}

/** Until nothing is under way for this establishment; not for ever, since it may be disconnected. */
async function waitUntilCalm(estate: Estate, patienceMs: number = calmPatienceMs): Promise<void> {
  const deadline = performance.now() + patienceMs;
  await estate.world.google.pushesSettled();
  while (performance.now() < deadline) {
    if (await isCalm(estate)) return;
    await new Promise(resolve => setTimeout(resolve, 150));
  }
}

/**
 * Connects again where the access was withdrawn (which may show only when a calendar is read) and reads every calendar,
 * as the periodic sync would.
 */
export async function settleDown(estate: Estate): Promise<void> {
  const { world, owner: actor, establishmentId } = estate;
  const deadline = performance.now() + settlePatienceMs;
  for (let isRead = false; !isRead; ) {
    // What cannot be read for so long is for the judges to tell.
    if (performance.now() > deadline) return;
    await connectAgain(estate);
    await fetchLeft(estate);
    if (estate.disconnected !== 'never') await chooseAgain(estate);
    // Also where no calendar is chosen: only asking Google shows whether the access was withdrawn.
    await world.ask(calendarRequests.listCalendars, { actor, establishmentId }).catch(() => undefined);
    const isAnswered = await readCalendars(estate);
    const isChosen = estate.disconnected === 'never' || (await calendarsInUse(estate)).size === estate.chalets.length;
    isRead = isAnswered && isChosen && (await isConnected(estate));
  }
}

/** Reads every calendar, as the periodic sync would. Without an answer, nobody knows whether one was read. */
export async function readCalendars({ world, owner: actor, chalets }: Estate): Promise<boolean> {
  let isAnswered = true;
  for (const { id: chaletId } of chalets) {
    const answer = await world.ask(calendarRequests.syncCalendar, { actor, chaletId }).catch(() => undefined);
    isAnswered &&= answer !== undefined;
  }
  return isAnswered;
}
