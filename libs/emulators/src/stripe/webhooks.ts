import { createHmac } from 'node:crypto';
import type { StoredEvent } from './store.ts';

export interface WebhookSettings {
  /** Where events go; without it they are never delivered. */
  url: string | undefined;
  /** One signature is made for each, as Stripe does while a secret is being rolled. */
  secrets: string[];
  /** Waits before the second, third … attempt; the last one repeats. */
  retryDelaysMs: number[];
  maxAttempts: number;
  /** Waits before every first attempt. */
  delayMs: number;
  timeoutMs: number;
}

export interface DeliveryAttempt {
  eventId: string;
  type: string;
  attempt: number;
  /** 0: no answer. */
  status: number;
}

export interface Webhooks {
  settings: WebhookSettings;
  deliver(stored: StoredEvent): void;
  /** Sends one more time, whatever the state of the event; resolves with the status, 0 for no answer. */
  redeliver(stored: StoredEvent): Promise<number>;
  /** Sends any body, signed with any secret: an attacker's, or another sender's. */
  sendRaw(body: string, o: { secret: string; timestamp?: number | undefined }): Promise<number>;
  pause(): void;
  resume(): void;
  /** The next `n` events are lost: no attempt is ever made, they count as failed. */
  dropNext(n: number): void;
  /** The next `n` events arrive twice. */
  duplicateNext(n: number): void;
  /** The next `n` events are held and then arrive newest first, one after the other. */
  reorderNext(n: number): void;
  /** Delivers what `reorderNext` still holds, although fewer came than it waits for. */
  releaseHeld(): void;
  attempts(): DeliveryAttempt[];
  /** Resolves when nothing is under way and no retry is waiting. Paused and held events do not count. */
  quiet(): Promise<void>;
  /** Forgets everything that waits. */
  clear(): void;
  close(): Promise<void>;
}

/** `Stripe-Signature`: HMAC-SHA256 over `timestamp.body` for each secret (Stripe: verify webhook signatures). */
export function signWebhook(body: string, secrets: string[], timestamp: number): string {
  const signatures = secrets.map(
    secret => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`,
  );
  return [`t=${timestamp}`, ...signatures].join(',');
}

/** Delivers events until each is answered with 2xx, with growing waits in between. `onChange`: an event's state changed. */
export function createWebhooks(o: { settings: WebhookSettings; now: () => number; onChange: () => void }): Webhooks {
  const { settings } = o;
  const timers = new Set<NodeJS.Timeout>();
  const underWay = new Set<AbortController>();
  let paused = false;
  let waiting: StoredEvent[] = [];
  let held: StoredEvent[] = [];
  let toHold = 0;
  let toDrop = 0;
  let toDuplicate = 0;
  let attempts: DeliveryAttempt[] = [];
  let onQuiet: (() => void)[] = [];
  let busy = 0;
  let closed = false;
  // Grows when everything is forgotten: what was under way then leaves no trace.
  let generation = 0;

  const checkQuiet = (): void => {
    if (timers.size > 0 || busy > 0) return;
    const resolvers = onQuiet;
    onQuiet = [];
    for (const resolve of resolvers) resolve();
  };

  const track = async <T>(run: () => Promise<T>): Promise<T> => {
    busy += 1;
    try {
      return await run();
    } finally {
      busy -= 1;
      checkQuiet();
    }
  };

  const stopTimers = (): void => {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  };

  const after = (ms: number, run: () => Promise<unknown>): void => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void track(run);
    }, ms);
    timer.unref();
    timers.add(timer);
  };

  const post = async (body: string, signature: string): Promise<number> => {
    if (settings.url === undefined) return 0;
    const abort = new AbortController();
    underWay.add(abort);
    const timeout = setTimeout(() => abort.abort(), settings.timeoutMs);
    try {
      const answer = await fetch(settings.url, {
        method: 'POST',
        body,
        redirect: 'manual',
        signal: abort.signal,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
          'stripe-signature': signature,
        },
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    } finally {
      clearTimeout(timeout);
      underWay.delete(abort);
    }
  };

  const send = async (stored: StoredEvent): Promise<number> => {
    const started = generation;
    stored.attempts += 1;
    const attempt = stored.attempts;
    const body = JSON.stringify(stored.event, null, 2);
    const status = await post(body, signWebhook(body, settings.secrets, o.now()));
    if (started !== generation) return status;
    attempts.push({ eventId: stored.event.id, type: stored.event.type, attempt, status });
    if (status >= 200 && status < 300) setStatus(stored, 'delivered');
    else if (stored.status === 'pending' && attempt >= settings.maxAttempts) setStatus(stored, 'failed');
    return status;
  };

  const setStatus = (stored: StoredEvent, status: StoredEvent['status']): void => {
    stored.status = status;
    if (status === 'delivered') stored.event.pending_webhooks = 0;
    o.onChange();
  };

  const attemptUntilDelivered = async (stored: StoredEvent): Promise<void> => {
    if (paused) {
      waiting.push(stored);
      return;
    }
    const started = generation;
    await send(stored);
    if (stored.status !== 'pending' || started !== generation) return;
    const { retryDelaysMs } = settings;
    const wait = retryDelaysMs[Math.min(stored.attempts, retryDelaysMs.length) - 1] ?? 1000;
    after(wait, () => attemptUntilDelivered(stored));
  };

  const begin = (stored: StoredEvent): void => {
    if (toDrop > 0) {
      toDrop -= 1;
      setStatus(stored, 'failed');
      return;
    }
    if (toHold > 0) {
      toHold -= 1;
      held.push(stored);
      if (toHold === 0) void track(releaseReversed);
      return;
    }
    const times = toDuplicate > 0 ? 2 : 1;
    if (times === 2) toDuplicate -= 1;
    if (settings.delayMs > 0) after(settings.delayMs, () => attemptUntilDelivered(stored));
    else void track(() => attemptUntilDelivered(stored));
    if (times === 2) after(settings.delayMs + 1, () => send(stored));
  };

  const releaseReversed = async (): Promise<void> => {
    const events = held.reverse();
    held = [];
    for (const stored of events) await attemptUntilDelivered(stored);
  };

  return {
    settings,
    deliver(stored) {
      stored.event.pending_webhooks = settings.url === undefined ? 0 : 1;
      if (settings.url === undefined) setStatus(stored, 'failed');
      else if (paused) waiting.push(stored);
      else begin(stored);
    },
    redeliver: stored => track(() => send(stored)),
    sendRaw: (body, { secret, timestamp }) =>
      track(() => post(body, signWebhook(body, [secret], timestamp ?? o.now()))),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      const events = waiting;
      waiting = [];
      for (const stored of events) begin(stored);
    },
    dropNext(n) {
      toDrop = n;
    },
    duplicateNext(n) {
      toDuplicate = n;
    },
    reorderNext(n) {
      toHold = n;
    },
    releaseHeld() {
      toHold = 0;
      void track(releaseReversed);
    },
    attempts: () => [...attempts],
    async quiet() {
      if (timers.size === 0 && busy === 0) return;
      await new Promise<void>(resolve => onQuiet.push(resolve));
    },
    clear() {
      generation += 1;
      stopTimers();
      waiting = [];
      held = [];
      attempts = [];
      toDrop = 0;
      toHold = 0;
      toDuplicate = 0;
      paused = false;
      checkQuiet();
    },
    async close() {
      closed = true;
      stopTimers();
      for (const abort of underWay) abort.abort();
      if (busy > 0) await new Promise<void>(resolve => onQuiet.push(resolve));
    },
  };
}
