import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Calendar, Channel } from './state.ts';

export const pushFaultInput = z.object({
  kind: z.enum(['drop', 'duplicate', 'delay', 'reorder']),
  calendarId: z.string().optional(),
  /** How many pushes it strikes; 0 means all until it is cleared. */
  times: z.number().int().min(0).default(1),
  /** For `delay`. */
  delayMs: z.number().int().min(0).max(600_000).default(1000),
});
export type PushFaultInput = z.input<typeof pushFaultInput>;

/** A push as it was sent, or deliberately not sent. */
export interface PushRecord {
  at: string;
  channelId: string;
  calendarId: string;
  state: 'sync' | 'exists' | 'not_exists';
  messageNumber: number;
  /** Status of the last try; absent while under way and when nobody answered. */
  status?: number;
  tries: number;
  dropped: boolean;
}

export interface ChannelHub {
  /** Sends the `sync` message of a new channel. */
  greet(channel: Channel): void;
  /** Tells every live channel of a calendar that something changed. */
  announce(calendar: Calendar, state?: 'exists' | 'not_exists'): void;
  addFault(input: PushFaultInput): void;
  clearFaults(): void;
  pushes(): PushRecord[];
  clearPushes(): void;
  /** Resolves once no push is under way, held back or waiting for a retry. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

interface HubOptions {
  channels: Map<string, Channel>;
  resourceUri: (calendarId: string) => string;
  now: () => Date;
  changed: () => void;
  /** Where pushes go instead of to the origin of their address, whose path stays. */
  pushOrigin?: string | undefined;
  /** Wait before the nth retry. Google backs off for minutes; the emulator for fractions of a second. */
  retryDelayMs?: (attempt: number) => number;
}

/** Google retries these answers, and no others (Google: push notifications, responding). */
const retriedStatuses = new Set([500, 502, 503, 504]);
const mostTries = 5;
const mostRecords = 5000;
const pushTimeoutMs = 10_000;

/** Delivers push notifications over HTTP: header fields only, no body, never waited for by the caller. */
export function createChannelHub(options: HubOptions): ChannelHub {
  const { channels, now, changed } = options;
  const retryDelayMs = options.retryDelayMs ?? (attempt => 100 * 2 ** attempt);
  const records: PushRecord[] = [];
  const underWay = new Set<Promise<void>>();
  const held: (() => void)[] = [];
  let faults: z.output<typeof pushFaultInput>[] = [];
  let stop = new AbortController();

  const track = (work: Promise<void>) => {
    const tracked = work.catch(() => {}).finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  const takeFault = (calendarId: string) => {
    const fault = faults.find(each => each.calendarId === undefined || each.calendarId === calendarId);
    if (!fault) return undefined;
    if (fault.times === 1) faults = faults.filter(each => each !== fault);
    else if (fault.times > 1) fault.times -= 1;
    return fault;
  };

  const deliver = async (address: string, headers: Record<string, string>, record: PushRecord, signal: AbortSignal) => {
    for (let attempt = 0; attempt < mostTries; attempt += 1) {
      if (attempt > 0) await delay(retryDelayMs(attempt), undefined, { signal });
      record.tries += 1;
      const status = await post(address, headers, signal);
      if (status !== undefined) record.status = status;
      if (status !== undefined && !retriedStatuses.has(status)) return;
    }
  };

  const send = (channel: Channel, state: PushRecord['state']) => {
    channel.messageNumber += 1;
    changed();
    const record: PushRecord = {
      at: now().toISOString(),
      channelId: channel.id,
      calendarId: channel.calendarId,
      state,
      messageNumber: channel.messageNumber,
      tries: 0,
      dropped: false,
    };
    records.push(record);
    if (records.length > mostRecords) records.shift();
    const headers = pushHeaders(channel, state, options.resourceUri(channel.calendarId));
    const { signal } = stop;
    const go = () => track(deliver(reachable(channel.address, options.pushOrigin), headers, record, signal));
    const fault = state === 'sync' ? undefined : takeFault(channel.calendarId);
    if (fault?.kind === 'drop') {
      record.dropped = true;
    } else if (fault?.kind === 'delay') {
      track(delay(fault.delayMs, undefined, { signal }).then(go));
    } else if (fault?.kind === 'reorder') {
      held.push(go);
    } else {
      go();
      if (fault?.kind === 'duplicate') go();
      for (const late of held.splice(0)) late();
    }
  };

  return {
    greet: channel => send(channel, 'sync'),
    announce: (calendar, state = 'exists') => {
      for (const channel of channels.values()) {
        if (channel.calendarId !== calendar.id) continue;
        if (channel.expiration <= now().getTime()) channels.delete(channel.id);
        else send(channel, state);
      }
    },
    addFault: input => {
      faults.push(pushFaultInput.parse(input));
    },
    clearFaults: () => {
      faults = [];
      for (const late of held.splice(0)) late();
    },
    pushes: () => [...records],
    clearPushes: () => {
      records.length = 0;
    },
    settled: async () => {
      for (const late of held.splice(0)) late();
      while (underWay.size > 0) await Promise.all(underWay);
    },
    close: async () => {
      held.length = 0;
      stop.abort();
      while (underWay.size > 0) await Promise.all(underWay);
      stop = new AbortController();
    },
  };
}

function reachable(address: string, origin: string | undefined): string {
  if (origin === undefined) return address;
  const { pathname, search } = new URL(address);
  return new URL(`${pathname}${search}`, origin).toString();
}

function pushHeaders(channel: Channel, state: PushRecord['state'], resourceUri: string): Record<string, string> {
  return {
    'X-Goog-Channel-ID': channel.id,
    ...(channel.token === undefined ? {} : { 'X-Goog-Channel-Token': channel.token }),
    'X-Goog-Channel-Expiration': new Date(channel.expiration).toUTCString(),
    'X-Goog-Resource-ID': channel.resourceId,
    'X-Goog-Resource-URI': resourceUri,
    'X-Goog-Resource-State': state,
    'X-Goog-Message-Number': String(channel.messageNumber),
    'User-Agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
  };
}

async function post(address: string, headers: Record<string, string>, signal: AbortSignal) {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(pushTimeoutMs)]),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}
