import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type Stripe from 'stripe';
import { createCallLog } from '../shared/call-log.ts';
import { createFaults, type Fault } from '../shared/faults.ts';
import { openStateFile, readStateFile } from '../shared/state-file.ts';
import { createAdmin, type StripeAdmin } from './admin.ts';
import { answerAdminCall } from './admin-http.ts';
import { type ApiContext, answerApiCall } from './api.ts';
import { createClock, createExpiry } from './clock.ts';
import { recordEvent } from './events.ts';
import { maxLevels } from './expand.ts';
import { createIdempotencyKeys } from './idempotency.ts';
import { homePage } from './pages.ts';
import { answerPayPage } from './pay-page.ts';
import { routeOf } from './routes.ts';
import { type Incoming, listen, type Outgoing } from './server.ts';
import { emptyState, stateSchema, type World } from './store.ts';
import { createWebhooks } from './webhooks.ts';

export interface StripeEmulatorOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  host?: string;
  /** Where browsers and services reach it; by default the address it listens on. */
  publicUrl?: string;
  /** The only key that is accepted; without it every key is. */
  secretKey?: string;
  /** Several, separated by commas, while it is being rolled: every webhook is signed with each. */
  webhookSecret?: string;
  /** Where events are delivered; `admin.webhooks.configure` changes it. */
  webhookUrl?: string;
  now?: () => Date;
  /** Loaded at the start and kept up to date. */
  stateFile?: string;
}

export interface StripeEmulator {
  url: string;
  port: number;
  admin: StripeAdmin;
  /** Stops deliveries, saves the state, closes the port. */
  close(): Promise<void>;
}

/** The API version that the SDK of this workspace is made for. */
const apiVersion: Stripe.LatestApiVersion = '2026-10-28.endive';
const deliveryDefaults = {
  retryDelaysMs: [200, 500, 1000, 2000, 5000, 10_000, 30_000],
  maxAttempts: 50,
  delayMs: 0,
  timeoutMs: 10_000,
};
const adminRoot = '/_emulator/';

/** Starts a stand-in for Stripe that speaks its HTTP API to the unmodified SDK. Rejects when the port is taken. */
export async function startStripeEmulator(o: StripeEmulatorOptions = {}): Promise<StripeEmulator> {
  const realNow = o.now ?? (() => new Date());
  const clock = createClock(realNow);
  const saved = readStateFile(o.stateFile);
  const file = openStateFile(o.stateFile, () => world.state);
  const faults = createFaults();
  const calls = createCallLog(routeOf);
  let eventVersion: string = apiVersion;
  let request: Stripe.Event.Request = { id: null, idempotency_key: null };
  let url = o.publicUrl?.replace(/\/$/, '') ?? '';

  const webhooks = createWebhooks({
    settings: { ...deliveryDefaults, url: o.webhookUrl, secrets: (o.webhookSecret ?? 'whsec_emulator').split(',') },
    now: () => seconds(realNow()),
    onChange: file.touch,
  });

  const world: World = {
    state: saved === undefined ? emptyState() : stateSchema.parse(saved),
    now: () => seconds(clock.now()),
    newId,
    url: () => url,
    emit(type, object, previous) {
      const stored = recordEvent(world, { type, object, previous, request, apiVersion: eventVersion });
      file.touch();
      webhooks.deliver(stored);
    },
    pendingRefunds: 0,
    expandedLevels: maxLevels,
  };
  const expiry = createExpiry(world);
  const keys = createIdempotencyKeys(() => world.state, world.now);
  const api: ApiContext = {
    world,
    keys,
    secretKey: o.secretKey,
    apiVersion,
    during(cause, work) {
      request = cause;
      try {
        return work();
      } finally {
        request = { id: null, idempotency_key: null };
        expiry.rearm();
        file.touch();
      }
    },
  };

  const answer = async (incoming: Incoming): Promise<Outgoing | undefined> => {
    const { method, path, query, body } = incoming;
    if (path.startsWith(adminRoot)) {
      const result = await answerAdminCall(admin, method, path.slice(adminRoot.length), body);
      return {
        status: result.status,
        body: JSON.stringify(result.body),
        headers: { 'content-type': 'application/json' },
      };
    }
    const fault = faults.take(method, path);
    expiry.check();
    const outgoing = path.startsWith('/v1/')
      ? await answerApiCall(api, incoming, fault)
      : await withFault(fault, () => answerPage(world, incoming));
    if (method === 'POST') file.touch();
    calls.add({ at: clock.now().toISOString(), method, path, query, status: outgoing?.status ?? 0 });
    return outgoing;
  };

  const server = await listen({
    port: o.port ?? 0,
    host: o.host ?? '127.0.0.1',
    isSpared: path => path.startsWith(adminRoot),
    answer,
  });
  if (url === '') url = `http://${o.host ?? '127.0.0.1'}:${server.port}`;

  const admin = createAdmin({
    world,
    faults,
    calls,
    webhooks,
    clock: {
      now: clock.now,
      moveBy(ms) {
        clock.moveBy(ms);
        expiry.rearm();
      },
      reset() {
        clock.reset();
        expiry.rearm();
      },
    },
    setApiVersion(version) {
      eventVersion = version;
    },
    goDown: server.goDown,
    goUp: server.goUp,
    settleTime: expiry.check,
    touch: file.touch,
    reset() {
      world.state = emptyState();
      world.pendingRefunds = 0;
      world.expandedLevels = maxLevels;
      eventVersion = apiVersion;
      faults.clear();
      calls.clear();
      webhooks.clear();
      Object.assign(webhooks.settings, deliveryDefaults);
      clock.reset();
      expiry.rearm();
      server.goUp();
      file.touch();
    },
  });
  expiry.rearm();
  for (const stored of Object.values(world.state.events)) if (stored.status === 'pending') webhooks.deliver(stored);

  return {
    url,
    port: server.port,
    admin,
    async close() {
      expiry.stop();
      await server.close();
      await webhooks.close();
      file.flush();
    },
  };
}

function answerPage(world: World, o: Incoming): Outgoing {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  if (o.path.startsWith('/c/pay/')) {
    const { status, body, location } = answerPayPage(world, o);
    return { status, body, headers: location === undefined ? headers : { ...headers, location } };
  }
  if (o.path === '/' && o.method === 'GET') return { status: 200, body: homePage(world), headers };
  return { status: 404, body: 'Not found', headers: { 'content-type': 'text/plain; charset=utf-8' } };
}

/** Pages have no idempotency: a fault is met before the page or loses its answer. */
async function withFault(fault: Fault | undefined, answer: () => Outgoing): Promise<Outgoing | undefined> {
  if (fault === undefined) return answer();
  if (fault.latencyMs > 0) await setTimeout(fault.latencyMs);
  if (fault.loseResponse === 'before') return undefined;
  const failed: Outgoing | undefined =
    fault.status === undefined
      ? undefined
      : { status: fault.status, body: fault.message ?? '', headers: fault.headers };
  if (failed !== undefined && !fault.applied) return failed;
  const answered = answer();
  return fault.loseResponse === 'after' ? undefined : (failed ?? answered);
}

const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** An id as Stripe makes them: a prefix and 24 letters and digits, more for sessions. */
function newId(prefix: string): string {
  const length = prefix === 'cs_test' ? 58 : 24;
  const letters = Array.from(randomBytes(length), byte => alphabet[byte % alphabet.length]);
  return `${prefix}_${letters.join('')}`;
}
