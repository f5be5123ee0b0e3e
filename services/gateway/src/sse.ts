import { type Booking, booking, type Result } from '@monde-sauvage/contracts';
import { isConnected, type NatsConnection } from '@monde-sauvage/messaging';
import type { Logger, Metrics } from '@monde-sauvage/service-kit';
import type { Response } from 'express';

/** A reader of one booking. */
interface Watch {
  /** The newest snapshot an event brought. */
  offer(snapshot: Booking): void;
  /** Reads the booking again: makes up for events that were missed. */
  refresh(): Promise<void>;
  close(): void;
}

export interface BookingStreams {
  /**
   * Writes a booking to `res` as server-sent events: at once, and at every change. `id` is the version; a client that
   * reconnects with the version it has seen gets only newer ones.
   * @param o.read reads the booking as the client may see it; a refusal at the start is returned and nothing is
   *   written, a later one ends the stream
   * @returns undefined once the stream is open; 'full' when there are too many, or the gateway is closing
   */
  open(o: {
    res: Response;
    bookingId: string;
    lastVersion: number;
    read: () => Promise<Result<Booking>>;
  }): Promise<Extract<Result<Booking>, { ok: false }> | 'full' | undefined>;
  /** After a reconnect to NATS: every stream reads its booking again. */
  refresh(): void;
  close(): void;
}

export interface StreamTimings {
  heartbeatMs: number;
  rereadMs: number;
  maxStreams: number;
}

export const streamDefaults: StreamTimings = { heartbeatMs: 15_000, rereadMs: 30_000, maxStreams: 2_000 };

/**
 * All streams of this replica share one core subscription to `booking.*` (events published to JetStream reach it too).
 * Core delivery may miss some, so every stream also reads its booking again from time to time and after a reconnect.
 * Only a higher version is ever sent on.
 */
export function createBookingStreams(o: {
  nc: NatsConnection;
  logger: Logger;
  metrics: Metrics;
  timings?: Partial<StreamTimings> | undefined;
}): BookingStreams {
  const timings = { ...streamDefaults, ...o.timings };
  const watches = new Map<string, Set<Watch>>();
  const gauge = o.metrics.gauge('booking_streams', 'Open server-sent event streams');
  let count = 0;
  let closed = false;

  const everyWatch = () => [...watches.values()].flatMap(some => [...some]);
  const add = (bookingId: string, watch: Watch) => {
    const some = watches.get(bookingId) ?? new Set();
    watches.set(bookingId, some.add(watch));
    gauge.set(++count);
  };
  const remove = (bookingId: string, watch: Watch) => {
    const some = watches.get(bookingId);
    if (!some?.delete(watch)) return;
    if (some.size === 0) watches.delete(bookingId);
    gauge.set(--count);
  };

  const subscription = o.nc.subscribe('booking.*', {
    callback: (error, message) => {
      if (error) return o.logger.error({ err: error }, 'cannot follow booking events; streams read again instead');
      const id = message.headers?.get('ce-subject');
      // Most bookings have no reader: their events are not worth parsing.
      if (id && !watches.has(id)) return;
      const snapshot = booking.safeParse(readJson(message.string()));
      if (!snapshot.success) return;
      for (const watch of watches.get(snapshot.data.id) ?? []) watch.offer(snapshot.data);
    },
  });
  return {
    async open({ res, bookingId, lastVersion, read }) {
      if (closed || count >= timings.maxStreams) return 'full';
      const writer = createWriter(res, lastVersion);
      let timers: NodeJS.Timeout[] = [];
      const watch: Watch = {
        offer: writer.offer,
        async refresh() {
          try {
            const current = await read();
            if (current.ok) writer.offer(current.value);
            else watch.close();
          } catch (error) {
            o.logger.debug({ err: error, bookingId }, 'a stream could not read its booking; it will try again');
          }
        },
        close() {
          for (const timer of timers) clearInterval(timer);
          remove(bookingId, watch);
          writer.end();
        },
      };
      // Watch first, read second: a change in between reaches the writer either way.
      add(bookingId, watch);
      res.once('close', () => watch.close());
      try {
        const first = await read();
        if (!first.ok) {
          remove(bookingId, watch);
          return first;
        }
        if (closed) return 'full';
        if (res.destroyed) return undefined;
        writer.start();
        writer.offer(first.value);
      } catch (error) {
        remove(bookingId, watch);
        throw error;
      }
      timers = [
        setInterval(writer.beat, timings.heartbeatMs),
        setInterval(() => void (isConnected(o.nc) && watch.refresh()), timings.rereadMs),
      ];
      return undefined;
    },
    refresh() {
      for (const watch of everyWatch()) void watch.refresh();
    },
    close() {
      closed = true;
      subscription.unsubscribe();
      for (const watch of everyWatch()) watch.close();
    },
  };
}

/** A slow client gets fewer events, not a longer queue: only the newest snapshot waits for it. */
function createWriter(res: Response, lastVersion: number) {
  let started = false;
  let sent = lastVersion;
  let newest: Booking | undefined;
  const flush = () => {
    if (!started || newest === undefined || res.writableEnded || res.writableNeedDrain) return;
    if (newest.version > sent) {
      sent = newest.version;
      res.write(`event: booking\nid: ${newest.version}\ndata: ${JSON.stringify(newest)}\n\n`);
    }
    newest = undefined;
  };
  res.on('drain', flush);
  return {
    start() {
      res.status(200).set({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      res.flushHeaders();
      res.write('retry: 2000\n\n');
      started = true;
    },
    offer(snapshot: Booking) {
      if (snapshot.version > (newest?.version ?? sent)) newest = snapshot;
      flush();
    },
    beat() {
      if (!res.writableEnded && !res.writableNeedDrain) res.write(': still here\n\n');
    },
    end() {
      if (started && !res.writableEnded) res.end();
    },
  };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
