import type Stripe from 'stripe';
import { z } from 'zod';
import { invalidParam, noSuch } from './errors.ts';
import type { FormTree } from './form.ts';
import { type List, listPage } from './lists.ts';
import { flag, listOf, listParams, parseParams } from './params.ts';
import type { EmittedObjects, EmittedType, StoredEvent, WireEvent, World } from './store.ts';

/** Stores an event with a copy of its object; the copy never changes afterwards. */
export function recordEvent<T extends EmittedType>(
  world: Pick<World, 'state' | 'now' | 'newId'>,
  o: {
    type: T;
    object: EmittedObjects[T];
    previous?: Partial<EmittedObjects[T]> | undefined;
    request: Stripe.Event.Request;
    apiVersion: string;
  },
): StoredEvent {
  const event: WireEvent = {
    id: world.newId('evt'),
    object: 'event',
    api_version: o.apiVersion,
    created: world.now(),
    data: { object: structuredClone(o.object), ...(o.previous ? { previous_attributes: o.previous } : {}) },
    livemode: false,
    pending_webhooks: 0,
    request: o.request,
    type: o.type,
  };
  const stored: StoredEvent = { event, status: 'pending', attempts: 0 };
  world.state.events[event.id] = stored;
  return stored;
}

const listSchema = z.strictObject({
  ...listParams,
  type: z.string().optional(),
  types: listOf(z.string()).optional(),
  delivery_success: flag.optional(),
});

/** `GET /v1/events`: newest first. `delivery_success=false` also returns what is still to be delivered. */
export function listEvents(world: World, params: FormTree): List<WireEvent> {
  const { type, types, delivery_success: delivered, ...page } = parseParams(listSchema, params);
  if (type !== undefined && types !== undefined) throw invalidParam('types', 'You may pass only one of type, types.');
  if (types !== undefined && types.length > 20) throw invalidParam('types', 'You may pass up to 20 types.');
  const wanted = types ?? (type === undefined ? undefined : [type]);
  const matches = Object.values(world.state.events).filter(
    ({ event, status }) =>
      (wanted === undefined || wanted.some(name => matchesType(event.type, name))) &&
      (delivered === undefined || delivered === (status === 'delivered')),
  );
  return listPage(
    '/v1/events',
    'event',
    matches.map(stored => stored.event),
    page,
  );
}

export function retrieveEvent(world: World, id: string): WireEvent {
  const stored = world.state.events[id];
  if (!stored) throw noSuch('event', id);
  return stored.event;
}

// `charge.*` and `*` stand for groups, as in Stripe's own filter.
function matchesType(type: string, wanted: string): boolean {
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
