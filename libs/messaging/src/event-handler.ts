import type { EventContract, StreamName } from '@monde-sauvage/contracts';
import { traced } from '@monde-sauvage/service-kit';
import { z } from 'zod';

export interface EventMeta {
  /** The event's id, the same at every delivery. */
  id: string;
  time: Date;
  /** 1 for the first delivery. */
  deliveries: number;
  traceparent?: string;
}

/** One entry of a service's table of events, made by `on`. */
export interface EventHandler {
  subject: string;
  stream: StreamName;
  /** @throws UnreadableEventError when the body is not what the contract says */
  run(body: unknown, meta: EventMeta): Promise<void>;
}

/** Has `consumer` handle an event, as a span under the trace of the change that the event tells. */
export function runTraced(handler: EventHandler, consumer: string, body: unknown, meta: EventMeta): Promise<void> {
  const { traceparent: parent, ...about } = meta;
  const attributes = {
    'messaging.system': 'nats',
    'messaging.destination.name': handler.subject,
    'messaging.consumer.group.name': consumer,
    'messaging.message.id': about.id,
    'monde_sauvage.deliveries': about.deliveries,
  };
  return traced(`process ${handler.subject}`, { kind: 'consumer', parent, attributes }, ({ traceparent }) =>
    handler.run(body, { ...about, ...(traceparent === undefined ? {} : { traceparent }) }),
  );
}

/** No later try can help: the body is not what the contract says. */
export class UnreadableEventError extends Error {
  override name = 'UnreadableEventError';
}

/**
 * Ties an event to the function that reacts to it. It may be called more than once for one event, and out of order:
 * compare versions. What it throws is logged and the event delivered again later.
 */
export const on = <S extends z.ZodType>(
  contract: EventContract<S>,
  handler: (body: z.output<S>, meta: EventMeta) => Promise<void>,
): EventHandler => ({
  subject: contract.subject,
  stream: contract.stream,
  async run(raw, meta) {
    const body = contract.body.safeParse(raw);
    if (!body.success) throw new UnreadableEventError(z.prettifyError(body.error));
    await handler(body.data, meta);
  },
});
