import {
  addDays,
  bookingRequests,
  type CivilDate,
  dateInZone,
  establishmentRequests,
  paymentRequests,
  type Result,
} from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import { newId } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import type { Action, Sequence } from './sequences.ts';
import { type MoneyWorld, webhookSecret } from './world.ts';

const admin = { kind: 'admin' } as const;
const minute = 60_000;
const day = 24 * 60 * minute;
/** How far time goes on after each of the times of a sequence. The grace of a balance counts from when it was told to be due. */
export const goesOnBy = [45 * minute, 26 * day, 8 * day, 3 * 60 * minute] as const;

export interface PlayedBooking {
  id: string;
  total: number;
  stay: { chaletId: string; startDate: CivilDate; endDate: CivilDate };
}

const customer = { name: 'John Doe', email: 'john.doe@example.com' };

/** A chalet of its own: bookings of a batch meet over money, and over nights only with another guest of their own. */
export async function book(world: MoneyWorld, sequence: Sequence): Promise<PlayedBooking> {
  const establishmentId = world.establishments[sequence.terms];
  const chalet = await granted(() =>
    world.ask(establishmentRequests.createChalet, {
      actor: admin,
      establishmentId,
      chalet: { name: 'Chalet 1', capacity: 4, nightlyRate: 9_997, cleaningFee: 3_333 },
    }),
  );
  const startDate = addDays(dateInZone(world.now(), 'America/Toronto'), 45);
  const stay = { chaletId: chalet.id, startDate, endDate: addDays(startDate, sequence.nights) };
  const booking = { ...stay, customer };
  const made = await granted(() => world.ask(bookingRequests.create, { booking, idempotencyKey: chalet.id }));
  return { id: made.id, total: made.price?.total ?? 0, stay };
}

/** The answer of a question that must be granted, asked again while nobody is there to answer. */
async function granted<T>(ask: () => Promise<Result<T>>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await ask();
      if (!answer.ok) throw new Error(`refused: ${answer.refusal.message}`);
      return answer.value;
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries >= 5) throw error;
    }
  }
}

/** What the world does not allow (paying what is paid, giving back what is back) does not happen: so it is with people. */
const tryTo = async (act: () => unknown): Promise<void> => {
  try {
    await act();
  } catch {
    // Refused by Stripe, or nobody was there.
  }
};

/** As people do who read "try again in a moment": asks again once somebody has taken the place of who ended. */
const insist = (world: MoneyWorld, ask: () => Promise<unknown>): Promise<void> =>
  tryTo(async () => {
    for (let tries = 0; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof UnavailableError) || tries >= 5) throw error;
        await world.untilReplaced();
      }
    }
  });

const payment = z.object({ session: z.string().nullable(), intent: z.string().nullable(), status: z.string() });
const paymentsOf = (world: MoneyWorld, bookingId: string) =>
  world.payment.rows(
    payment,
    `SELECT checkout_session_id AS session, payment_intent_id AS intent, status FROM payments
     WHERE booking_id = $1 ORDER BY attempt`,
    [bookingId],
  );

const dispute = z.object({ id: z.string(), status: z.string() });
const disputesOf = (world: MoneyWorld, bookingId: string) =>
  world.payment.rows(dispute, 'SELECT id, status FROM disputes WHERE booking_id = $1 ORDER BY opened_at, id', [
    bookingId,
  ]);

export async function play(world: MoneyWorld, played: PlayedBooking, action: Action): Promise<void> {
  const { ask, stripe } = world;
  const { id: bookingId, total } = played;
  const actor = { kind: 'guest', bookingId } as const;
  const shareOf = (share: number) => Math.max(1, Math.floor(total * share));
  const inSessions = async (act: (session: string) => unknown) => {
    for (const { session } of await paymentsOf(world, bookingId)) {
      if (session !== null) await tryTo(() => act(session));
    }
  };
  switch (action.do) {
    case 'checkout': {
      const open = () => insist(world, () => ask(paymentRequests.openCheckout, { actor, bookingId }));
      await Promise.all(Array.from({ length: action.tabs }, open));
      return;
    }
    case 'pay':
      return inSessions(session => stripe.sessions.pay(session, action.method));
    case 'pay unseen':
      stripe.faults.add({ match: calls.session, status: 500, applied: true });
      await tryTo(() => ask(paymentRequests.openCheckout, { actor, bookingId }));
      if (action.again) await play(world, played, { do: 'checkout', tabs: 1 });
      for (const { session } of Object.values(stripe.state().sessions)) {
        if (session.client_reference_id !== bookingId) continue;
        // Also the one that we never heard of.
        if (!(await paymentsOf(world, bookingId)).some(known => known.session === session.id))
          world.lostPages.add(session.id);
        await tryTo(() => stripe.sessions.pay(session.id, action.method));
      }
      return;
    case 'settle':
      return inSessions(session => stripe.sessions.settle(session, action.outcome));
    case 'decline':
      return inSessions(session => stripe.sessions.decline(session));
    case 'pay less':
      await play(world, played, { do: 'checkout', tabs: 1 });
      return inSessions(session => {
        stripe.sessions.discount(session, 1_000);
        stripe.sessions.pay(session, 'card');
      });
    case 'change of mind':
      await play(world, played, { do: 'checkout', tabs: 1 });
      return play(world, played, { do: 'cancel', by: 'guest' });
    case 'other guest': {
      const booking = { ...played.stay, customer };
      return tryTo(() => ask(bookingRequests.create, { booking, idempotencyKey: newId() }));
    }
    case 'dispute':
      for (const { intent } of await paymentsOf(world, bookingId)) {
        if (intent !== null) await tryTo(() => stripe.disputes.create({ payment_intent: intent, kind: action.kind }));
      }
      return;
    case 'end dispute':
      for (const { id, status } of await disputesOf(world, bookingId)) {
        // An inquiry ends, or becomes a chargeback.
        if (!status.startsWith('warning_')) await tryTo(() => stripe.disputes.close(id, action.outcome));
        else if (action.outcome === 'won') await tryTo(() => stripe.disputes.close(id, 'warning_closed'));
        else await tryTo(() => stripe.disputes.escalate(id));
      }
      return;
    case 'abandon':
      return inSessions(session => stripe.sessions.expire(session));
    case 'cancel': {
      const who = action.by === 'guest' ? actor : admin;
      return insist(world, () => ask(bookingRequests.cancel, { actor: who, bookingId }));
    }
    case 'refund': {
      const refund = action.share === 0 ? {} : { amount: shareOf(action.share) };
      const give = () => insist(world, () => ask(paymentRequests.createRefund, { actor: admin, bookingId, refund }));
      await Promise.all(Array.from({ length: action.times }, give));
      return;
    }
    case 'refund in the dashboard':
      for (const { intent } of await paymentsOf(world, bookingId)) {
        const amount = action.share === 0 ? undefined : shareOf(action.share);
        if (intent !== null) await tryTo(() => stripe.refunds.create({ payment_intent: intent, amount }));
      }
      return;
    case 'hold refund':
      return stripe.refunds.holdNext(1);
    case 'webhooks':
      return disturb(world, bookingId, action);
    case 'lose answer':
      return loseAnswer(world, action);
    case 'fail':
      return stripe.faults.add({ match: calls[action.of], status: 500, applied: action.applied });
    case 'short answers':
      return stripe.expansion.limit(0);
    case 'crash':
      return world.crashes.arm(action.at);
    default:
      return action satisfies never;
  }
}

async function disturb(
  { stripe }: MoneyWorld,
  bookingId: string,
  { are, count }: Extract<Action, { do: 'webhooks' }>,
): Promise<void> {
  const { webhooks } = stripe;
  switch (are) {
    case 'lost':
      return webhooks.dropNext(count);
    case 'duplicated':
      return webhooks.duplicateNext(count);
    case 'reordered':
      return webhooks.reorderNext(count);
    case 'late':
      return webhooks.pause();
    case 'forged': {
      const object = { id: `cs_test_${bookingId}`, object: 'checkout.session', payment_status: 'paid' };
      const event = { id: `evt_${newId()}`, type: 'checkout.session.completed', data: { object } };
      await webhooks.forge({ body: JSON.stringify(event) });
      await webhooks.forge({ body: JSON.stringify(event), secret: webhookSecret, timestamp: 1 });
      return;
    }
    default:
      return are satisfies never;
  }
}

const calls = {
  session: { method: 'POST', path: '^/v1/checkout/sessions$' },
  expiry: { method: 'POST', path: '^/v1/checkout/sessions/[^/]+/expire$' },
  refund: { method: 'POST', path: '^/v1/refunds$' },
  reading: { method: 'GET', path: '^/v1/checkout/sessions/' },
} as const;

/** The SDK tries twice again by itself; three times is an outage for whoever asked. */
const loseAnswer = ({ stripe }: MoneyWorld, { of, before }: Extract<Action, { do: 'lose answer' }>): void =>
  stripe.faults.add({ match: calls[of], loseResponse: before ? 'before' : 'after', times: 3 });
