import type { EventContract } from '@monde-sauvage/contracts';
import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import type { z } from 'zod';
import { outboxRow } from './outbox.ts';

/** CloudEvents 1.0, NATS binding, binary mode: attributes in headers, the body as it is. */
export function cloudEventHeaders(event: {
  id: string;
  subject: string;
  source: string;
  at: Date;
  more: Record<string, string>;
}): MsgHdrs {
  const h = headers();
  h.set('ce-specversion', '1.0');
  h.set('ce-id', event.id);
  h.set('ce-type', event.subject);
  h.set('ce-source', event.source);
  h.set('ce-time', event.at.toISOString());
  h.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(event.more)) h.set(name, value);
  return h;
}

/**
 * Publishes one event straight to its stream, with the headers the outbox relay gives. For tests and tools that play a
 * publisher; a service announces its changes through its outbox, in the commit that made them.
 */
export async function publishEvent<S extends z.ZodType>(
  nc: NatsConnection,
  contract: EventContract<S>,
  body: z.input<S>,
  o: { id: string; aggregateId: string; at: Date; source: string },
): Promise<void> {
  const { id, subject, headers: more } = outboxRow(contract, body, o);
  const h = cloudEventHeaders({ id, subject, source: `/services/${o.source}`, at: o.at, more });
  await nc.jetstream().publish(subject, JSON.stringify(body), { msgID: id, headers: h });
}
