import type { EventDateTime, GoogleEvent } from './event-schema.ts';
import { instantOf, type TimeWindow } from './event-time.ts';
import { expandRecurrence } from './recurrence.ts';
import type { Calendar } from './state.ts';
import { etagOf, nextSeq, type World } from './world.ts';

/** Ids under which a list with `singleEvents` shows an event, each with its original start if it is an instance. */
export type VisibleIds = Map<string, EventDateTime | undefined>;

const dayMs = 86_400_000;

/** Bounds the expansion of a series: to `timeMax` where given, otherwise some time ahead of now and of its start. */
export function boundedWindow(master: GoogleEvent, window: TimeWindow, calendar: Calendar, world: World): TimeWindow {
  const from = Math.max(world.now().getTime(), instantOf(master.start, calendar.timeZone));
  return { from: window.from, to: window.to ?? from + world.settings.expandDays * dayMs };
}

/** See `VisibleIds`; empty for a deleted event. */
export function visibleIds(event: GoogleEvent, calendar: Calendar, world: World): VisibleIds {
  if (event.status === 'cancelled') return new Map();
  if (!event.recurrence) return new Map([[event.id ?? '', undefined]]);
  const occurrences = expandRecurrence(event, calendar.timeZone, boundedWindow(event, {}, calendar, world));
  return new Map(occurrences.map(each => [each.id, each.originalStartTime]));
}

/**
 * Remembers the instances that a change of their series took away, so that incremental lists can report each one as
 * cancelled, and cancels moved instances whose place in the series is gone.
 */
export function recordVanished(calendar: Calendar, before: VisibleIds, after: VisibleIds, world: World): void {
  for (const id of after.keys()) calendar.ghosts.delete(id);
  for (const [id, originalStartTime] of before) {
    if (after.has(id)) continue;
    const stored = calendar.events.get(id);
    if (stored && !stored.resource.recurrence) {
      if (stored.resource.status === 'cancelled') continue;
      stored.seq = nextSeq(calendar);
      const updated = world.now().toISOString();
      stored.resource = { ...stored.resource, status: 'cancelled', etag: etagOf(stored.seq), updated };
    } else {
      const recurringEventId = originalStartTime && id.replace(/_[^_]*$/, '');
      calendar.ghosts.set(id, { id, seq: nextSeq(calendar), recurringEventId, originalStartTime });
    }
  }
}
