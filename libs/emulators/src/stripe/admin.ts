import type Stripe from 'stripe';
import type { Call, CallLog } from '../shared/call-log.ts';
import type { Fault, FaultRuleInput, Faults } from '../shared/faults.ts';
import { closeDispute, type DisputeKind, escalateDispute, openDispute, submitEvidence } from './disputes.ts';
import { noSuch } from './errors.ts';
import {
  declineSession,
  findCharge,
  findPaymentIntent,
  type PaymentMethodKind,
  paySession,
  settlePayment,
} from './payments.ts';
import { createRefund, settleRefund } from './refunds.ts';
import { discountSession, expireSession, findSession } from './sessions.ts';
import type { StripeState, World } from './store.ts';
import type { DeliveryAttempt, WebhookSettings, Webhooks } from './webhooks.ts';

/** A payment named by its charge or by its PaymentIntent. */
export type PaymentRef = { charge: string } | { payment_intent: string };

/** What tests and people do to the emulator behind the API's back. Amounts are in minor units. */
export interface StripeAdmin {
  faults: { add(rule: FaultRuleInput): void; list(): Fault[]; clear(): void };
  calls: {
    list(): Call[];
    counts(): Record<string, number>;
    count(method: string, path: RegExp): number;
    clear(): void;
  };
  webhooks: {
    configure(settings: Partial<WebhookSettings>): void;
    /** The API version that events are rendered in from now on, when it differs from the API's. */
    setApiVersion(version: string): void;
    pause(): void;
    resume(): void;
    /** The next `n` events are never delivered. */
    dropNext(n: number): void;
    /** The next `n` events are delivered twice. */
    duplicateNext(n: number): void;
    /** The next `n` events are held back, then delivered newest first. */
    reorderNext(n: number): void;
    /** Delivers what `reorderNext` still holds, although fewer came than it waits for. */
    releaseHeld(): void;
    /** Resolves with the receiver's status; 0 is no answer. */
    redeliver(eventId: string): Promise<number>;
    /** Sends a made-up body, signed with a wrong secret unless one is given. Resolves with the receiver's status. */
    forge(o: { body: string; secret?: string | undefined; timestamp?: number | undefined }): Promise<number>;
    attempts(): DeliveryAttempt[];
    /** Resolves when no delivery is under way and no retry is waiting. */
    quiet(): Promise<void>;
  };
  sessions: {
    /** As the customer does on the pay page; `delayed` waits for `settle`. */
    pay(id: string, kind?: PaymentMethodKind): Stripe.Checkout.Session;
    decline(id: string): Stripe.Checkout.Session;
    settle(id: string, outcome: 'succeeded' | 'failed'): Stripe.Checkout.Session;
    expire(id: string): Stripe.Checkout.Session;
    /** A discount given in Stripe's dashboard, say: the page asks for less from now on. */
    discount(id: string, amount: number): Stripe.Checkout.Session;
  };
  refunds: {
    /** The next `n` refunds stay pending until they are settled. */
    holdNext(n: number): void;
    settle(id: string, outcome: 'succeeded' | 'failed', reason?: string): Stripe.Refund;
    /** A refund made by a person in Stripe's dashboard. */
    create(o: PaymentRef & { amount?: number | undefined }): Stripe.Refund;
  };
  expansion: {
    /** `expand` is honoured down to so many levels (0 to 4, all), as when something between cuts answers short. */
    limit(levels: number): void;
  };
  disputes: {
    create(
      o: PaymentRef & {
        amount?: number | undefined;
        reason?: string | undefined;
        dueInDays?: number | undefined;
        /** `chargeback` (default) takes the money at once, `inquiry` only asks. */
        kind?: DisputeKind | undefined;
      },
    ): Stripe.Dispute;
    /** An inquiry becomes a chargeback. */
    escalate(id: string): Stripe.Dispute;
    /** Evidence is sent in the dashboard: the bank looks at it. */
    submitEvidence(id: string): Stripe.Dispute;
    /** `warning_closed` ends an inquiry, `won` and `lost` a chargeback. */
    close(id: string, outcome: 'won' | 'lost' | 'warning_closed'): Stripe.Dispute;
  };
  clock: {
    /** Moves the emulator's clock; sessions whose time has come expire at once. Signatures keep the real time. */
    moveBy(ms: number): void;
    reset(): void;
    now(): Date;
  };
  /** Breaks every connection and refuses calls, until `goUp`. Webhooks go on: pause them to have both. */
  goDown(): void;
  goUp(): void;
  /** A copy of everything that is known. */
  state(): StripeState;
  /** Forgets everything: objects, keys, faults, calls, waiting webhooks and the clock's offset. The webhook address and secrets stay. */
  reset(): void;
}

/** What the administration works on. */
export interface AdminContext {
  world: World;
  faults: Faults;
  calls: CallLog;
  webhooks: Webhooks;
  clock: { moveBy(ms: number): void; reset(): void; now(): Date };
  setApiVersion(version: string): void;
  goDown(): void;
  goUp(): void;
  /** Expires what is due, and has changes saved. */
  settleTime(): void;
  touch(): void;
  reset(): void;
}

export function createAdmin(context: AdminContext): StripeAdmin {
  const { world, webhooks, clock } = context;
  const nobody = { name: 'Test Guest', email: 'guest@example.com' };

  /** Runs a change by the emulator's present time and answers with a copy. */
  const change = <T>(work: () => T): T => {
    context.settleTime();
    const result = structuredClone(work());
    context.touch();
    return result;
  };
  const chargeOf = (ref: PaymentRef): Stripe.Charge =>
    'charge' in ref
      ? findCharge(world, ref.charge)
      : findCharge(world, String(findPaymentIntent(world, ref.payment_intent).latest_charge));

  return {
    faults: { add: context.faults.add, list: context.faults.list, clear: context.faults.clear },
    calls: context.calls,
    webhooks: {
      configure: settings => void Object.assign(webhooks.settings, settings),
      setApiVersion: context.setApiVersion,
      pause: webhooks.pause,
      resume: webhooks.resume,
      dropNext: webhooks.dropNext,
      duplicateNext: webhooks.duplicateNext,
      reorderNext: webhooks.reorderNext,
      releaseHeld: webhooks.releaseHeld,
      async redeliver(eventId) {
        const stored = world.state.events[eventId];
        if (!stored) throw noSuch('event', eventId);
        return await webhooks.redeliver(stored);
      },
      forge: o => webhooks.sendRaw(o.body, { secret: o.secret ?? 'whsec_forged', timestamp: o.timestamp }),
      attempts: webhooks.attempts,
      quiet: webhooks.quiet,
    },
    sessions: {
      pay: (id, kind = 'card') =>
        change(() => {
          const stored = findSession(world, id);
          paySession(world, stored, kind, nobody);
          return stored.session;
        }),
      decline: id =>
        change(() => {
          const stored = findSession(world, id);
          declineSession(world, stored, nobody);
          return stored.session;
        }),
      settle: (id, outcome) =>
        change(() => {
          const stored = findSession(world, id);
          settlePayment(world, stored, outcome);
          return stored.session;
        }),
      expire: id => change(() => expireSession(world, id)),
      discount: (id, amount) => change(() => discountSession(world, id, amount)),
    },
    refunds: {
      holdNext(n) {
        world.pendingRefunds = n;
      },
      settle: (id, outcome, reason) => change(() => settleRefund(world, id, outcome, reason)),
      create: o =>
        change(() =>
          createRefund(world, {
            charge: chargeOf(o).id,
            ...(o.amount === undefined ? {} : { amount: String(o.amount) }),
          }),
        ),
    },
    expansion: {
      limit(levels) {
        world.expandedLevels = levels;
      },
    },
    disputes: {
      create: o => change(() => openDispute(world, chargeOf(o), o)),
      escalate: id => change(() => escalateDispute(world, id)),
      submitEvidence: id => change(() => submitEvidence(world, id)),
      close: (id, outcome) => change(() => closeDispute(world, id, outcome)),
    },
    clock,
    goDown: context.goDown,
    goUp: context.goUp,
    state: () => structuredClone(world.state),
    reset: context.reset,
  };
}
