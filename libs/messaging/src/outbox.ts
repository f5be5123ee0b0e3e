import type { EventContract } from '@monde-sauvage/contracts';
import { currentTraceparent } from '@monde-sauvage/service-kit';
import type { z } from 'zod';

/** The columns that a service writes to its `outbox` table, in the transaction of the change that the event tells. */
export interface OutboxRow<B = unknown> {
  id: string;
  subject: string;
  body: B;
  headers: Record<string, string>;
  createdAt: Date;
}

/**
 * An event as a row of the outbox.
 * @param o.id UUID; also the Nats-Msg-Id and the CloudEvents id
 * @param o.aggregateId what the event is about (`ce-subject`): events of one aggregate are handled in order where possible
 * @param o.traceparent the trace the change belongs to, instead of the current one
 * @throws ZodError when the body is not what the contract says: the change must not be committed either
 */
export function outboxRow<S extends z.ZodType>(
  contract: EventContract<S>,
  body: z.input<S>,
  o: { id: string; aggregateId: string; at: Date; traceparent?: string | undefined },
): OutboxRow<z.input<S>> {
  contract.body.parse(body);
  const traceparent = o.traceparent ?? currentTraceparent();
  return {
    id: o.id,
    subject: contract.subject,
    body,
    headers: { 'ce-subject': o.aggregateId, ...(traceparent === undefined ? {} : { traceparent }) },
    createdAt: o.at,
  };
}
